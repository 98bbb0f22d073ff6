//! One SMTP conversation against a scripted server.

use crate::harness::fake_smtp::{At, FakeRelay, many_lines};
use paperboy::outbox::smtp::{Connection, Dialer, SmtpFailure, Timeouts};
use paperboy::outbox::{Login, Security, SmtpSettings, SmtpStage};
use std::time::Duration;

fn settings(relay: &FakeRelay) -> SmtpSettings {
    SmtpSettings {
        port: relay.port(),
        security: Security::None,
        hello_name: Some("digest.example.org".to_owned()),
        ..SmtpSettings::default()
    }
}

/// Enough for a loopback on a busy machine; tests of servers that hang take less.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

async fn open(relay: &FakeRelay, wait: Duration) -> Result<Connection, SmtpFailure> {
    Dialer::new(&settings(relay), Timeouts::all(wait))?
        .open()
        .await
}

async fn offer(connection: &mut Connection, to: &str) -> Result<(), SmtpFailure> {
    connection
        .offer(
            &"bounces+1@example.org".parse().unwrap(),
            &to.parse().unwrap(),
        )
        .await
}

async fn send(connection: &mut Connection, to: &str, message: &str) -> Result<String, SmtpFailure> {
    offer(connection, to).await?;
    connection
        .hand_over(message.as_bytes())
        .await
        .map(|reply| reply.to_string())
}

const HELLO: &str = "Subject: hello\r\n\r\nhello\r\n";

