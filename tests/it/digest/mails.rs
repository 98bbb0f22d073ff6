//! Whole mails of issues, and hostile input to them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use crate::harness::mime::Mail;
use chrono::{Datelike, NaiveDate, TimeZone, Utc, Weekday};
use paperboy::digest::{
    Accent, Branding, DayCovered, DigestSettings, FragmentCache, Issue, IssueHeaders, IssuePick,
    IssueSection, Note, PART_BYTES_MAX, Recipient, Rendered, SUBJECT_CHARS_MAX, Templates,
    message_id, render, to_message,
};
use paperboy::links::Thumbs;
use paperboy::paper::Paper;
use paperboy::pick::{PaperNews, Reason, Section};
use paperboy::subscriber::{
    AbstractLength, Address, Frequency, MailFormat, Preferences, SubscriberId,
};
use proptest::prelude::*;
use secrecy::SecretSlice;
use std::sync::{Arc, LazyLock};

static TEMPLATES: LazyLock<Templates> =
    LazyLock::new(|| Templates::load(&DigestSettings::default()).unwrap());

static FRAGMENTS: LazyLock<FragmentCache> = LazyLock::new(FragmentCache::default);

/// One subscriber of one installation.
struct Desk {
    branding: Branding,
    address: Address,
    name: String,
    preferences: Preferences,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            branding: Branding {
                name: "Papers at Example".to_owned(),
                base_url: "https://digest.example.org".to_owned(),
                contact: "librarian@example.org".to_owned(),
                accent: Accent::default(),
                logo: None,
            },
            address: "ada@example.net".parse().unwrap(),
            name: "Ada Example".to_owned(),
            preferences: Preferences {
                abstracts: AbstractLength::Short,
                ..Preferences::default()
            },
        }
    }

    fn recipient(&self) -> Recipient<'_> {
        Recipient {
            address: &self.address,
            name: &self.name,
            preferences: &self.preferences,
            unsubscribe_url: "https://digest.example.org/unsubscribe/04081g2m5x0q7n3kd9ra"
                .to_owned(),
            unsubscribe_mailto: Some("mailto:leave+04081g2m5x0q7n3kd9ra@example.org".to_owned()),
            preferences_url: "https://digest.example.org/preferences?t=0c1acz1k77vn0szercfg"
                .to_owned(),
            view_url: format!(
                "https://digest.example.org/issues/0r16axev4c2nkbpe0tng?d={}",
                today()
            ),
            thumbs: Thumbs::below(
                "https://digest.example.org/feedback?t=0g19my1h8chmzpdj3jbg".to_owned(),
            ),
        }
    }

    fn mail(&self, issue: &Issue) -> (Rendered, Vec<u8>) {
        let recipient = self.recipient();
        let rendered = render(&TEMPLATES, &FRAGMENTS, issue, &recipient, &self.branding).unwrap();
        // The cache of papers must not change the output.
        let anew = render(
            &TEMPLATES,
            &FragmentCache::disabled(),
            issue,
            &recipient,
            &self.branding,
        )
        .unwrap();
        assert_eq!(rendered, anew);
        let secret = SecretSlice::from(vec![7; 32]);
        let from = lettre::message::Mailbox::new(
            Some(self.branding.name.clone()),
            "digest@example.org".parse().unwrap(),
        );
        let headers = IssueHeaders {
            from: &from,
            recipient: &recipient,
            branding: &self.branding,
            local_date: issue.local_date,
            date: Utc.with_ymd_and_hms(2026, 11, 20, 6, 3, 9).unwrap(),
            message_id: &message_id(&secret, "example.org", SubscriberId(4711), issue.local_date),
        };
        let bytes = to_message(&rendered, &headers).unwrap();
        assert_eq!(
            bytes,
            to_message(&rendered, &headers).unwrap(),
            "equal input gives equal bytes"
        );
        (rendered, bytes)
    }

    /// Headers as they are sent, then each part decoded.
    #[track_caller]
    fn snapshot(&self, name: &str, issue: &Issue) {
        let (rendered, bytes) = self.mail(issue);
        let mail = Mail::parse(&bytes);
        assert_eq!(mail.header("Subject"), rendered.subject);
        let raw = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        // Writes the mails for browsers and other parsers: DIGEST_DUMP=/tmp/x cargo test
        if let Some(folder) = std::env::var_os("DIGEST_DUMP") {
            std::fs::write(
                std::path::Path::new(&folder).join(format!("{name}.eml")),
                raw.replace('\n', "\r\n"),
            )
            .unwrap();
        }
        let (head, _) = raw.split_once("\n\n").unwrap();
        let (_, text) = &mail.parts[0];
        for line in text.lines().filter(|line| !line.contains("://")) {
            assert!(textwrap::core::display_width(line) <= 72, "{line}");
        }
        insta::assert_snapshot!(
            format!("{name}_text"),
            format!(
                "{head}\n\nSubject, decoded: {}\n\n{}",
                rendered.subject,
                text.replace("\r\n", "\n")
            )
        );
        if let [_, (_, html)] = &mail.parts[..] {
            insta::assert_snapshot!(format!("{name}_html"), html.replace("\r\n", "\n"));
        }
    }
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()
}

