//! The IMAP client where things go wrong: certificates, logins, folders, servers that go away.

use crate::harness::environment::missing;
use crate::harness::mail_servers::Dovecot;
use crate::outbox::tls::Authority;
use paperboy::inbound::imap::Mailbox;
use paperboy::inbound::{ImapSecurity, ImapSettings};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;

const LETTER: &str =
    "From: friend@example.net\r\nTo: me@example.net\r\nSubject: lunch\r\n\r\nat noon?\r\n";

fn settings(port: u16, security: ImapSecurity, ca_file: Option<PathBuf>) -> ImapSettings {
    ImapSettings {
        host: "localhost".to_owned(),
        port,
        security,
        username: "reports".to_owned(),
        password: "geheim".into(),
        mailbox: "INBOX".to_owned(),
        done_mailbox: None,
        ca_file,
    }
}

/// What is said in one line where it cannot be opened.
async fn complaint(settings: &ImapSettings) -> String {
    let error = Mailbox::open(settings)
        .await
        .err()
        .expect("it cannot be opened");
    format!("{:#}", anyhow::Error::from(error))
}

#[track_caller]
fn says(said: &str, words: &[&str]) {
    assert!(
        words.iter().all(|word| said.contains(word)) && !said.contains('\n'),
        "{said}"
    );
    assert!(!said.contains("geheim"), "a password: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dovecot_is_read_over_tls_and_starttls_and_only_if_it_shows_who_it_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let Some(dovecot) = Dovecot::start(Some((&authority, "localhost"))).await else {
        return missing("Dovecot, or root to run it,");
    };
    dovecot.delivers("1.a", LETTER);
    let both = [
        (dovecot.tls_port, ImapSecurity::Tls),
        (dovecot.port, ImapSecurity::StartTls),
    ];
    for (port, security) in both {
        let right = settings(port, security, Some(authority.path("ca.pem")));
        let mut mailbox = Mailbox::open(&right).await.unwrap();
        let unseen = mailbox.unseen().await.unwrap();
        assert_eq!(unseen.len(), 1, "{security:?}");
        let mail = mailbox.fetch(unseen[0]).await.unwrap().unwrap();
        assert!(String::from_utf8(mail).unwrap().contains("at noon?"));
        mailbox.close().await;
        // Unknown to the system, of another authority, of another name.
        for (ca_file, host) in [
            (None, "localhost"),
            (Some(stranger.path("ca.pem")), "localhost"),
            (Some(authority.path("ca.pem")), "127.0.0.1"),
        ] {
            let wrong = ImapSettings {
                host: host.to_owned(),
                ..settings(port, security, ca_file)
            };
            says(
                &complaint(&wrong).await,
                &["cannot talk to the IMAP server", "certificate", "ca_file"],
            );
        }
        let wrong = ImapSettings {
            password: "geheimer".into(),
            ..right.clone()
        };
        says(
            &complaint(&wrong).await,
            &["refused LOGIN", "username and password_file"],
        );
        let wrong = ImapSettings {
            mailbox: "Nowhere".to_owned(),
            ..right.clone()
        };
        says(
            &complaint(&wrong).await,
            &["refused SELECT", "look at mailbox in [inbound.imap]"],
        );
        // Where reports are to be moved is made if it is missing, and a name that cannot be is
        // complained of.
        let mut made = Mailbox::open(&ImapSettings {
            done_mailbox: Some("Done".to_owned()),
            ..right.clone()
        })
        .await
        .unwrap();
        made.settle(&[]).await.unwrap();
        assert!(dovecot.mail().join(".Done").is_dir());
        let wrong = ImapSettings {
            done_mailbox: Some("a//b".to_owned()),
            ..right
        };
        says(
            &complaint(&wrong).await,
            &["refused CREATE", "done_mailbox"],
        );
    }
    // The right port with the wrong security.
    says(
        &complaint(&settings(dovecot.port, ImapSecurity::Tls, None)).await,
        &["cannot talk", "security"],
    );
}

