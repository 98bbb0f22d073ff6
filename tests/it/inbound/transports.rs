//! The ways in: a real Dovecot, a real Postfix, a Maildir, a mail alias, webhooks.

use crate::harness::environment::missing;
use crate::harness::mail_servers::Dovecot;
use crate::inbound::bounces::{Desk, dsn};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use paperboy::clock::FixedClock;
use paperboy::inbound::imap::Mailbox;
use paperboy::inbound::lmtp::{self, LmtpDelivery};
use paperboy::inbound::maildir::{MaildirScan, Waiting};
use paperboy::inbound::{ImapSecurity, ImapSettings, MAIL_BYTES_MAX};
use paperboy::store::Store;
use paperboy::web::webhooks::{Fetch, WebhookState, router};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const UNKNOWN: &str = "550 5.1.1 no such user (in reply to RCPT TO command)";

/// Takes a mail as the daemon does.
fn takes(
    desk: &Desk,
    mail: &[u8],
    envelope: &paperboy::inbound::Envelope,
) -> paperboy::inbound::Receipt {
    desk.db
        .run_here(|store: &mut dyn Store| {
            desk.reception
                .take_mail(store, mail, envelope, false, desk.now)
        })
        .unwrap()
}

#[tokio::test]
async fn a_dovecot_mailbox_is_read_and_what_is_not_ours_stays_unseen() {
    let Some(dovecot) = Dovecot::start(None).await else {
        return missing("Dovecot, or root to run it,");
    };
    let desk = Desk::new();
    let id = desk.sends("ada", 0);
    dovecot.delivers(
        "1.a.host",
        &dsn(
            &desk.bounces(id),
            "ada@example.org",
            "5.1.1",
            UNKNOWN,
            "Subject: x",
        ),
    );
    dovecot.delivers(
        "2.b.host",
        "From: friend@example.net\r\nTo: me@example.net\r\nSubject: lunch\r\n\r\nat noon?\r\n",
    );
    let mut settings = ImapSettings {
        host: "127.0.0.1".to_owned(),
        port: dovecot.port,
        security: ImapSecurity::None,
        username: "reports".to_owned(),
        password: "wrong".into(),
        mailbox: "INBOX".to_owned(),
        done_mailbox: Some("Done".to_owned()),
        ca_file: None,
    };
    let refused = Mailbox::open(&settings).await.err().unwrap().to_string();
    assert!(
        refused.starts_with("the IMAP server refused LOGIN") && !refused.contains("wrong"),
        "{refused}"
    );
    settings.password = "geheim".into();
    let mut mailbox = Mailbox::open(&settings).await.unwrap();
    let unseen = mailbox.unseen().await.unwrap();
    assert_eq!(unseen.len(), 2);
    for number in unseen {
        let mail = mailbox.fetch(number).await.unwrap().unwrap();
        let receipt = takes(&desk, &mail, &paperboy::inbound::Envelope::default());
        if receipt.is_ours {
            mailbox.settle(&[number]).await.unwrap();
        } else {
            mailbox.leave(number);
        }
    }
    assert_eq!(desk.suppressed(), ["ada@example.org"]);
    assert_eq!(mailbox.unseen().await.unwrap(), Vec::<u32>::new());
    // A mail that comes while we wait ends the wait.
    let (waited, ()) = tokio::join!(timeout(Duration::from_mins(1), mailbox.wait()), async {
        dovecot.delivers("3.c.host", "From: x@example.net\r\n\r\nlate\r\n");
    });
    waited.unwrap().unwrap();
    assert_eq!(mailbox.unseen().await.unwrap().len(), 1);
    mailbox.close().await;
    // The letter is as it was, the report has moved, nothing is gone.
    let mut again = Mailbox::open(&settings).await.unwrap();
    assert_eq!(again.unseen().await.unwrap().len(), 2);
    let done = ImapSettings {
        mailbox: "Done".to_owned(),
        ..settings
    };
    let mut done = Mailbox::open(&done).await.unwrap();
    assert_eq!(
        done.unseen().await.unwrap().len(),
        0,
        "it was marked as seen"
    );
    assert!(done.fetch(1).await.unwrap().is_some());
}

/// Speaks to an SMTP or LMTP server, line by line; answers the last reply.
async fn talk(port: u16, lines: &[&str]) -> Vec<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read).lines();
    let mut heard = vec![read.next_line().await.unwrap().unwrap()];
    for line in lines {
        write
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .unwrap();
        loop {
            let reply = read.next_line().await.unwrap().unwrap_or_default();
            if reply.as_bytes().get(3) != Some(&b'-') {
                heard.push(reply);
                break;
            }
        }
    }
    heard
}