fn paper(
    id: &str,
    title: &str,
    abstract_text: &str,
    authors: &[&str],
    categories: &[&str],
) -> Paper {
    let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Paper {
        version: Some(1),
        abstract_text: abstract_text.to_owned(),
        authors: own(authors),
        categories: own(categories),
        announced: Some(today()),
        ..Paper::new(id.parse().unwrap(), title.to_owned())
    }
}

fn pick(paper: Paper, score: f32, reasons: &[Reason]) -> IssuePick {
    IssuePick {
        paper: Arc::new(paper),
        score,
        reasons: reasons.to_vec(),
        followed: vec!["Mirelle Osterhaus".to_owned()],
        row: Some(4_096),
        news: None,
    }
}

fn two_sections() -> Issue {
    let many: Vec<String> = (1..=48)
        .map(|at| format!("Keeper {at}"))
        .chain(["Mirelle Osterhaus".to_owned()])
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut published = paper(
        "10.5555/gull.2026.014",
        "Gulls Prefer Clean Panes: A Field Study on Twelve Towers",
        "Whether gulls care for clean glass has been disputed since the first lanterns were built. We watched twelve \
         towers through one breeding season and counted landings on panes that had been cleaned an hour, a day or a \
         week before. Landings fell by half for every day that a pane stayed dirty. The effect was the same for herring \
         gulls and for kittiwakes, and it vanished in fog. We conclude that what gulls look for is their own reflection. \
         Counts and drawings are available at https://example.org/gulls.",
        &["Ruth Okonkwo-Lindqvist", "Jānis Bērziņš"],
        &["Ornithology"],
    );
    published.announced = None;
    published.published = Some(Utc.with_ymd_and_hms(2025, 12, 30, 12, 0, 0).unwrap());
    Issue {
        local_date: today(),
        covers: vec![DayCovered {
            date: today(),
            papers: 1642,
            arrived: vec!["cs.RO".to_owned(), "physics.ao-ph".to_owned()],
            awaited: Vec::new(),
        }],
        sections: vec![
            IssueSection {
                section: Section::Interest("Lighthouses & lamps".to_owned()),
                terms: vec!["clockwork".to_owned(), "lantern".to_owned()],
                picks: vec![
                    pick(
                        paper(
                            "2611.10457",
                            "Brushes on Rails: Cleaning Lighthouse Lanterns by Clockwork, Without Ladders and at No Cost in Energy",
                            "In recent years, lighthouses have attracted much attention among people who like towers. \
                             Their lamps are hard to clean because salt settles on every pane of the lantern room. We \
                             introduce a gull-proof brush that runs on rails around the lantern and needs no ladder. The \
                             brush is moved by the clockwork that turns the lens, so that it costs no energy of its own. \
                             On twelve towers it saves 83% of the keeper's time (p < 0.01) and leaves fewer streaks than \
                             cleaning by hand. Drawings are available at https://example.org/brush.",
                            &many,
                            &["cs.RO", "eess.SY", "cs.SY", "68T40"],
                        ),
                        0.93,
                        &[
                            Reason::FollowedAuthors(vec!["Mirelle Osterhaus".to_owned()]),
                            Reason::Keyword("clockwork".to_owned()),
                        ],
                    ),
                    IssuePick {
                        news: Some(PaperNews::Published("Journal of Gulls 14".to_owned())),
                        ..pick(
                            published,
                            0.61,
                            &[Reason::LikedPaper("What Birds See in Glass".to_owned())],
                        )
                    },
                ],
            },
            IssueSection {
                section: Section::Exploring,
                terms: Vec::new(),
                picks: vec![pick(
                    paper(
                        "sample.0042",
                        "On the Σ-Completeness of Fog in ℝ³",
                        "Fog is shown to be Σ-complete.",
                        &["T. Nebel"],
                        &["math.GN", "math.XX"],
                    ),
                    0.31,
                    &[Reason::Text(
                        "your neighbours in “Lighthouses & lamps” read it".to_owned(),
                    )],
                )],
            },
        ],
        no_room: 5,
        below_the_line: 17,
        considered: 1642,
        note: None,
        is_first: false,
    }
}

