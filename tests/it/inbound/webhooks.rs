//! Webhooks under attack: what providers did not sign, sent again, too late, too much.

use crate::inbound::bounces::Desk;
use crate::inbound::transports::{Hooks, TOPIC};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use paperboy::web::webhooks::{Fetch, WebhookState, router};
use std::pin::Pin;
use std::sync::Arc;
use tower::ServiceExt as _;

const BOUNCE: &str = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"ada@example.org","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}],"feedbackId":"f"},"mail":{"source":"x"}}"#;

fn count(desk: &Desk) -> u64 {
    desk.db
        .run_here(|store| store.count_reports())
        .unwrap()
        .iter()
        .map(|(_, count)| count)
        .sum()
}

#[tokio::test]
async fn a_message_that_is_sent_again_counts_once_and_an_old_one_not_at_all() {
    let mut hooks = Hooks::new();
    hooks.desk.sends("ada", 0);
    let good = hooks.sns("Notification", BOUNCE);
    for _ in 0..3 {
        assert_eq!(
            hooks.posts("/webhooks/ses", &[], &good).await,
            StatusCode::OK
        );
    }
    assert_eq!(count(&hooks.desk), 1);
    // Two days later somebody who has kept it sends it: it is refused, not repeated.
    hooks.desk.now += TimeDelta::days(2);
    assert_eq!(
        hooks.posts("/webhooks/ses", &[], &good).await,
        StatusCode::FORBIDDEN
    );
    // From a clock that is far ahead.
    hooks.desk.now -= TimeDelta::days(3);
    assert_eq!(
        hooks.posts("/webhooks/ses", &[], &good).await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn no_address_in_a_message_is_fetched_but_amazons_own() {
    let hooks = Hooks::new();
    let good = hooks.sns("Notification", BOUNCE);
    for url in [
        "http://sns.eu-west-1.amazonaws.com/key.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/key.pem",
        "https://169.254.169.254/latest/meta-data/key.pem",
        "https://sns.eu-west-1.amazonaws.com@127.0.0.1/key.pem",
        "https://127.0.0.1:8080/key.pem",
        "https://sns.eu-west-1.amazonaws.com/key.txt",
        "file:///etc/passwd.pem",
        "gopher://127.0.0.1/x.pem",
        "",
    ] {
        let forged = good.replace("https://sns.eu-west-1.amazonaws.com/key.pem", url);
        assert_eq!(
            hooks.posts("/webhooks/ses", &[], &forged).await,
            StatusCode::FORBIDDEN,
            "{url}"
        );
    }
    assert!(
        hooks.certificates.asked().is_empty(),
        "{:?}",
        hooks.certificates.asked()
    );
    // Amazon has signed this one, but what it leads to is not Amazon's: a topic of somebody else.
    let confirm = hooks.sns("SubscriptionConfirmation", "hello");
    let elsewhere = confirm.replace(
        "https://sns.eu-west-1.amazonaws.com/?Action",
        "https://127.0.0.1/?Action",
    );
    assert_eq!(
        hooks.posts("/webhooks/ses", &[], &elsewhere).await,
        StatusCode::FORBIDDEN
    );
    let other_topic = good.replace(TOPIC, "arn:aws:sns:eu-west-1:123456789012:mine");
    assert_eq!(
        hooks.posts("/webhooks/ses", &[], &other_topic).await,
        StatusCode::FORBIDDEN
    );
    assert!(
        hooks
            .certificates
            .asked()
            .iter()
            .all(|url| url.starts_with("https://sns.eu-west-1.amazonaws.com/"))
    );
}

/// What cannot be reached.
struct Nothing;

impl Fetch for Nothing {
    fn get(&self, _: String) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + '_>> {
        Box::pin(async { Err("no route".to_owned()) })
    }
}

#[tokio::test]
async fn what_cannot_be_checked_or_recorded_now_is_asked_for_again() {
    let hooks = Hooks::new();
    let site = WebhookState {
        fetch: Arc::new(Nothing),
        ..hooks.site()
    };
    let request = Request::post("/webhooks/ses")
        .body(Body::from(hooks.sns("Notification", BOUNCE)))
        .unwrap();
    assert_eq!(
        router(site).oneshot(request).await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(count(&hooks.desk), 0);
}

#[tokio::test]
async fn nonsense_is_refused_and_events_that_say_nothing_are_taken() {
    let hooks = Hooks::new();
    hooks.desk.sends("ada", 0);
    let basic = format!("Basic {}", STANDARD.encode("any:open sesame"));
    let login = [("authorization", basic.as_str())];
    let nonsense = [
        "",
        "null",
        "[]",
        "{}",
        "\u{0}",
        "{\"RecordType\":",
        "[[[[[[",
        "\"x\"",
        "{\"event\":7}",
        "[1,2]",
        "{\"signature\":[]}",
    ];
    for body in nonsense {
        for path in ["ses", "postmark", "mailgun", "sendgrid", "brevo"] {
            let status = hooks
                .posts(&format!("/webhooks/{path}"), &login, body)
                .await;
            let is_refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN);
            // An empty list of events is a list of events.
            assert!(
                is_refused || path == "brevo" && body == "[]",
                "{path} {body:?}: {status}"
            );
        }
    }
    // Deeper than anybody nests, and larger than anybody sends.
    let deep = "[".repeat(200_000);
    assert_eq!(
        hooks.posts("/webhooks/postmark", &login, &deep).await,
        StatusCode::BAD_REQUEST
    );
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(
        hooks.posts("/webhooks/postmark", &login, &large).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    for (path, body) in [
        (
            "postmark",
            r#"{"RecordType":"Delivery","MessageID":"1","Recipient":"ada@example.org"}"#,
        ),
        ("postmark", r#"{"RecordType":"SomethingNew"}"#),
        (
            "brevo",
            r#"{"event":"delivered","email":"ada@example.org"}"#,
        ),
        (
            "brevo",
            r#"{"event":"something_new","email":"ada@example.org"}"#,
        ),
    ] {
        assert_eq!(
            hooks
                .posts(&format!("/webhooks/{path}"), &login, body)
                .await,
            StatusCode::OK,
            "{body}"
        );
    }
    // The kind of content is not looked at: some providers send JSON as text.
    let kind = [
        ("authorization", basic.as_str()),
        ("content-type", "text/plain"),
    ];
    let bounce = r#"{"RecordType":"Bounce","ID":1,"Type":"HardBounce","Email":"ada@example.org","Details":"smtp;550 5.1.1 user unknown (in reply to RCPT TO)"}"#;
    assert_eq!(
        hooks.posts("/webhooks/postmark", &kind, bounce).await,
        StatusCode::OK
    );
    assert_eq!(hooks.desk.suppressed(), ["ada@example.org"]);
    // Nobody can ask without a password, with an empty or a longer one.
    for password in ["any:", "any:open", "any:open sesame!", "open sesame"] {
        let basic = format!("Basic {}", STANDARD.encode(password));
        let status = hooks
            .posts("/webhooks/postmark", &[("authorization", &basic)], bounce)
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{password}");
    }
}

#[tokio::test]
async fn an_event_about_somebody_we_never_wrote_to_changes_nothing() {
    let hooks = Hooks::new();
    hooks.desk.sends("ada", 0);
    let basic = format!("Basic {}", STANDARD.encode("any:open sesame"));
    let bounce = r#"{"RecordType":"Bounce","ID":1,"Type":"HardBounce","Email":"stranger@example.org","Details":"smtp;550 5.1.1 user unknown"}"#;
    assert_eq!(
        hooks
            .posts("/webhooks/postmark", &[("authorization", &basic)], bounce)
            .await,
        StatusCode::OK
    );
    assert_eq!(
        (hooks.desk.suppressed(), count(&hooks.desk)),
        (Vec::new(), 0)
    );
}

#[tokio::test]
async fn whoever_knocks_often_without_a_signature_is_turned_away() {
    let hooks = Hooks::new();
    let site = hooks.site();
    let router = router(site);
    let mut turned_away = 0;
    for _ in 0..500 {
        let request = Request::post("/webhooks/postmark")
            .body(Body::from("{}"))
            .unwrap();
        let status = router.clone().oneshot(request).await.unwrap().status();
        turned_away += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(turned_away > 300, "{turned_away}");
    // Whoever signs is heard all the same.
    let basic = format!("Basic {}", STANDARD.encode("any:open sesame"));
    let request = Request::post("/webhooks/postmark").header("authorization", basic);
    let request = request
        .body(Body::from(r#"{"RecordType":"Delivery"}"#))
        .unwrap();
    assert_eq!(
        router.oneshot(request).await.unwrap().status(),
        StatusCode::OK
    );
}
