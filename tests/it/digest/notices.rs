//! All mails that are not issues, in every language.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use crate::harness::mime::Mail;
use chrono::{TimeZone, Utc};
use chrono_tz::Tz;
use paperboy::digest::notices::{self, Notice, NoticeContext};
use paperboy::digest::{Accent, Branding, DigestSettings, Templates};
use paperboy::run_figures::RunFigures;
use paperboy::subscriber::{Address, Preferences};
use std::sync::LazyLock;

static TEMPLATES: LazyLock<Templates> =
    LazyLock::new(|| Templates::load(&DigestSettings::default()).unwrap());

fn all() -> Vec<Notice> {
    let url = |path: &str| format!("https://digest.example.org/{path}?t=0c1acz1k77vn0szercfg");
    let until = Utc.with_ymd_and_hms(2026, 11, 22, 6, 30, 0).unwrap();
    let address = |text: &str| text.parse::<Address>().unwrap();
    vec![
        Notice::Confirm {
            url: url("confirm"),
            until,
        },
        Notice::Welcome {
            preferences_url: url("preferences"),
            unsubscribe_url: url("unsubscribe"),
            preferences: Preferences::default(),
        },
        Notice::Preferences {
            url: url("preferences"),
        },
        Notice::Goodbye {
            url: url("confirm"),
        },
        Notice::Leave {
            url: url("unsubscribe"),
        },
        Notice::Export {
            url: url("export"),
            until,
        },
        Notice::Erase {
            url: url("erase"),
            until,
        },
        Notice::NewAddress {
            old: address("ada@example.net"),
            url: url("address"),
            until,
        },
        Notice::OldAddress {
            new: address("ada@example.com"),
            url: url("address"),
            until,
        },
        Notice::Alarm {
            problem: "Nothing has come from arXiv since Monday".to_owned(),
            details: vec![
                "cs.LG: the server said 503".to_owned(),
                "cs.CL: the server said 503".to_owned(),
            ],
            remedy: Some("`paperboy check` asks the source".to_owned()),
            since: until,
            url: Some(url("admin")),
        },
        Notice::Run {
            date: until.date_naive(),
            figures: RunFigures {
                papers: 642,
                sources_late: vec!["q-bio.NC".to_owned()],
                composed: 1_210,
                accepted: 1_204,
                deferred: 4,
                rejected: 2,
                empty: 17,
                expired: 1,
                bounces: 2,
                next: Some(until),
                joined: 3,
                readers: 1_530,
                ..RunFigures::default()
            },
            url: None,
        },
    ]
}

fn mail(notice: &Notice, language: &str, site: &str) -> notices::RenderedNotice {
    let branding = Branding {
        name: site.to_owned(),
        base_url: "https://digest.example.org".to_owned(),
        contact: "librarian@example.org".to_owned(),
        accent: Accent::default(),
        logo: None,
    };
    let from =
        lettre::message::Mailbox::new(Some(site.to_owned()), "digest@example.org".parse().unwrap());
    let letter = NoticeContext {
        from: &from,
        to: &"ada@example.net".parse().unwrap(),
        language,
        branding: &branding,
        date: Utc.with_ymd_and_hms(2026, 11, 20, 6, 3, 9).unwrap(),
        zone: Tz::Europe__Berlin,
        message_id: "notice.00ff@example.org",
    };
    let mail = notices::render(&TEMPLATES, notice, &letter).unwrap();
    assert_eq!(
        mail,
        notices::render(&TEMPLATES, notice, &letter).unwrap(),
        "equal input gives equal bytes"
    );
    mail
}

#[test]
fn every_notice_in_english_and_japanese() {
    for language in ["en", "ja"] {
        let mut whole = Vec::new();
        for notice in all() {
            let mail = mail(&notice, language, "Papers at Example");
            if let Some(folder) = std::env::var_os("DIGEST_DUMP") {
                let name = format!("notice-{}-{language}.eml", notice.word());
                std::fs::write(std::path::Path::new(&folder).join(name), &mail.message).unwrap();
            }
            whole.push(format!(
                "==== {}\nSubject: {}\n\n{}\n",
                notice.word(),
                mail.subject,
                mail.text
            ));
        }
        insta::assert_snapshot!(
            format!("notices_{language}"),
            whole.concat().replace("\r\n", "\n")
        );
    }
}

#[test]
fn the_confirmation_as_it_is_sent() {
    let mail = mail(&all()[0], "en", "Papers at Example");
    let raw = String::from_utf8(mail.message)
        .unwrap()
        .replace("\r\n", "\n");
    let (head, _) = raw.split_once("\n\n").unwrap();
    insta::assert_snapshot!(
        "notice_confirm",
        format!("{head}\n\n{}", mail.html.replace("\r\n", "\n"))
    );
}

#[test]
fn every_notice_is_sound_in_every_language_whatever_the_site_is_called() {
    let hostile = "=?utf-8?q?x?=\r\nBcc: thief@example.com\r\n\r\n\u{202e}<script>\"\0";
    for language in ["en", "de", "es", "fr", "ja", "zh", "xx"] {
        for site in ["Papers at Example", hostile, &"long ".repeat(2_000)] {
            for notice in all() {
                check_sound(&mail(&notice, language, site), &notice);
            }
        }
    }
}

fn check_sound(mail: &notices::RenderedNotice, notice: &Notice) {
    let read = Mail::parse(&mail.message);
    let names: Vec<&str> = read.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Language",
    ] {
        assert_eq!(
            names.iter().filter(|known| **known == name).count(),
            1,
            "{name} in {names:?}"
        );
    }
    assert!(!names.contains(&"Bcc"));
    // Only mails to subscribers have a link to unsubscribe.
    let leaves = matches!(notice, Notice::Welcome { .. } | Notice::Leave { .. });
    assert_eq!(names.contains(&"List-Unsubscribe"), leaves);
    assert_eq!(names.contains(&"List-Unsubscribe-Post"), leaves);
    assert_eq!(read.header("Subject"), mail.subject);
    assert_eq!(read.header("To"), "<ada@example.net>");
    assert_eq!(read.parts[0].1, mail.text);
    assert_eq!(read.parts[1].1, mail.html);
    for line in mail.text.lines().filter(|line| !line.contains("://")) {
        assert!(textwrap::core::display_width(line) <= 72, "{line}");
    }
    assert!(!mail.html.contains("<script") && !mail.text.contains('\u{202e}'));
    assert!(
        !mail.text.contains('{') && !mail.subject.contains('{'),
        "a value is missing: {}",
        mail.text
    );
    // Tags are closed in order.
    let mut open = Vec::new();
    for piece in mail.html.split('<').skip(1) {
        let tag = piece.split(['>', ' ']).next().unwrap();
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "{piece}"),
            None if ["!DOCTYPE", "meta", "img"].contains(&tag) => {}
            None => open.push(tag),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}