#[test]
fn an_issue_with_two_sections() {
    Desk::new().snapshot("two_sections", &two_sections());
}

#[test]
fn an_issue_of_full_abstracts_as_text_only_from_an_incomplete_batch() {
    let mut desk = Desk::new();
    desk.preferences.format = MailFormat::Text;
    desk.preferences.abstracts = AbstractLength::Full;
    let mut issue = two_sections();
    issue.covers[0].awaited = vec!["q-bio.NC".to_owned()];
    desk.snapshot("text_alone", &issue);
}

#[test]
fn a_first_issue_in_japanese() {
    let mut desk = Desk::new();
    desk.preferences.language = "ja".to_owned();
    let mut issue = two_sections();
    issue.is_first = true;
    desk.snapshot("first_japanese", &issue);
}

/// Every language in every format.
#[test]
fn issues_in_every_language_are_sound() {
    for language in ["en", "de", "es", "fr", "ja", "zh", "xx"] {
        for frequency in [Frequency::Daily, Frequency::Weekly] {
            let mut desk = Desk::new();
            desk.preferences.language = language.to_owned();
            desk.preferences.frequency = frequency;
            let mut issue = two_sections();
            issue.is_first = true;
            issue.covers.insert(
                0,
                DayCovered {
                    date: today().pred_opt().unwrap(),
                    ..issue.covers[0].clone()
                },
            );
            check_sound(&desk, &issue);
            check_sound(
                &desk,
                &Issue {
                    sections: Vec::new(),
                    note: Some(Note::NothingMatches),
                    ..issue
                },
            );
        }
    }
}

/// Two readers get the same papers with different reasons, positions and lengths from one
/// cache.
#[test]
fn the_cache_of_papers_does_not_change_a_byte_of_any_mail() {
    let shared = FragmentCache::default();
    let mut others = 0;
    for reader in 0..24_usize {
        let mut desk = Desk::new();
        desk.preferences.abstracts = [
            AbstractLength::Full,
            AbstractLength::Short,
            AbstractLength::None,
        ][reader % 3];
        desk.preferences.language = ["en", "de", "ja"][reader / 3 % 3].to_owned();
        let mut issue = same_papers();
        issue.sections[0].picks.rotate_left(reader % 2);
        issue.sections[0].terms = vec![["gull", "clockwork", "fog"][reader % 3].to_owned()];
        issue.sections[0].picks[0].reasons = vec![Reason::Keyword(
            format!("<{reader}> & ") + &"words ".repeat(reader),
        )];
        issue.sections[0].picks[0].row = (reader % 5 != 0).then_some(reader as i64);
        issue.sections[0].picks[1].followed.truncate(reader % 2);
        let mut recipient = desk.recipient();
        recipient.thumbs =
            Thumbs::below(format!("https://digest.example.org/feedback?t={reader}\"'"));
        let together = render(&TEMPLATES, &shared, &issue, &recipient, &desk.branding).unwrap();
        let alone = render(
            &TEMPLATES,
            &FragmentCache::disabled(),
            &issue,
            &recipient,
            &desk.branding,
        )
        .unwrap();
        assert_eq!(together, alone, "reader {reader}");
        others += usize::from(
            together
                .html
                .unwrap()
                .contains(&format!("t={reader}&quot;&#39;&amp;p=")),
        );
    }
    assert_eq!(others, 24);
}