#[tokio::test]
async fn a_mailbox_whose_numbers_were_given_anew_is_read_anew_and_nothing_is_lost() {
    let Some(dovecot) = Dovecot::start(None).await else {
        return missing("Dovecot, or root to run it,");
    };
    let settings = settings(dovecot.port, ImapSecurity::None, None);
    for name in ["1.a", "2.b", "3.c"] {
        dovecot.delivers(name, LETTER);
    }
    let mut mailbox = Mailbox::open(&settings).await.unwrap();
    let unseen = mailbox.unseen().await.unwrap();
    mailbox.settle(&unseen[..1]).await.unwrap();
    mailbox.leave(unseen[1]);
    mailbox.leave(unseen[2]);
    assert_eq!(mailbox.unseen().await.unwrap(), Vec::<u32>::new());
    mailbox.close().await;
    for entry in std::fs::read_dir(dovecot.mail()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("dovecot")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    let mut again = Mailbox::open(&settings).await.unwrap();
    assert_eq!(
        again.unseen().await.unwrap().len(),
        2,
        "what was seen stays seen, the rest is looked at again"
    );
}

/// A server that says what it is told to: `(what a command must hold, what it answers)`; `TAG`
/// stands for the tag.
async fn scripted(script: &'static [(&'static str, &'static str)]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"* OK ready\r\n").await.unwrap();
            for (wanted, answer) in script {
                let line = lines.next_line().await.unwrap().unwrap_or_default();
                assert!(line.contains(wanted), "{line} instead of {wanted}");
                let tag = line.split(' ').next().unwrap();
                if write
                    .write_all(answer.replace("TAG", tag).as_bytes())
                    .await
                    .is_err()
                {
                    break;
                }
            }
        }
    });
    port
}

const GREETED: [(&str, &str); 3] = [
    ("LOGIN", "TAG OK in\r\n"),
    (
        "CAPABILITY",
        "* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n",
    ),
    ("SELECT", "* 1 EXISTS\r\nTAG OK selected\r\n"),
];

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_is_noticed_at_once() {
    // In mid-IDLE.
    let port =
        scripted(const { &[GREETED[0], GREETED[1], GREETED[2], ("IDLE", "+ idling\r\n")] }).await;
    let mut mailbox = Mailbox::open(&settings(port, ImapSecurity::None, None))
        .await
        .unwrap();
    let ended = timeout(Duration::from_secs(20), mailbox.wait())
        .await
        .expect("it does not wait for ever");
    says(
        &format!("{:#}", anyhow::Error::from(ended.unwrap_err())),
        &["cannot talk to the IMAP server localhost"],
    );
    // In mid-mail: half a mail is none.
    let half = const {
        &[
            GREETED[0],
            GREETED[1],
            GREETED[2],
            (
                "UID FETCH",
                "* 1 FETCH (UID 1 BODY[]<0> {5000}\r\nReturn-Path: <>\r\n",
            ),
        ]
    };
    let port = scripted(half).await;
    let mut mailbox = Mailbox::open(&settings(port, ImapSecurity::None, None))
        .await
        .unwrap();
    let fetched = timeout(Duration::from_secs(20), mailbox.fetch(1))
        .await
        .unwrap();
    says(
        &format!("{:#}", anyhow::Error::from(fetched.unwrap_err())),
        &["cannot talk to the IMAP server localhost"],
    );
    // Before it says anything, and not at all.
    let port = scripted(&[]).await;
    says(
        &complaint(&settings(port, ImapSecurity::None, None)).await,
        &["it hung up"],
    );
    says(
        &complaint(&settings(1, ImapSecurity::None, None)).await,
        &["host and port"],
    );
}

#[tokio::test]
async fn a_password_is_never_sent_in_the_clear_where_starttls_is_wanted() {
    for answer in [
        "TAG BAD unknown command\r\n",
        "TAG OK go\r\n* OK injected before TLS\r\n",
    ] {
        let script: &'static [(&str, &str)] = Box::leak(Box::new([("STARTTLS", answer)]));
        let port = scripted(script).await;
        let said = complaint(&settings(port, ImapSecurity::StartTls, None)).await;
        says(&said, &["cannot talk to the IMAP server"]);
    }
}

#[tokio::test]
async fn lengths_that_no_mail_has_are_refused_before_they_cost_memory() {
    let huge = const {
        &[
            GREETED[0],
            GREETED[1],
            GREETED[2],
            ("UID FETCH", "* 1 FETCH (UID 1 BODY[] {99999999999}\r\n"),
        ]
    };
    let port = scripted(huge).await;
    let mut mailbox = Mailbox::open(&settings(port, ImapSecurity::None, None))
        .await
        .unwrap();
    assert!(mailbox.fetch(1).await.is_err());
}