#[track_caller]
fn check(failure: &SmtpFailure, stage: SmtpStage, text: &str, in_step: bool) {
    assert_eq!(
        (failure.stage, failure.text.as_str(), failure.in_step),
        (stage, text, in_step)
    );
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte() {
    for extensions in [&["PIPELINING"][..], &["pipelining", "8BITMIME"], &[]] {
        let relay = FakeRelay::offering(extensions).await;
        let mut connection = open(&relay, LONG).await.unwrap();
        let messages = [
            HELLO.to_owned(),
            "Subject: dots\r\n\r\n.\r\n..\r\n.leading\r\ntrailing.\r\n\r\n.\r\n".to_owned(),
            ".Subject: first byte\r\n\r\n".to_owned(),
            format!(
                "Subject: long\r\n\r\n{}",
                ".0123456789 é\r\n".repeat(20_000)
            ),
        ];
        for message in &messages {
            assert_eq!(
                send(&mut connection, "a@example.org", message)
                    .await
                    .unwrap(),
                "250 2.0.0 kept"
            );
        }
        let binary = b"Subject: latin-1\r\n\r\n.caf\xe9\r\n".to_vec();
        offer(&mut connection, "b@example.org").await.unwrap();
        connection.hand_over(&binary).await.unwrap();
        assert_eq!(connection.taken(), 5);
        connection.quit().await;

        let kept = relay.kept();
        let expected = messages
            .iter()
            .map(|message| message.clone().into_bytes())
            .chain([binary]);
        assert_eq!(
            kept.iter()
                .map(|kept| kept.bytes.clone())
                .collect::<Vec<_>>(),
            expected.collect::<Vec<_>>()
        );
        assert!(
            kept.iter()
                .all(|kept| kept.from == "bounces+1@example.org" && kept.connection == 1)
        );
        assert_eq!(kept[4].to, "b@example.org");
    }
}

#[tokio::test]
async fn a_missing_line_end_is_added() {
    let relay = FakeRelay::start().await;
    let mut connection = open(&relay, LONG).await.unwrap();
    send(&mut connection, "a@example.org", "Subject: x\r\n\r\nno end")
        .await
        .unwrap();
    assert_eq!(relay.kept()[0].bytes, b"Subject: x\r\n\r\nno end\r\n");
}

#[tokio::test]
async fn a_refusal_says_where_and_why_and_costs_no_connection() {
    let cases = [
        (At::Mail, SmtpStage::Mail, "550 5.7.1 not you"),
        (At::Rcpt, SmtpStage::Rcpt, "550 5.1.1 no such user"),
        (
            At::Rcpt,
            SmtpStage::Rcpt,
            "451 4.7.1 greylisted, try again in 300 seconds",
        ),
        (At::Data, SmtpStage::Data, "451 4.3.0 no room"),
        (At::Text, SmtpStage::Dot, "554 5.7.1 spam"),
    ];
    for extensions in [&["PIPELINING"][..], &[]] {
        for (at, stage, reply) in cases {
            let relay = FakeRelay::offering(extensions).await;
            relay.on(at).once().says(reply);
            let mut connection = open(&relay, LONG).await.unwrap();
            let refused = send(&mut connection, "gone@example.org", HELLO)
                .await
                .unwrap_err();
            check(&refused, stage, reply, true);
            assert_eq!(refused.reply.unwrap().code.to_string(), reply[..3]);
            connection.reset().await.unwrap();
            send(&mut connection, "a@example.org", HELLO).await.unwrap();
            assert_eq!(
                (relay.recipients(), relay.connections()),
                (vec!["a@example.org".to_owned()], 1)
            );
        }
    }
}

#[tokio::test]
async fn replies_of_any_shape_are_read() {
    let relay = FakeRelay::start().await;
    let mut connection = open(&relay, LONG).await.unwrap();
    relay
        .on(At::Rcpt)
        .once()
        .says(&many_lines("550", &["5.1.1 no such", "5.1.1 user here"]));
    let refused = offer(&mut connection, "a@example.org").await.unwrap_err();
    check(
        &refused,
        SmtpStage::Rcpt,
        "550 5.1.1 no such user here",
        true,
    );
    connection.reset().await.unwrap();
    relay
        .on(At::Rcpt)
        .once()
        .says_byte_by_byte("550-5.1.1 no such\n550 5.1.1 user here");
    let refused = offer(&mut connection, "a@example.org").await.unwrap_err();
    check(
        &refused,
        SmtpStage::Rcpt,
        "550 5.1.1 no such user here",
        true,
    );
    connection.reset().await.unwrap();
    relay
        .on(At::Text)
        .once()
        .says_byte_by_byte("250 2.0.0 kept");
    assert_eq!(
        send(&mut connection, "a@example.org", HELLO).await.unwrap(),
        "250 2.0.0 kept"
    );
    let huge = many_lines("250", &vec!["x".repeat(900).as_str(); 200]);
    for (said, starts) in [
        ("250", "250"),
        (huge.as_str(), "250 xxx"),
        ("250 \u{fc} 2.0.0 kept", "250 \u{fc}"),
    ] {
        relay.on(At::Text).once().says(said);
        assert!(
            send(&mut connection, "a@example.org", HELLO)
                .await
                .unwrap()
                .starts_with(starts),
            "{starts}"
        );
    }
}

#[tokio::test]
async fn what_is_no_reply_ends_the_connection() {
    let endless = many_lines("250", &vec!["x".repeat(900).as_str(); 2000]);
    let mixed = "250-one\n550 other".to_owned();
    for reply in [
        "hello?".to_owned(),
        endless,
        mixed,
        "250 ok\0\u{1b}".to_owned() + "\n250 and another",
    ] {
        let relay = FakeRelay::offering(&[]).await;
        let mut connection = open(&relay, LONG).await.unwrap();
        relay.on(At::Rcpt).once().says(&reply);
        // The last one has one reply too many: it shows at the next command.
        let failure = offer(&mut connection, "a@example.org").await.unwrap_err();
        assert!(!failure.in_step, "{reply:.50}: {failure:?}");
        let failure = (failure.stage, failure.reply.map(|reply| reply.code));
        assert!(
            matches!(
                failure,
                (SmtpStage::Rcpt, None) | (SmtpStage::Data, Some(250))
            ),
            "{reply:.50}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn garbage_after_the_text_is_uncertain_not_refused() {
    for reply in ["hello?", "354 go on", "250-one\n550 other"] {
        let relay = FakeRelay::start().await;
        relay.on(At::Text).says(reply);
        let mut connection = open(&relay, LONG).await.unwrap();
        let failure = send(&mut connection, "a@example.org", HELLO)
            .await
            .unwrap_err();
        assert_eq!(
            (failure.stage, failure.reply, failure.in_step),
            (SmtpStage::Dot, None, false),
            "{reply}"
        );
    }
}

#[tokio::test]
async fn a_break_is_told_from_a_refusal_at_every_stage() {
    let stages = [
        (At::Greeting, SmtpStage::Greeting),
        (At::Ehlo, SmtpStage::Ehlo),
        (At::Mail, SmtpStage::Mail),
        (At::Rcpt, SmtpStage::Rcpt),
        (At::Data, SmtpStage::Data),
        (At::MidText, SmtpStage::Dot),
        (At::Text, SmtpStage::Dot),
    ];
    for (at, stage) in stages {
        for how in ["closes", "resets", "hangs"] {
            let relay = FakeRelay::start().await;
            let mut wait = LONG;
            match how {
                "closes" => relay.on(at).closes(),
                "resets" => relay.on(at).resets(),
                _ => {
                    relay.on(at).hangs();
                    wait = SHORT;
                }
            }
            let failure = match open(&relay, wait).await {
                Ok(mut connection) => send(&mut connection, "a@example.org", HELLO)
                    .await
                    .unwrap_err(),
                Err(failure) => failure,
            };
            assert_eq!(
                (failure.stage, failure.reply, failure.in_step),
                (stage, None, false),
                "{at:?} {how}"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_in_mid_text_is_a_refusal() {
    let relay = FakeRelay::start().await;
    relay.on(At::MidText).says_and_closes("552 5.3.4 too big");
    let mut connection = open(&relay, LONG).await.unwrap();
    let message = format!(
        "Subject: long\r\n\r\n{}",
        "0123456789\r\n".repeat(1_000_000)
    );
    let failure = send(&mut connection, "a@example.org", &message)
        .await
        .unwrap_err();
    assert_eq!((failure.stage, failure.in_step), (SmtpStage::Dot, false));
    // The reply may be lost with the connection; then nobody can know.
    assert!(
        failure.reply.as_ref().is_none_or(|reply| reply.code == 552),
        "{failure:?}"
    );
    assert_eq!(relay.kept(), []);
}

#[tokio::test]
async fn the_servers_first_words_may_be_a_refusal() {
    for (at, stage) in [
        (At::Greeting, SmtpStage::Greeting),
        (At::Ehlo, SmtpStage::Ehlo),
    ] {
        for reply in ["421 4.3.2 too busy", "554 5.7.1 not you"] {
            let relay = FakeRelay::start().await;
            relay.on(at).says_and_closes(reply);
            check(&open(&relay, LONG).await.unwrap_err(), stage, reply, false);
        }
    }
    let relay = FakeRelay::start().await;
    relay.goes_down().await;
    let failure = open(&relay, LONG).await.unwrap_err();
    assert_eq!(
        (failure.stage, failure.reply, failure.in_step),
        (SmtpStage::Connect, None, false)
    );
}

#[tokio::test]
async fn a_server_that_is_closing_down_is_not_used_again() {
    let relay = FakeRelay::start().await;
    relay.on(At::Rcpt).says("421 4.3.2 closing");
    let mut connection = open(&relay, LONG).await.unwrap();
    check(
        &offer(&mut connection, "a@example.org").await.unwrap_err(),
        SmtpStage::Rcpt,
        "421 4.3.2 closing",
        false,
    );
}

#[tokio::test]
async fn a_text_that_the_server_waits_for_after_refusing_its_recipient_is_not_sent() {
    // RFC 2920 section 3.1: MAIL, RCPT and DATA come in one packet, and this server says yes to
    // DATA all the same.
    let relay = FakeRelay::start().await;
    relay.on(At::Rcpt).once().says("550 5.1.1 no such user");
    relay.on(At::Data).says("354 go ahead");
    let mut connection = open(&relay, LONG).await.unwrap();
    let failure = offer(&mut connection, "a@example.org").await.unwrap_err();
    check(&failure, SmtpStage::Rcpt, "550 5.1.1 no such user", false);
    drop(connection);
    assert_eq!(relay.kept(), []);
}

#[tokio::test]
async fn without_starttls_there_is_no_conversation() {
    let relay = FakeRelay::start().await;
    let encrypted = SmtpSettings {
        security: Security::StartTls,
        host: "localhost".to_owned(),
        ..settings(&relay)
    };
    let dial = async |settings: &SmtpSettings| {
        Dialer::new(settings, Timeouts::all(LONG))
            .unwrap()
            .open()
            .await
    };
    let failure = dial(&encrypted).await.unwrap_err();
    let words = "the server does not offer STARTTLS, and mail is not sent in the clear instead; \
                 the server offers PIPELINING, 8BITMIME";
    check(&failure, SmtpStage::StartTls, words, false);

    let relay = FakeRelay::offering(&["STARTTLS", "AUTH PLAIN"]).await;
    let encrypted = SmtpSettings {
        port: relay.port(),
        login: Some(login()),
        ..encrypted
    };
    relay.on(At::StartTls).once().says("454 4.7.0 not now");
    check(
        &dial(&encrypted).await.unwrap_err(),
        SmtpStage::StartTls,
        "454 4.7.0 not now",
        false,
    );
    // What somebody slips in behind the go-ahead reaches the TLS layer, which refuses it.
    relay
        .on(At::StartTls)
        .once()
        .says("220 go ahead\n250-fake.example\n250 AUTH PLAIN");
    let failure = dial(&encrypted).await.unwrap_err();
    assert_eq!((failure.stage, failure.reply), (SmtpStage::StartTls, None));
    assert!(
        !failure.text.contains("no answer"),
        "the TLS layer never saw it: {}",
        failure.text
    );
    for connection in 1..=2 {
        assert!(
            !relay
                .commands(connection)
                .iter()
                .any(|word| ["AUTH", "MAIL"].contains(&word.as_str()))
        );
    }
}

fn login() -> Login {
    Login::by_password("digest", "secret".to_owned())
}

#[tokio::test]
async fn a_server_that_does_not_know_ehlo_is_greeted_with_helo() {
    for refusal in ["502 5.5.2 Error: command not recognized", "500 what?"] {
        let relay = FakeRelay::start().await;
        relay.on(At::Ehlo).says(refusal);
        let dialer = Dialer::new(&settings(&relay), Timeouts::all(LONG)).unwrap();
        for _ in 0..2 {
            let mut connection = dialer.open().await.unwrap();
            send(&mut connection, "a@example.org", HELLO).await.unwrap();
        }
        assert_eq!(relay.commands(2)[0], "HELO");
        assert_eq!(relay.connections(), 3, "the next one begins with HELO");
    }
}

#[tokio::test]
async fn a_login_that_the_server_does_not_offer_is_said_with_what_it_offers() {
    let relay = FakeRelay::offering(&["SIZE 1000", "auth cram-md5"]).await;
    let with_login = SmtpSettings {
        login: Some(login()),
        ..settings(&relay)
    };
    let dialer = Dialer::new(&with_login, Timeouts::all(LONG)).unwrap();
    let failure = dialer.open().await.unwrap_err();
    assert_eq!(failure.stage, SmtpStage::Auth);
    let words = "the server offers SIZE 1000, AUTH CRAM-MD5";
    assert!(failure.text.ends_with(words), "{}", failure.text);
}

#[tokio::test]
async fn a_login_is_used_on_the_loopback_and_its_refusal_is_said() {
    for mechanism in [
        "AUTH PLAIN LOGIN",
        "AUTH PLAIN",
        "auth login plain",
        "Auth=PLAIN",
    ] {
        let relay = FakeRelay::offering(&[mechanism]).await;
        let with_login = SmtpSettings {
            login: Some(login()),
            ..settings(&relay)
        };
        let dialer = Dialer::new(&with_login, Timeouts::all(LONG)).unwrap();
        dialer.open().await.unwrap();
        assert_eq!(relay.commands(1), ["EHLO", "AUTH"]);
        relay.on(At::Auth).says("535 5.7.8 credentials invalid");
        check(
            &dialer.open().await.unwrap_err(),
            SmtpStage::Auth,
            "535 5.7.8 credentials invalid",
            false,
        );
    }
    let relay = FakeRelay::start().await;
    let with_login = SmtpSettings {
        login: Some(login()),
        ..settings(&relay)
    };
    let failure = Dialer::new(&with_login, Timeouts::all(LONG))
        .unwrap()
        .open()
        .await
        .unwrap_err();
    assert_eq!((failure.stage, failure.reply), (SmtpStage::Auth, None));
}