async fn lmtp_for(desk: &Desk) -> (u16, mpsc::Receiver<LmtpDelivery>, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, stop) = (
        listener.local_addr().unwrap().port(),
        CancellationToken::new(),
    );
    let (hand_over, handed) = mpsc::channel(2);
    let ours = vec![desk.reception.settings.addresses.bounce.clone().unwrap()];
    tokio::spawn(lmtp::serve(listener, ours, hand_over, stop.clone()));
    (port, handed, stop)
}

#[tokio::test]
async fn the_lmtp_server_takes_our_addresses_alone_and_keeps_nothing_it_cannot_record() {
    let desk = Desk::new();
    let (port, mut handed, _stop) = lmtp_for(&desk).await;
    let heard = talk(
        port,
        &[
            "EHLO x",
            "LHLO x",
            "RCPT TO:<bounces@digest.example>",
            "MAIL FROM:<>",
            "RCPT TO:<else@digest.example>",
            "DATA",
            "NONSENSE",
            "RCPT TO:<Bounces+abc@digest.example>",
        ],
    );
    let codes: Vec<String> = heard
        .await
        .iter()
        .map(|line| line[..3].to_owned())
        .collect();
    assert_eq!(
        codes,
        [
            "220", "500", "250", "503", "250", "550", "503", "500", "250"
        ]
    );
    for (is_recorded, code) in [(true, "250"), (false, "451")] {
        let said = tokio::spawn(async move {
            talk(
                port,
                &[
                    "LHLO x",
                    "MAIL FROM:<>",
                    "RCPT TO:<bounces@digest.example>",
                    "DATA",
                    "To: x\r\n\r\n..dot\r\n.",
                ],
            )
            .await
        });
        let one = handed.recv().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&one.mail), "To: x\r\n\r\n.dot\r\n");
        one.done.send(is_recorded).unwrap();
        assert_eq!(&said.await.unwrap().last().unwrap()[..3], code);
    }
}

#[test]
fn a_maildir_gives_what_is_ours_and_keeps_the_rest() {
    let desk = Desk::new();
    let id = desk.sends("ada", 0);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("new")).unwrap();
    fs::write(
        folder.path().join("new/1.a"),
        dsn(&desk.bounces(id), "ada@example.org", "5.1.1", UNKNOWN, ""),
    )
    .unwrap();
    fs::write(
        folder.path().join("new/2.b"),
        "From: friend@example.net\n\nhello\n",
    )
    .unwrap();
    let mut watch = MaildirScan::default();
    for path in watch.look(folder.path()).unwrap() {
        let waiting = Waiting::read(path, MAIL_BYTES_MAX).unwrap().unwrap();
        let receipt = takes(
            &desk,
            &waiting.mail,
            &paperboy::inbound::Envelope::default(),
        );
        if receipt.is_ours {
            waiting.settle(folder.path()).unwrap();
        } else {
            watch.leave(waiting);
        }
    }
    assert_eq!(desk.suppressed(), ["ada@example.org"]);
    assert!(watch.look(folder.path()).unwrap().is_empty());
    assert!(folder.path().join("cur/1.a:2,S").is_file() && folder.path().join("new/2.b").is_file());
}

#[test]
fn a_mail_alias_gets_the_exit_codes_of_sysexits() {
    let folder = tempfile::tempdir().unwrap();
    let program = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_paperboy"))
            .args(words)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    fs::write(
        folder.path().join("report.eml"),
        dsn("x@y.example", "ada@example.org", "5.1.1", UNKNOWN, ""),
    )
    .unwrap();
    assert_eq!(
        program(&["inbound", "report.eml"]).status.code(),
        Some(75),
        "no settings: the mail server keeps it"
    );
    assert!(program(&["init", "."]).status.success());
    assert_eq!(program(&["inbound", "missing.eml"]).status.code(), Some(66));
    let said = program(&["inbound", "report.eml", "--json", "--dry-run"]);
    assert_eq!(
        said.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (&said["class"], &said["recipient"], &said["status"]),
        (&"hard".into(), &"ada@example.org".into(), &"5.1.1".into())
    );
    assert_eq!(
        (&said["reason"], &said["action"], &said["others"]),
        (
            &"userunknown".into(),
            &"none".into(),
            &serde_json::json!([])
        )
    );
    // Nothing at all is no report, and no failure.
    assert_eq!(program(&["inbound"]).status.code(), Some(0));
}

