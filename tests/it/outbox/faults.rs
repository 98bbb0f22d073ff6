//! Every fault at every stage, and what becomes of the mail: a table.
//!
//! Three mails go out over one connection; the second meets the fault. The
//! table says how it stands then, whether it will be tried again, what the relay
//! kept of it, and whether the third went over the same connection.

use crate::harness::fake_smtp::{At, FakeRelay, On, many_lines};
use crate::outbox::delivery::Outbox;
use chrono::TimeDelta;
use paperboy::outbox::smtp::Timeouts;
use paperboy::outbox::{Login, Security};
use std::time::Duration;
use tokio::task::JoinSet;

/// What the relay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Later,
    Never,
    Closing,
    Closes,
    Resets,
    Hangs,
    /// The usual reply, a byte now and a byte then, too slowly.
    Drips,
    Garbage,
    /// The usual reply in 1,000 lines.
    Huge,
    /// A refusal in three lines, with bytes that are not UTF-8.
    ManyLines,
    /// The usual reply, a byte in each packet.
    InBytes,
}

use Fault::{
    Closes, Closing, Drips, Garbage, Hangs, Huge, InBytes, Later, ManyLines, Never, Resets,
};

/// What became of the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Accepted at the first try, over the same connection as the one before it.
    Untouched,
    /// Accepted after all, over another connection; nothing was counted against it.
    Anew,
    /// To be tried again; the connection goes on.
    Deferred,
    /// To be tried again; the connection ended.
    DeferredCut,
    /// Refused for good; the connection goes on.
    Rejected,
    /// Refused for good and its address suppressed; the connection goes on.
    Suppressed,
    /// Back in the queue as if nothing had been, and the relay rests.
    RelayRests,
    /// Tried again later, and the relay rests: its text had begun to leave.
    RelayRestsCounted,
    /// The relay may have it: resent once.
    Uncertain,
}

use Fate::{
    Anew, Deferred, DeferredCut, Rejected, RelayRests, RelayRestsCounted, Suppressed, Uncertain,
    Untouched,
};

const SHORT: Duration = Duration::from_millis(250);

fn misbehaves(rule: On<'_>, fault: Fault, usual: &str) {
    let (code, text) = usual.split_once(' ').unwrap();
    match fault {
        Later => rule.says("451 4.3.0 not now"),
        Never => rule.says("550 5.1.1 no"),
        Closing => rule.says_and_closes("421 4.3.2 closing"),
        Closes => rule.closes(),
        Resets => rule.resets(),
        Hangs => rule.hangs(),
        Drips => rule.drips(usual, SHORT / 5),
        Garbage => rule.says("\u{1}\u{2}\u{3} what is this"),
        Huge => rule.says(&many_lines(code, &vec![text; 1000])),
        ManyLines => {
            rule.says_bytes(b"550-5.1.1 gr\xfc\xdfe\r\n550-5.1.1 no such\r\n550 5.1.1 user\r\n");
        }
        InBytes => rule.says_byte_by_byte(usual),
    }
}

