//! `try`: the whole job, from papers to an inbox, over real SMTP.

use crate::harness::mime::Mail;
use paperboy::trial::{PaperInput, Trial};
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread")]
async fn three_readers_get_three_different_mails() {
    let trial = Trial::run(PaperInput::Samples, Some(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    let outcome = &trial.outcome;
    assert_eq!(outcome.imported.rejected, 0);
    assert_eq!(
        (
            outcome.published.queued,
            outcome.delivered.accepted,
            outcome.caught.len()
        ),
        (3, 3, 3)
    );
    let subjects: HashSet<&str> = outcome
        .deliveries
        .iter()
        .map(|row| row.subject.as_str())
        .collect();
    assert_eq!(subjects.len(), 3);
    for caught in &outcome.caught {
        let mail = Mail::parse(&caught.message);
        assert_eq!(caught.to.len(), 1);
        assert!(
            caught.from.starts_with("bounces+"),
            "each delivery has its own envelope sender: {}",
            caught.from
        );
        let kinds: Vec<&str> = mail
            .parts
            .iter()
            .map(|(kind, _)| kind.split(';').next().unwrap())
            .collect();
        assert_eq!(kinds, ["text/plain", "text/html"]);
        assert!(
            mail.parts[1].1.contains(&trial.base_url),
            "links lead to the pages of the trial"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_shows_each_mail_in_three_ways() {
    let trial = Trial::run(PaperInput::Samples, Some(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    let base = trial.base_url.clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(trial.serve(stop.clone()));
    for (path, expected) in [
        ("/inbox", "models@reader.example"),
        ("/inbox/1", "<iframe src=\"/inbox/1/part.html\""),
        ("/inbox/1/text", "Unsubscribe"),
        (
            "/inbox/1/source",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ),
        ("/inbox/1/part.html", "<base target=\"_blank\">"),
        ("/", "Trending papers"),
        ("/inbox/99", "There is no such mail"),
    ] {
        let page = get(&base, path).await;
        assert!(
            page.contains(expected),
            "{path} does not show {expected:?}:\n{page}"
        );
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// One request by hand: no HTTP client is worth it.
async fn get(base: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