/// The same papers for all readers: the cache identifies papers by address, not by id.
fn same_papers() -> Issue {
    static ISSUE: LazyLock<Issue> = LazyLock::new(two_sections);
    ISSUE.clone()
}

#[test]
fn forty_papers_with_whole_abstracts_fit() {
    let mut desk = Desk::new();
    desk.preferences.abstracts = AbstractLength::Full;
    let mut issue = two_sections();
    let one = issue.sections[0].picks[0].clone();
    issue.sections[0].picks = (0..40)
        .map(|at| {
            let mut pick = one.clone();
            let paper = Arc::make_mut(&mut pick.paper);
            paper.id = format!("2611.2{at:04}").parse().unwrap();
            paper.abstract_text =
                "Their lamps are hard to clean because salt settles on every pane. ".repeat(22);
            pick
        })
        .collect();
    let (rendered, bytes) = desk.mail(&issue);
    let html = rendered.html.unwrap();
    assert!(html.len() <= PART_BYTES_MAX && rendered.text.len() <= PART_BYTES_MAX);
    assert!(
        bytes.len() <= 2 * PART_BYTES_MAX + 4_000,
        "{} bytes",
        bytes.len()
    );
    let shown = html.matches("<h3 ").count();
    assert_eq!(shown + rendered.left_out.len(), 41, "{shown} shown");
}

#[test]
fn a_note_explains_an_empty_issue() {
    let mut desk = Desk::new();
    desk.name = String::new();
    let issue = Issue {
        sections: Vec::new(),
        note: Some(Note::BelowTheLine {
            best: 0.13,
            line: 0.2,
        }),
        ..two_sections()
    };
    desk.snapshot("nothing", &issue);
}

#[test]
fn a_weekly_issue_by_day_without_abstracts() {
    let mut desk = Desk::new();
    desk.preferences.format = MailFormat::Text;
    desk.preferences.abstracts = AbstractLength::None;
    desk.preferences.frequency = Frequency::Weekly;
    desk.preferences.weekday = Weekday::Fri;
    desk.preferences.language = "de".to_owned();
    let mut issue = two_sections();
    issue.covers = (16..=20)
        .map(|day| DayCovered {
            date: today().with_day(day).unwrap(),
            papers: 300,
            ..issue.covers[0].clone()
        })
        .collect();
    let mut earlier = issue.sections[0].picks[0].clone();
    earlier.paper = Arc::new(Paper {
        title: "A Short History of the Ladder".to_owned(),
        announced: today().with_day(17),
        ..paper(
            "2611.08001",
            "",
            "",
            &["Mirelle Osterhaus"],
            &["physics.hist-ph"],
        )
    });
    issue.sections[0].picks.push(earlier);
    desk.snapshot("weekly", &issue);
}

#[test]
fn titles_in_japanese_and_hebrew() {
    let mut desk = Desk::new();
    desk.name = "灯台 守".to_owned();
    desk.preferences.abstracts = AbstractLength::Full;
    let mut issue = two_sections();
    issue.sections.truncate(1);
    issue.sections[0].section = Section::Interest("灯台".to_owned());
    issue.sections[0].picks = vec![
        pick(
            paper(
                "2611.10458",
                "灯台のレンズを時計仕掛けで磨く装置について：十二基の塔における一年間の試験とかもめの行動への影響",
                "灯台のレンズは塩で曇りやすく、掃除には手間がかかる。本研究では、時計仕掛けで動く刷毛を提案する。\
                 十二基の塔で一年間試験したところ、掃除の時間は八割以上短くなった。",
                &["灯台 太郎", "Mirelle Osterhaus"],
                &["cs.RO"],
            ),
            0.9,
            &[Reason::Keyword("灯台".to_owned())],
        ),
        pick(
            paper(
                "2611.10459",
                "ניקוי עדשות מגדלור באמצעות מנגנון שעון (Clockwork)",
                "עדשות של מגדלורים מתכסות במלח. אנו מציעים מברשת הנעה במנגנון שעון.",
                &["רות לוי"],
                &["cs.RO"],
            ),
            0.8,
            &[],
        ),
    ];
    desk.snapshot("japanese_and_hebrew", &issue);
}