async fn meet(at: At, fault: Fault) -> Fate {
    let mut outbox = Outbox::new()
        .await
        .with_retry(|retry| retry.breaker = TimeDelta::seconds(60));
    // Before MAIL the second mail meets the fault over a fresh connection.
    let opening = matches!(at, At::Greeting | At::Ehlo | At::StartTls | At::Auth);
    if opening {
        outbox.settings.messages_per_connection = 1;
    }
    if at == At::Auth {
        outbox.relay = FakeRelay::offering(&["PIPELINING", "AUTH PLAIN"]).await;
        outbox.settings.port = outbox.relay.port();
        outbox.settings.login = Some(Login::by_password("digest", "secret".to_owned()));
    }
    if matches!(fault, Hangs | Drips) {
        outbox.timeouts = Timeouts::all(SHORT);
    }
    outbox.queues(&["ada", "met", "grace"]);
    let usual = match at {
        At::Greeting => "220 fake.example",
        At::Auth => "235 2.7.0 welcome",
        At::Data => "354 go ahead",
        _ => "250 2.0.0 ok",
    };
    misbehaves(outbox.relay.on(at).once().after(1), fault, usual);
    let summary = outbox.delivers().await;
    let row = outbox.row("met");
    let (kept, suppressed) = (
        outbox.relay.kept_for("met@example.org"),
        !outbox.suppressed().is_empty(),
    );
    let third = outbox
        .relay
        .kept_for("grace@example.org")
        .first()
        .map(|mail| mail.connection);
    let goes_on = third == Some(1);
    let rests = summary.relay_trouble.is_some();
    let story = format!(
        "{at:?} {fault:?}: {row:?}, kept {}, third over {third:?}",
        kept.len()
    );
    assert!(kept.len() <= 1, "{story}");
    let fate = match (row.state.word(), rests, goes_on || opening) {
        ("accepted", false, true) if !suppressed => {
            if opening && outbox.relay.connections() > 3 {
                Anew
            } else {
                Untouched
            }
        }
        ("accepted", false, false) if row.attempts == 1 => Anew,
        ("deferred", false, true) => Deferred,
        ("deferred", false, false) => DeferredCut,
        ("rejected", false, true) if suppressed => Suppressed,
        ("rejected", false, true) => Rejected,
        ("rendered", true, _) if row.attempts == 0 => RelayRests,
        ("deferred", true, _) => RelayRestsCounted,
        ("uncertain", false, _) => Uncertain,
        _ => panic!("no such fate: {story}, trouble {:?}", summary.relay_trouble),
    };
    assert!(suppressed == (fate == Suppressed), "{story}");
    assert!(third.is_some() || rests, "{story}");
    // What was refused or broke before the text was marked is not with the relay, and what was
    // accepted is.
    assert_eq!(
        kept.len(),
        usize::from(matches!(fate, Untouched | Anew)),
        "{story}"
    );

    // In the end everybody who can be served is, once, and the relay is used again.
    outbox.passes(TimeDelta::hours(1));
    outbox.delivers().await;
    let final_state = outbox.state("met").word();
    let expected = if matches!(fate, Rejected | Suppressed) {
        "rejected"
    } else {
        "accepted"
    };
    assert_eq!(final_state, expected, "{story}");
    assert_eq!(
        outbox.relay.kept_for("met@example.org").len(),
        usize::from(expected == "accepted"),
        "{story}"
    );
    assert_eq!(outbox.state("grace").word(), "accepted", "{story}");
    fate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_at_every_stage_has_its_consequence() {
    let faults = [
        Later, Never, Closing, Closes, Resets, Hangs, Drips, Garbage, Huge, ManyLines, InBytes,
    ];
    #[rustfmt::skip]
    let table: [(At, [Fate; 11]); 7] = [
        // Columns: Later, Never, Closing, Closes, Resets, Hangs, Drips, Garbage, Huge, ManyLines,
        // InBytes.
        (At::Greeting, [RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, Untouched, RelayRests, Untouched]),
        (At::Ehlo,     [RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, Untouched, RelayRests, Untouched]),
        (At::Auth,     [RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, RelayRests, Untouched, RelayRests, Untouched]),
        // MAIL names only us, so a refusal is about us; for now, it may be about this connection
        // alone.
        (At::Mail,     [Anew,       RelayRests, Anew,       Anew,       Anew,       Anew,       Anew,       Anew,       Untouched, RelayRests, Untouched]),
        (At::Rcpt,     [Deferred,   Suppressed, Anew,       Anew,       Anew,       Anew,       Anew,       Anew,       Untouched, Suppressed, Untouched]),
        (At::Data,     [Deferred,   Suppressed, Anew,       Anew,       Anew,       Anew,       Anew,       Anew,       Untouched, Suppressed, Untouched]),
        (At::Text,     [Deferred,   Suppressed, RelayRestsCounted, Uncertain, Uncertain, Uncertain, Uncertain, Uncertain, Untouched, Suppressed, Untouched]),
    ];
    let mut rows = JoinSet::new();
    for (at, fates) in table {
        rows.spawn(async move {
            let mut wrong = Vec::new();
            for (fault, expected) in faults.into_iter().zip(fates) {
                let found = meet(at, fault).await;
                if found != expected {
                    wrong.push(format!(
                        "{at:?} {fault:?}: {found:?} instead of {expected:?}"
                    ));
                }
            }
            wrong
        });
    }
    let wrong = rows.join_all().await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In the middle of the text and after the reply to the dot there is no reply to vary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_was_cut_is_uncertain() {
    for fault in [Closes, Resets, Hangs] {
        assert_eq!(meet(At::MidText, fault).await, Uncertain, "{fault:?}");
    }
}

#[tokio::test]
async fn what_follows_the_reply_to_the_dot_costs_nobody_anything() {
    let more = [
        "250 2.0.0 kept\nhello?",
        "250 2.0.0 kept\n250 2.0.0 kept",
        "250 2.0.0 kept\n550 5.1.1 no such user",
    ];
    for after in more.into_iter().chain(["closes", "resets", "hangs"]) {
        let mut outbox = Outbox::new().await;
        outbox.timeouts = Timeouts::all(SHORT);
        outbox.queues(&["ada", "met", "grace"]);
        let rule = outbox.relay.on(At::Text).after(1).once();
        match after {
            "closes" => rule.keeps_it_says_so_and_closes(),
            "resets" => {
                drop(rule);
                outbox.relay.on(At::Mail).after(2).once().resets();
            }
            "hangs" => {
                drop(rule);
                outbox.relay.on(At::Mail).after(2).once().hangs();
            }
            reply => rule.says(reply),
        }
        let summary = outbox.delivers().await;
        assert_eq!(
            (summary.accepted, summary.relay_trouble),
            (3, None),
            "{after}"
        );
        assert_eq!(
            (outbox.relay.kept().len(), outbox.relay.connections()),
            (3, 2),
            "{after}"
        );
        assert!(outbox.suppressed().is_empty());
    }
}

/// Whatever a server says instead of TLS, it gets neither password nor mail, and rests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_nothing_is_said() {
    for fault in [
        Later, Never, Closing, Closes, Resets, Hangs, Drips, Garbage, Huge, ManyLines, InBytes,
    ] {
        let mut outbox = Outbox::new().await;
        outbox.relay = FakeRelay::offering(&["STARTTLS", "AUTH PLAIN"]).await;
        outbox.settings.port = outbox.relay.port();
        outbox.settings.host = "localhost".to_owned();
        outbox.settings.security = Security::StartTls;
        outbox.settings.login = Some(Login::by_password("digest", "secret".to_owned()));
        if matches!(fault, Hangs | Drips) {
            outbox.timeouts = Timeouts::all(SHORT);
        }
        outbox.queues(&["ada", "met", "grace"]);
        misbehaves(outbox.relay.on(At::StartTls), fault, "220 2.0.0 go ahead");
        let summary = outbox.delivers().await;
        let trouble = summary.relay_trouble.unwrap_or_default();
        assert!(trouble.starts_with("starttls: "), "{fault:?}: {trouble}");
        let row = outbox.row("met");
        assert_eq!(
            (row.state.word(), row.attempts),
            ("rendered", 0),
            "{fault:?}"
        );
        let commands = outbox.relay.commands(1);
        assert!(
            !commands
                .iter()
                .any(|word| ["AUTH", "MAIL"].contains(&word.as_str())),
            "{fault:?}: {commands:?}"
        );
    }
}
