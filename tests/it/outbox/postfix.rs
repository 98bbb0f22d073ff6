//! A real Postfix as the relay, from STARTTLS to a maildir. Needs root, for Postfix does.

use crate::harness::environment::missing;
use crate::harness::mail_servers::{Postfix, listens};
use crate::outbox::delivery::Outbox;
use crate::outbox::tls::{Authority, settings};
use paperboy::outbox::{Security, SmtpSettings};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_relays_every_mail_into_a_maildir() {
    const MAILS: usize = 200;
    let authority = Authority::new();
    // Postfix reads the certificate as another user.
    fs::set_permissions(authority.path(""), Permissions::from_mode(0o755)).unwrap();
    let files = authority.certifies("localhost");
    let more = move |_: &std::path::Path| {
        format!(
            "mydestination =\nsmtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n\
             virtual_mailbox_domains = example.org\nvirtual_mailbox_maps = static:all/\n",
            files.cert_file.display(),
            files.key_file.display()
        )
    };
    let started = spawn_blocking(move || (Postfix::start(&more), authority))
        .await
        .unwrap();
    let (Some(postfix), authority) = started else {
        return missing("Postfix, or root to run it,");
    };
    listens(postfix.port).await;
    let mut outbox = Outbox::new().await;
    outbox.settings = SmtpSettings {
        connections: 4,
        ..settings(postfix.port, Security::StartTls, &authority)
    };
    outbox.settings.rate.per_second = 0;
    let names: Vec<String> = (0..MAILS).map(|at| format!("reader{at:03}")).collect();
    outbox.queues(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let summary = outbox.delivers().await;
    assert_eq!(
        (summary.accepted, summary.relay_trouble),
        (MAILS as u64, None)
    );
    for _ in 0..600 {
        if postfix.mails("all").len() >= MAILS {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let mut counted = BTreeMap::new();
    for mail in postfix.mails("all") {
        let text = fs::read_to_string(mail).unwrap();
        let to = text
            .lines()
            .find_map(|line| line.strip_prefix("Delivered-To: "))
            .unwrap()
            .to_owned();
        assert!(text.contains("with ESMTPS id"), "{text}");
        assert!(text.ends_with("\n.papers\n"), "{text}");
        *counted.entry(to).or_insert(0) += 1;
    }
    assert_eq!(
        counted,
        names
            .iter()
            .map(|name| (format!("{name}@example.org"), 1))
            .collect()
    );
    // The queue's number stands in our ledger.
    let row = outbox.row("reader000");
    assert!(
        row.text
            .as_deref()
            .is_some_and(|text| text.starts_with("Ok: queued as")),
        "{row:?}"
    );
    spawn_blocking(move || drop(postfix)).await.unwrap();
}