const HEADER_NAMES: [&str; 17] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Archive",
    "List-Help",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Feedback-ID",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Checks the invariants of every mail, whatever its input.
fn check_sound(desk: &Desk, issue: &Issue) {
    let (rendered, bytes) = desk.mail(issue);
    let mail = Mail::parse(&bytes);

    let mut names: Vec<&str> = mail.headers.iter().map(|(name, _)| name.as_str()).collect();
    let found = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), found, "a header stands there twice");
    assert!(
        names.iter().all(|name| HEADER_NAMES.contains(name)),
        "{names:?}"
    );
    assert!(
        HEADER_NAMES[..15].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    assert_eq!(mail.header("Subject"), rendered.subject);
    assert!(rendered.subject.chars().count() <= SUBJECT_CHARS_MAX);
    assert!(mail.header("To").ends_with("<ada@example.net>"));
    assert_eq!(
        mail.header("List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    let raw = String::from_utf8(bytes.clone()).unwrap();
    for line in raw.split_once("\r\n\r\n").unwrap().0.split("\r\n") {
        assert!(line.len() <= 78, "{line}");
        assert!(!line.trim().is_empty());
    }

    assert_eq!(
        mail.parts[0],
        (
            "text/plain; charset=utf-8".to_owned(),
            rendered.text.clone()
        )
    );
    assert!(
        !rendered
            .text
            .contains(|c: char| c.is_control() && c != '\r' && c != '\n')
    );
    for line in rendered.text.lines().filter(|line| !line.contains("://")) {
        assert!(textwrap::core::display_width(line) <= 72, "{line:?}");
    }
    if let Some(html) = &rendered.html {
        assert_eq!(
            mail.parts[1],
            ("text/html; charset=utf-8".to_owned(), html.clone())
        );
        assert!(html.len() <= PART_BYTES_MAX);
        check_markup(html);
    }
}

/// Checks that there are only the templates' own tags and attributes, and links to the web or
/// to a mailbox.
fn check_markup(html: &str) {
    const TAGS: [&str; 18] = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "table", "tr", "td", "p",
        "h1", "h2", "h3", "a", "strong", "span", "div",
    ];
    const ATTRIBUTES: [&str; 15] = [
        "html",
        "lang",
        "dir",
        "charset",
        "name",
        "content",
        "style",
        "role",
        "class",
        "width",
        "cellpadding",
        "cellspacing",
        "border",
        "align",
        "href",
    ];
    for piece in html.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(TAGS.contains(&name.trim_start_matches('/')), "<{tag}>");
        // Outside of quotes there are only attribute names.
        for (at, outside) in attributes.split('"').enumerate() {
            let name = outside.trim().trim_end_matches('=');
            if at % 2 == 0 {
                assert!(
                    name.is_empty() || ATTRIBUTES.contains(&name),
                    "{name} in <{tag}>"
                );
            }
        }
        if let Some((_, href)) = attributes.split_once("href=\"") {
            assert!(
                href.starts_with("https://") || href.starts_with("mailto:librarian@"),
                "<{tag}>"
            );
        }
    }
}