/// Answers with a certificate, and remembers what it was asked for.
pub(crate) struct Certificates(Vec<u8>, std::sync::Mutex<Vec<String>>);

impl Certificates {
    /// The addresses that were fetched.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

impl Fetch for Certificates {
    fn get(
        &self,
        url: String,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + '_>> {
        self.1.lock().unwrap().push(url);
        Box::pin(async { Ok(self.0.clone()) })
    }
}

pub(crate) struct Hooks {
    pub(crate) desk: Desk,
    pub(crate) certificates: Arc<Certificates>,
    rsa: RsaKeyPair,
    ecdsa: EcdsaKeyPair,
}

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:reports";

impl Hooks {
    pub(crate) fn new() -> Self {
        let pem = fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/digest/keys/dkim-rsa-pkcs8.pem"),
        )
        .unwrap();
        let pair = rcgen::KeyPair::from_pem_and_sign_algo(&pem, &rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .unwrap();
        let ecdsa = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            pkcs8.as_ref(),
            &SystemRandom::new(),
        )
        .unwrap();
        // SubjectPublicKeyInfo of a P-256 key (RFC 5480): a fixed head and the point.
        let head = STANDARD
            .decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
            .unwrap();
        let info = [&head[..26], ecdsa.public_key().as_ref()].concat();
        let mut desk = Desk::new();
        let webhooks = &mut desk.reception.settings.webhooks;
        webhooks.ses_topic = Some(TOPIC.to_owned());
        webhooks.postmark_secret = Some("open sesame".into());
        webhooks.brevo_secret = Some("open sesame".into());
        webhooks.mailgun_signing_key = Some("mailgun key".into());
        webhooks.sendgrid_public_key = Some(STANDARD.encode(info));
        let certificates = Arc::new(Certificates(
            certificate.pem().into_bytes(),
            std::sync::Mutex::default(),
        ));
        let rsa = RsaKeyPair::from_pkcs8(&pair.serialize_der()).unwrap();
        Hooks {
            desk,
            certificates,
            rsa,
            ecdsa,
        }
    }

    pub(crate) fn site(&self) -> WebhookState {
        WebhookState {
            db: self.desk.db.clone(),
            reception: self.desk.reception.clone(),
            clock: Arc::new(FixedClock::at(self.desk.now)),
            fetch: Arc::clone(&self.certificates) as Arc<dyn Fetch>,
            trusted_proxies: Vec::new(),
        }
    }

