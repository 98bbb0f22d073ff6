//! A real Postfix as the relay, from STARTTLS to a maildir. Needs root, for Postfix does.

use crate::delivery::Outbox;
use crate::place::{missing, runs};
use crate::tls::{Authority, settings};
use paperboy::outbox::{Security, SmtpSettings};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The user that mail belongs to in the maildir.
const NOBODY: u32 = 65_534;

struct Postfix {
    folder: TempDir,
    port: u16,
}

impl Postfix {
    /// Starts one with a certificate for localhost that takes mail for example.org into one maildir.
    fn start(authority: &Authority) -> Option<Self> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if !is_root || !Path::new("/usr/lib/postfix/sbin/master").exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let files = authority.certifies("localhost");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| folder.path().join(name);
        for name in ["config", "queue", "data", "mail"] {
            fs::create_dir(path(name)).unwrap();
        }
        chown(path("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        assert!(runs(Command::new("chown").arg("postfix").arg(path("data"))));
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {here}/queue\ndata_directory = {here}/data\n\
             daemon_directory = /usr/lib/postfix/sbin\ncommand_directory = /usr/sbin\nmail_owner = postfix\n\
             setgid_group = postdrop\nmyhostname = localhost\nmydestination =\ninet_interfaces = loopback-only\n\
             inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject\n\
             smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n\
             virtual_mailbox_domains = example.org\nvirtual_mailbox_base = {here}/mail\n\
             virtual_mailbox_maps = static:all/\nvirtual_uid_maps = static:{NOBODY}\n\
             virtual_gid_maps = static:{NOBODY}\nvirtual_minimum_uid = 1\nenable_long_queue_ids = yes\n",
            here = folder.path().display(),
            cert = files.cert_file.display(),
            key = files.key_file.display(),
        );
        fs::write(path("config/main.cf"), main).unwrap();
        let mut master = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
        for (service, command) in [
            ("cleanup unix n", "0 cleanup"),
            ("qmgr unix n", "1 qmgr"),
            ("tlsmgr unix -", "1 tlsmgr"),
            ("rewrite unix -", "- trivial-rewrite"),
            ("bounce unix -", "0 bounce"),
            ("defer unix -", "0 bounce"),
            ("trace unix -", "0 bounce"),
            ("proxymap unix -", "- proxymap"),
            ("error unix -", "- error"),
            ("retry unix -", "- error"),
            ("smtp unix -", "- smtp"),
            ("anvil unix -", "1 anvil"),
            ("showq unix n", "- showq"),
        ] {
            writeln!(master, "{service} - n - {command}").unwrap();
        }
        master.push_str("virtual unix - n n - - virtual\n");
        fs::write(path("config/master.cf"), master).unwrap();
        let postfix = Postfix { folder, port };
        assert!(postfix.told("start"), "postfix does not start");
        Some(postfix)
    }

    fn told(&self, what: &str) -> bool {
        runs(Command::new("postfix").arg("-c").arg(self.folder.path().join("config")).arg(what))
    }

    async fn listens(&self) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("postfix does not listen");
    }

    /// The mails in the maildir.
    fn mails(&self) -> Vec<PathBuf> {
        let read = fs::read_dir(self.folder.path().join("mail/all/new"));
        read.map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.told("stop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_relays_every_mail_into_a_maildir() {
    const MAILS: usize = 200;
    let authority = Authority::new();
    // Postfix reads the certificate as another user.
    fs::set_permissions(authority.path(""), Permissions::from_mode(0o755)).unwrap();
    let started = spawn_blocking(move || (Postfix::start(&authority), authority)).await.unwrap();
    let (Some(postfix), authority) = started else {
        return missing("Postfix, or root to run it,");
    };
    postfix.listens().await;
    let mut outbox = Outbox::new().await;
    outbox.settings = SmtpSettings { connections: 4, ..settings(postfix.port, Security::StartTls, &authority) };
    outbox.settings.rate.per_second = 0;
    let names: Vec<String> = (0..MAILS).map(|at| format!("reader{at:03}")).collect();
    outbox.queues(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let summary = outbox.delivers().await;
    assert_eq!((summary.accepted, summary.relay_trouble), (MAILS as u64, None));
    for _ in 0..600 {
        if postfix.mails().len() >= MAILS {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let mut counted = BTreeMap::new();
    for mail in postfix.mails() {
        let text = fs::read_to_string(mail).unwrap();
        let to = text.lines().find_map(|line| line.strip_prefix("Delivered-To: ")).unwrap().to_owned();
        assert!(text.contains("with ESMTPS id"), "{text}");
        assert!(text.ends_with("\n.papers\n"), "{text}");
        *counted.entry(to).or_insert(0) += 1;
    }
    assert_eq!(counted, names.iter().map(|name| (format!("{name}@example.org"), 1)).collect());
    // The queue's number stands in our ledger.
    let row = outbox.row("reader000");
    assert!(row.text.as_deref().is_some_and(|text| text.starts_with("Ok: queued as")), "{row:?}");
    spawn_blocking(move || drop(postfix)).await.unwrap();
}