/// Text that has broken other mail programs, and arbitrary text.
fn hostile() -> impl Strategy<Value = String> {
    let bad = prop::sample::select(vec![
        "\r\nBcc: thief@example.com\r\n\r\n",
        "\n",
        "\0",
        "\u{202e}",
        "\u{2066}",
        "=?utf-8?q?Nigerian_prince?=",
        "=?",
        "?=",
        "\"",
        "\\",
        "<script>alert(1)</script>",
        "\" onclick=\"x",
        "</title></style>",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "&amp;",
        ".\r\n.\r\n",
        "From ",
        "--=_",
        "<thief@example.com>, ",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "e\u{301}\u{301}\u{301}",
        "漢字",
        "שלום",
        "\u{feff}",
        "\u{2028}",
        "\t",
        "  ",
    ]);
    let piece = prop_oneof![
        4 => bad.prop_map(str::to_owned),
        2 => "\\PC{0,40}",
        1 => any::<String>(),
        1 => "[a-z]{1,12}",
    ];
    let text = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    prop_oneof![
        8 => text.clone(),
        1 => (text, 1_usize..10_000).prop_map(|(text, times)| text.repeat(times / (text.len() + 1) + 1)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_texts_cannot_inject_anything_into_a_mail(texts in prop::collection::vec(hostile(), 9), full in any::<bool>()) {
        let mut desk = Desk::new();
        desk.name.clone_from(&texts[0]);
        desk.branding.name.clone_from(&texts[1]);
        desk.preferences.abstracts = if full { AbstractLength::Full } else { AbstractLength::Short };
        let mut issue = two_sections();
        issue.sections[0].section = Section::Interest(texts[2].clone());
        let pick = &mut issue.sections[0].picks[0];
        pick.reasons = vec![Reason::Keyword(texts[3].clone()), Reason::Text(texts[7].clone())];
        pick.news = Some(PaperNews::Published(texts[2].clone()));
        pick.followed = vec![texts[4].clone()];
        let paper = Arc::make_mut(&mut pick.paper);
        paper.title.clone_from(&texts[5]);
        paper.abstract_text.clone_from(&texts[6]);
        paper.authors = vec![texts[4].clone(), texts[7].clone()];
        paper.url = Some(texts[8].clone());
        paper.code = Some(texts[4].clone());
        paper.comment = Some(format!("Code: https://github.com/a/{}", texts[3]));
        paper.categories.push(texts[7].clone());
        issue.covers[0].arrived.push(texts[2].clone());
        check_sound(&desk, &issue);
    }

    #[test]
    fn a_hostile_title_cannot_break_the_subject_of_a_mail(title in hostile()) {
        let mut issue = two_sections();
        Arc::make_mut(&mut issue.sections[0].picks[0].paper).title.clone_from(&title);
        check_sound(&Desk::new(), &issue);
    }
}

#[test]
fn names_are_kept_intact_in_the_to_header() {
    for name in [
        "Ada Example",
        "O'Hara, Ada (she)",
        "Ada \"the\" Example",
        "=?utf-8?q?x?=",
        "Žofie",
        "灯台守",
        "",
    ] {
        let mut desk = Desk::new();
        desk.name = name.to_owned();
        desk.branding.name = name.to_owned();
        check_sound(&desk, &two_sections());
        let (_, bytes) = desk.mail(&two_sections());
        let to = Mail::parse(&bytes).header("To");
        let shown = to
            .trim_end_matches("<ada@example.net>")
            .trim()
            .replace("\\\"", "\u{1}")
            .replace('"', "")
            .replace('\u{1}', "\"");
        assert_eq!(shown, name);
    }
}

#[test]
fn a_message_id_does_not_reveal_the_subscriber() {
    let secret = SecretSlice::from(vec![7; 32]);
    let other = SecretSlice::from(vec![8; 32]);
    let id = |secret, subscriber, date| {
        message_id(secret, "example.org", SubscriberId(subscriber), date)
    };
    let first = id(&secret, 1, today());
    assert_eq!(first, id(&secret, 1, today()));
    assert!(
        first.starts_with("20261120.") && first.ends_with("@example.org") && first.len() <= 60,
        "{first}"
    );
    for differs in [
        id(&secret, 2, today()),
        id(&other, 1, today()),
        id(&secret, 1, today().succ_opt().unwrap()),
    ] {
        assert_ne!(first, differs);
    }
}