    pub(crate) async fn posts(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> StatusCode {
        let site = self.site();
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router(site)
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap()
            .status()
    }

    /// An SNS message, signed.
    pub(crate) fn sns(&self, kind: &str, message: &str) -> String {
        let (at, url) = (
            "2026-08-04T11:59:00.000Z",
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        );
        let signed = match kind {
            "Notification" => {
                format!(
                    "Message\n{message}\nMessageId\n1\nTimestamp\n{at}\nTopicArn\n{TOPIC}\nType\n{kind}\n"
                )
            }
            _ => format!(
                "Message\n{message}\nMessageId\n1\nSubscribeURL\n{url}\nTimestamp\n{at}\nToken\nt\nTopicArn\n{TOPIC}\nType\n{kind}\n"
            ),
        };
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        self.rsa
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        let mut value = serde_json::json!({
            "Type": kind, "MessageId": "1", "TopicArn": TOPIC, "Message": message, "Timestamp": at, "SignatureVersion": "2",
            "Signature": STANDARD.encode(signature), "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/key.pem",
        });
        if kind != "Notification" {
            value["SubscribeURL"] = url.into();
            value["Token"] = "t".into();
        }
        value.to_string()
    }
}

#[tokio::test]
async fn ses_is_believed_when_amazon_has_signed() {
    let hooks = Hooks::new();
    hooks.desk.sends("ada", 0);
    let bounce = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"ada@example.org","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}],"feedbackId":"f"},"mail":{"source":"x"}}"#;
    let good = hooks.sns("Notification", bounce);
    for forged in [
        good.replace("5.1.1 user", "5.1.2 user"),
        good.replace(
            "https://sns.eu-west-1.amazonaws.com/key.pem",
            "https://evil.example/key.pem",
        ),
        good.replace(":reports\"", ":others\""),
    ] {
        assert_eq!(
            hooks.posts("/webhooks/ses", &[], &forged).await,
            StatusCode::FORBIDDEN,
            "{forged}"
        );
    }
    assert!(
        !hooks
            .certificates
            .1
            .lock()
            .unwrap()
            .iter()
            .any(|url| url.contains("evil")),
        "a stranger's address is not fetched"
    );
    assert_eq!(hooks.desk.suppressed(), Vec::<String>::new());
    assert_eq!(
        hooks.posts("/webhooks/ses", &[], &good).await,
        StatusCode::OK
    );
    assert_eq!(hooks.desk.suppressed(), ["ada@example.org"]);
    assert_eq!(
        hooks
            .posts(
                "/webhooks/ses",
                &[],
                &hooks.sns("SubscriptionConfirmation", "hello")
            )
            .await,
        StatusCode::OK
    );
    assert!(
        hooks
            .certificates
            .1
            .lock()
            .unwrap()
            .last()
            .unwrap()
            .contains("ConfirmSubscription")
    );
    assert_eq!(
        hooks.posts("/webhooks/ses", &[], "{}").await,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn each_provider_is_believed_when_it_has_signed() {
    let hooks = Hooks::new();
    for name in ["ada", "bob", "cyd", "dan"] {
        hooks.desk.sends(name, 0);
    }
    let postmark = r#"{"RecordType":"Bounce","ID":1,"Type":"HardBounce","Email":"ada@example.org","Details":"smtp;550 5.1.1 user unknown (in reply to RCPT TO)"}"#;
    assert_eq!(
        hooks.posts("/webhooks/postmark", &[], postmark).await,
        StatusCode::FORBIDDEN
    );
    let basic = format!("Basic {}", STANDARD.encode("any:open sesame"));
    assert_eq!(
        hooks
            .posts("/webhooks/postmark", &[("authorization", &basic)], postmark)
            .await,
        StatusCode::OK
    );
    assert_eq!(hooks.desk.suppressed(), ["ada@example.org"]);

    let brevo = r#"{"event":"spam","email":"bob@example.org","ts":1,"message-id":"<unknown@x>"}"#;
    assert_eq!(
        hooks.posts("/webhooks/brevo?token=wrong", &[], brevo).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        hooks
            .posts("/webhooks/brevo?token=open%20sesame", &[], brevo)
            .await,
        StatusCode::OK
    );
    assert_eq!(
        hooks.desk.status("bob"),
        paperboy::subscriber::Status::Unsubscribed
    );

    let mailgun = |timestamp: i64| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"mailgun key");
        let tag = ring::hmac::sign(&key, format!("{timestamp}tok").as_bytes());
        let hex = tag.as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        format!(
            r#"{{"signature":{{"timestamp":"{timestamp}","token":"tok","signature":"{hex}"}},"event-data":{{"event":"failed","severity":"permanent","recipient":"cyd@example.org","delivery-status":{{"code":550,"message":"5.1.1 no such user"}}}}}}"#
        )
    };
    let now = hooks.desk.now.timestamp();
    assert_eq!(
        hooks
            .posts("/webhooks/mailgun", &[], &mailgun(now - 200_000))
            .await,
        StatusCode::FORBIDDEN,
        "too old"
    );
    assert_eq!(
        hooks
            .posts(
                "/webhooks/mailgun",
                &[],
                &mailgun(now).replace("tok\",\"sig", "tak\",\"sig")
            )
            .await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        hooks.posts("/webhooks/mailgun", &[], &mailgun(now)).await,
        StatusCode::OK
    );
    assert_eq!(
        hooks.desk.status("cyd"),
        paperboy::subscriber::Status::Suppressed
    );

    let body = r#"[{"event":"bounce","email":"dan@example.org","status":"5.1.1","reason":"550 5.1.1 no such user","sg_event_id":"e"}]"#;
    let stamp = now.to_string();
    let signature = hooks
        .ecdsa
        .sign(&SystemRandom::new(), format!("{stamp}{body}").as_bytes())
        .unwrap();
    let signature = STANDARD.encode(signature);
    let names = [
        "x-twilio-email-event-webhook-signature",
        "x-twilio-email-event-webhook-timestamp",
    ];
    let headers = [(names[0], signature.as_str()), (names[1], stamp.as_str())];
    assert_eq!(
        hooks
            .posts("/webhooks/sendgrid", &headers, &body.replace("dan", "eve"))
            .await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        hooks.posts("/webhooks/sendgrid", &headers, body).await,
        StatusCode::OK
    );
    assert_eq!(
        hooks.desk.status("dan"),
        paperboy::subscriber::Status::Suppressed
    );
    assert_eq!(
        hooks.posts("/webhooks/nobody", &[], "{}").await,
        StatusCode::NOT_FOUND
    );
}
