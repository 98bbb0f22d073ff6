//! The preferences of a subscriber by the link in their mails, over HTTP.

use crate::web::robots::{FORM, House};
use crate::web::signup::{form, link, mails};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::{NaiveDate, TimeDelta};
use paperboy::clock::Clock as _;
use paperboy::paper::Paper;
use paperboy::pick::{Reason, Section, Thumb};
use paperboy::store::{
    Channel, CoverageState, CoverageUpdate, LibraryWork, NewFeedback, NewIssue, NewPick, PaperRow,
};
use paperboy::subscriber::{Interest, Preferences, Status, Subscriber, SubscriberId};
use paperboy::token::Scope;

pub(crate) fn day() -> NaiveDate {
    "2026-08-04".parse().unwrap()
}

impl House {
    pub(crate) fn token(&self, scope: Scope, id: i64) -> String {
        (self.site.composer)().signer.sign(scope, id)
    }

    pub(crate) fn preferences(&self, page: &str, id: SubscriberId) -> String {
        let generation = self
            .db
            .run_here(|store| store.subscriber_by_id(id))
            .unwrap()
            .map_or(0, |one| one.generation);
        format!(
            "{page}?t={}",
            (self.site.composer)()
                .signer
                .sign_in(Scope::Preferences, id.0, generation)
        )
    }

    pub(crate) fn stored(&self, id: SubscriberId) -> Subscriber {
        self.db
            .run_here(|store| store.subscriber_by_id(id))
            .unwrap()
            .unwrap()
    }

    fn follows(&self, id: SubscriberId, names: &[&str]) {
        let mut subscriber = self.stored(id);
        subscriber.details.interests = names
            .iter()
            .map(|name| Interest {
                name: (*name).to_owned(),
                description: format!("about {name}"),
                ..Interest::default()
            })
            .collect();
        self.db
            .run_here(|store| store.save_subscriber(&subscriber, self.clock.now()))
            .unwrap();
    }

    /// Papers of the day, complete.
    pub(crate) fn announces(&self, titles: &[&str]) -> Vec<PaperRow> {
        let papers: Vec<Paper> = titles
            .iter()
            .enumerate()
            .map(|(at, title)| Paper {
                announced: Some(day()),
                authors: vec![format!("Author {at}")],
                categories: vec!["cs.LG".to_owned()],
                abstract_text: format!("We study {title} in depth. It works."),
                ..Paper::new(
                    format!("2608.{:05}", at + 1).parse().unwrap(),
                    (*title).to_owned(),
                )
            })
            .collect();
        let now = self.clock.now();
        self.db
            .run_here(|store| {
                let news = CoverageUpdate {
                    date: day(),
                    category: String::new(),
                    state: CoverageState::Complete,
                    declared: None,
                    papers: papers.len() as u32,
                    announced_at: None,
                    note: String::new(),
                };
                store.take_batch("import", &papers, &[news], now)?;
                papers
                    .iter()
                    .map(|paper| Ok(store.paper(&paper.id)?.unwrap().row))
                    .collect()
            })
            .unwrap()
    }

    pub(crate) fn sends(&self, id: SubscriberId, papers: &[PaperRow]) {
        let picks = papers.iter().map(|paper| NewPick {
            paper: *paper,
            score: 0.5,
            section: Section::Interest("Adapters".to_owned()),
            reasons: vec![Reason::Terms(vec!["adapters".to_owned()])],
        });
        self.sends_picks(id, picks.collect());
    }

    pub(crate) fn sends_picks(&self, id: SubscriberId, picks: Vec<NewPick>) {
        let subscriber = self.stored(id);
        let issue = NewIssue {
            subscriber: id,
            local_date: day(),
            covers: Some((day(), day())),
            address: subscriber.details.address,
            subject: "4 Aug: two papers".to_owned(),
            message_id: format!("issue.{}@digest.example.org", id.0),
            message: b"Subject: x\r\n\r\nfor Ada\r\n".to_vec(),
            picks,
            expires_at: self.clock.now() + TimeDelta::hours(18),
        };
        self.db
            .run_here(|store| store.enqueue_issues(&[issue], self.clock.now()))
            .unwrap();
    }
}

/// The first link of `page` that begins with `start`.
fn path_to(page: &str, start: &str) -> String {
    let at = page
        .find(start)
        .unwrap_or_else(|| panic!("no {start} in {page}"));
    page[at..].split('"').next().unwrap().to_owned()
}

const PAGES: [&str; 6] = [
    "/preferences",
    "/preferences/preview",
    "/preferences/picks",
    "/preferences/sent",
    "/preferences/library",
    "/preferences/account",
];

#[tokio::test]
async fn viewing_changes_nothing_and_is_not_cached() {
    let house = House::new();
    let papers = house.announces(&["Adapters for towers", "Lamps"]);
    let (id, _) = house.subscribes("ada@example.org");
    house.sends(id, &papers);
    let before = house.stored(id);
    for path in PAGES {
        let (status, response, page) = house
            .ask(
                Request::get(house.preferences(path, id))
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        assert!(page.contains("ada@example.org"), "{path}");
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
                .unwrap_or_default()
        };
        assert_eq!(header(header::CACHE_CONTROL.as_str()), "no-store", "{path}");
        assert_eq!(
            header(header::REFERRER_POLICY.as_str()),
            "no-referrer",
            "{path}"
        );
        assert!(header("x-robots-tag").contains("noindex"), "{path}");
    }
    assert_eq!(house.stored(id), before);
    assert_eq!(
        mails(&house, "ada@example.org").len(),
        1,
        "nothing but the issue"
    );
}

#[tokio::test]
async fn a_newcomer_looks_at_the_issue_that_comes_and_not_at_one_from_before_they_joined() {
    let house = House::new();
    house.announces(&["Adapters for towers", "Lamps"]);
    // It is noon; today's issues were due at seven.
    let (id, _) = house.subscribes("ada@example.org");
    let (_, page) = house
        .get(&house.preferences("/preferences/preview", id))
        .await;
    assert!(
        page.contains("Wednesday, 5 August 2026") && page.contains("Adapters for towers"),
        "{page}"
    );
}

#[tokio::test]
async fn a_link_of_another_scope_or_of_somebody_gone_opens_nothing() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    let scopes = [
        Scope::Unsubscribe,
        Scope::Bounce,
        Scope::Feedback,
        Scope::Confirm,
        Scope::View,
        Scope::Feed,
        Scope::Owner,
    ];
    let mut tokens: Vec<String> = scopes
        .iter()
        .map(|scope| house.token(*scope, id.0))
        .collect();
    tokens.extend([
        String::new(),
        "%00".to_owned(),
        "0000000000000000".to_owned(),
    ]);
    tokens.push(house.token(Scope::Preferences, id.0 + 1));
    for token in tokens {
        for path in PAGES {
            let path = format!("{path}?t={token}");
            let (status, page) = house.get(&path).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert!(
                page.contains("/preferences/link") && !page.contains("ada@"),
                "{page}"
            );
            if !path.contains("preview") && !path.contains("sent") {
                let act = form(&[("act", "leave"), ("max_papers", "1"), ("mute", "X")]);
                assert_eq!(
                    house.post(&path, FORM, &act).await.0,
                    StatusCode::NOT_FOUND,
                    "{path}"
                );
            }
        }
    }
    assert_eq!(house.status(id), Some(Status::Active));
}

#[tokio::test]
async fn everything_can_be_changed_in_one_form() {
    let house = House::new();
    house.announces(&["Adapters for towers", "Lamps and their light"]);
    let (id, _) = house.subscribes("ada@example.org");
    let path = house.preferences("/preferences", id);
    let typed = form(&[
        ("interests", ""),
        ("interests[0].was", ""),
        ("interests[0].name", "Adapters"),
        ("interests[0].description", "cheap tuning"),
        (
            "interests[0].keywords",
            "low-rank adaptation\r\nLoRA, really",
        ),
        ("interests[0].more", "2608.00001\r\nLamps and their light"),
        ("interests[1].name", ""),
        ("send_at", "06:30"),
        ("timezone", "Europe/Berlin"),
        ("frequency", "weekly"),
        ("weekday", "fri"),
        ("days", ""),
        ("days", "mon"),
        ("days", "tue"),
        ("max_papers", "5"),
        ("min_score", "0.35"),
        ("abstracts", "full"),
        ("format", "text"),
        ("language", "de"),
        ("when_empty", "note"),
        ("pause_until", "2026-09-01"),
        ("name", "Ada"),
        ("replacements", ""),
        ("replacements", "true"),
        ("publications", ""),
        // This form changes neither.
        ("status", "suppressed"),
        ("email", "eve@example.org"),
    ]);
    let (status, page) = house.post(&path, FORM, &typed).await;
    assert!(
        status == StatusCode::OK && page.contains("Gespeichert;"),
        "{page}"
    );
    let ada = house.stored(id);
    let record = ada.to_record();
    let mut expected = serde_json::json!({
        "email": "ada@example.org", "name": "Ada", "timezone": "Europe/Berlin", "send_at": "06:30",
        "days": ["mon", "tue"], "frequency": "weekly", "weekday": "fri", "max_papers": 5, "abstracts": "full",
        "min_score": 0.35, "when_empty": "note", "format": "text", "language": "de", "pause_until": "2026-09-01",
        "replacements": true, "publications": false, "status": "active",
        "interests": [{
            "name": "Adapters", "description": "cheap tuning", "weight": 1, "keywords": ["low-rank adaptation", "LoRA, really"],
            "must_not": [], "authors": [], "categories": [], "liked": ["2608.00001", "2608.00002"], "disliked": [],
        }],
    });
    for (key, value) in Preferences::default().to_json() {
        expected
            .as_object_mut()
            .unwrap()
            .entry(key)
            .or_insert(value);
    }
    assert_eq!(record, expected);
    // Emptied fields are cleared; missing ones stay.
    let again = form(&[("pause_until", ""), ("name", ""), ("replacements", "")]);
    assert_eq!(house.post(&path, FORM, &again).await.0, StatusCode::OK);
    let ada = house.stored(id);
    assert_eq!(
        (
            ada.name.as_str(),
            ada.preferences.pause_until,
            ada.preferences.replacements
        ),
        ("", None, false)
    );
    assert_eq!(ada.interests.len(), 1);
}

#[tokio::test]
async fn errors_stand_beside_their_fields_and_nothing_is_saved() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    house.follows(id, &["Adapters", "Lamps"]);
    let before = house.stored(id);
    let path = house.preferences("/preferences", id);
    let typed = form(&[
        ("interests", ""),
        ("interests[0].was", "Adapters"),
        ("interests[0].remove", "on"),
        ("interests[1].was", "Lamps"),
        ("interests[1].name", "<script>alert(1)</script>"),
        ("interests[1].more", "no such paper at all\r\n\"'><b>"),
        ("send_at", "25:00"),
        ("timezone", "Mars/Olympus"),
        ("days", ""),
        ("max_papers", "1e9"),
        ("min_score", "NaN"),
        ("frequency", "hourly"),
        ("language", "../../etc/passwd"),
        ("pause_until", "soon"),
        ("abstracts", "\u{0}"),
    ]);
    let (status, page) = house.post(&path, FORM, &typed).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for said in [
        "must be a time of day",
        "must be a time zone",
        "Choose at least one day",
        "must be a whole number from 1 to 100",
        "must be a number from 0 to 1",
        "Please choose one of the options",
        "must be a language code",
        "must be a date",
        "not known here: no such paper at all",
        "value=\"25:00\"",
        "value=\"Mars/Olympus\"",
        "&lt;script&gt;",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(
        !page.contains("<script>alert") && !page.contains("'><b>"),
        "{page}"
    );
    assert_eq!(house.stored(id), before);
    // Two interests with one name, and too many interests.
    let twice = form(&[
        ("interests", ""),
        ("interests[0].name", "A"),
        ("interests[1].name", "a"),
    ]);
    let (status, page) = house.post(&path, FORM, &twice).await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Two interests have this name"),
        "{page}"
    );
    let many: Vec<(String, String)> = (0..200)
        .map(|at| {
            (
                format!("interests[{at}].name"),
                format!("Interest no. {at}"),
            )
        })
        .collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        house.post(&path, FORM, &form(&many)).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        house.post(&path, FORM, &"x".repeat(1 << 20)).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(house.stored(id), before);
}

#[tokio::test]
async fn thumbs_and_libraries_follow_an_interest_that_is_renamed() {
    let house = House::new();
    let papers = house.announces(&["Adapters for towers"]);
    let (id, _) = house.subscribes("ada@example.org");
    house.follows(id, &["Adapters", "Lamps", "Towers"]);
    let now = house.clock.now();
    let work = |title: &str| LibraryWork {
        key: title.to_owned(),
        title: title.to_owned(),
        abstract_text: "text".to_owned(),
        authors: Vec::new(),
        ids: Vec::new(),
    };
    house
        .db
        .run_here(|store| {
            store.add_library(id, "Adapters", &[work("of adapters")], now)?;
            store.add_library(id, "Lamps", &[work("of lamps")], now)?;
            store.add_library(id, "Towers", &[work("of towers")], now)?;
            let thumb = NewFeedback {
                subscriber: id,
                paper: papers[0],
                thumb: Thumb::More,
                interest: Some("Adapters".to_owned()),
                channel: Channel::Web,
            };
            store.give_feedback(&thumb, now)
        })
        .unwrap();
    // Two interests swap names, one is removed.
    let typed = form(&[
        ("interests", ""),
        ("interests[0].was", "Adapters"),
        ("interests[0].name", "Lamps"),
        ("interests[1].was", "Lamps"),
        ("interests[1].name", "Adapters"),
        ("interests[2].was", "Towers"),
        ("interests[2].remove", "on"),
        ("up", "1"),
    ]);
    let (status, page) = house
        .post(&house.preferences("/preferences", id), FORM, &typed)
        .await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let names: Vec<String> = house
        .stored(id)
        .interests
        .iter()
        .map(|interest| interest.name.clone())
        .collect();
    assert_eq!(names, ["Adapters", "Lamps"], "the second went up");
    let (library, thumbs) = house
        .db
        .run_here(|store| Ok((store.library_of(&[id], 9)?, store.feedback_of(&[id])?)))
        .unwrap();
    let mut library: Vec<(String, String)> = library
        .into_iter()
        .map(|(_, name, work)| (name, work.title))
        .collect();
    library.sort();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        library,
        [pair("Adapters", "of lamps"), pair("Lamps", "of adapters")]
    );
    assert_eq!(thumbs[0].interest.as_deref(), Some("Lamps"));
}

#[tokio::test]
async fn a_thumb_on_a_recent_pick_is_given_changed_and_taken_back() {
    let house = House::new();
    let papers = house.announces(&["Adapters for <towers>", "Lamps"]);
    let (id, _) = house.subscribes("ada@example.org");
    house.sends(id, &papers);
    let path = house.preferences("/preferences/picks", id);
    let (_, page) = house.get(&path).await;
    assert!(
        page.contains("Adapters for &lt;towers&gt;") && page.contains("about adapters"),
        "{page}"
    );
    let paper = papers[0].0.to_string();
    let said = || house.db.run_here(|store| store.feedback_of(&[id])).unwrap();
    for (thumb, expected) in [
        ("more", Some(Thumb::More)),
        ("save", Some(Thumb::Save)),
        ("less", Some(Thumb::Less)),
        ("none", None),
    ] {
        let (status, _) = house
            .post(&path, FORM, &form(&[("paper", &paper), ("thumb", thumb)]))
            .await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(said().first().map(|said| said.thumb), expected, "{thumb}");
    }
    for bad in [
        [("paper", "x"), ("thumb", "more")],
        [("paper", &paper), ("thumb", "love")],
    ] {
        assert_eq!(
            house.post(&path, FORM, &form(&bad)).await.0,
            StatusCode::BAD_REQUEST
        );
    }
    let (_, page) = house
        .post(&path, FORM, &form(&[("paper", "99999"), ("thumb", "more")]))
        .await;
    assert!(page.contains("Paper not found"), "{page}");
    let (_, page) = house
        .post(&path, FORM, &form(&[("mute", " Eve & <b>Mallory</b>\r\n")]))
        .await;
    assert!(page.contains("Eve &amp; Mallory"), "{page}");
    let muted = || {
        house
            .db
            .run_here(|store| store.muted_authors(&[id]))
            .unwrap()
    };
    assert_eq!(muted().len(), 1);
    house
        .post(&path, FORM, &form(&[("unmute", "Eve & Mallory")]))
        .await;
    assert!(muted().is_empty() && said().is_empty());
}

#[tokio::test]
async fn the_preview_shows_what_was_just_saved() {
    let house = House::new();
    house.announces(&["Adapters for large towers", "Lamps and their light"]);
    let (id, _) = house.subscribes("ada@example.org");
    let path = house.preferences("/preferences", id);
    let with_line = |line: &str| {
        form(&[
            ("interests", ""),
            ("interests[0].name", "Light"),
            ("interests[0].keywords", "lamps"),
            ("min_score", line),
            ("then", "preview"),
        ])
    };
    let (status, page) = house.post(&path, FORM, &with_line("0.2")).await;
    assert!(
        status == StatusCode::OK
            && page.contains("Saved.")
            && page.contains("Lamps and their light"),
        "{page}"
    );
    assert!(
        house
            .get(&house.preferences("/preferences/preview", id))
            .await
            .1
            .contains("Lamps and their light")
    );
    assert_eq!(
        house.db.run_here(|store| store.mails_to(id, 9)).unwrap(),
        [],
        "nothing was queued"
    );
}

#[tokio::test]
async fn after_todays_issue_the_preview_is_of_tomorrows_and_shows_what_todays_papers_would_be() {
    let house = House::new();
    let papers = house.announces(&["Adapters for large towers", "Lamps and their light"]);
    let (id, _) = house.subscribes("ada@example.org");
    house.follows(id, &["lamps"]);
    house.sends(id, &papers);
    // They choose a later hour: today has had its issue already.
    let mut ada = house.stored(id);
    ada.details.preferences.send_at = "20:00".parse().unwrap();
    house
        .db
        .run_here(|store| store.save_subscriber(&ada, house.clock.now()))
        .unwrap();
    let (_, page) = house
        .get(&house.preferences("/preferences/preview", id))
        .await;
    assert!(
        page.contains("Wednesday, 5 August 2026")
            && page.contains("that you have not already been sent"),
        "{page}"
    );
    let (_, again) = page
        .split_once("With papers you have already been sent")
        .unwrap();
    assert!(again.contains("Lamps and their light"), "{again}");
    let feedback = format!(
        "/feedback?t={}&p={}&v=more",
        house.token(Scope::Feedback, id.0),
        papers[1].0
    );
    let (_, page) = house.post(&feedback, FORM, "").await;
    assert!(
        page.contains("5 August 2026") && page.contains("20:00"),
        "{page}"
    );
}

#[tokio::test]
async fn an_empty_required_field_is_reported() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    let path = house.preferences("/preferences", id);
    for field in ["send_at", "timezone", "max_papers", "min_score"] {
        let (status, page) = house.post(&path, FORM, &form(&[(field, "")])).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(
            page.contains(&format!("id=\"{field}-wrong\"")),
            "{field}: {page}"
        );
    }
    assert_eq!(
        house
            .post(&path, FORM, &form(&[("language", "xx")]))
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_library_is_imported_with_a_report() {
    let house = House::new();
    house.announces(&["Adapters for towers"]);
    let (id, _) = house.subscribes("ada@example.org");
    let path = house.preferences("/preferences/library", id);
    let post = |file: &str, text: &str| {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"interest\"\r\n\r\nMine\r\n--x\r\nContent-Disposition: \
             form-data; name=\"file\"; filename=\"../../etc/passwd\"\r\nContent-Type: text/plain\r\n\r\n{file}\r\n\
             --x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n{text}\r\n--x--\r\n"
        );
        let path = path.clone();
        let house = &house;
        async move {
            house
                .post(&path, "multipart/form-data; boundary=x", &body)
                .await
        }
    };
    let library = "@article{a, title={Adapters for towers}, author={Zero, Author}, eprint={2608.00001}, \
                   archiveprefix={arXiv}}\n@article{b, title={A book of lamps}, abstract={On light.}}\n@article{c,}";
    let (status, page) = post(library, "").await;
    assert!(status == StatusCode::OK, "{page}");
    assert!(
        page.contains("now liked: 1.")
            && page.contains("Learned from their text: 1.")
            && page.contains("Not imported"),
        "{page}"
    );
    let ada = house.stored(id);
    assert_eq!(ada.interests[0].name, "Mine");
    assert_eq!(ada.interests[0].liked.len(), 1);
    let (status, page) = post("", "no library, just words").await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("no library, just words"),
        "{page}"
    );
    assert_eq!(post("", "").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, page) = post("", "@article{a, title={Broken").await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("not closed"),
        "{page}"
    );
    assert!(
        page.contains("@article{a, title={Broken") && page.contains("value=\"Mine\""),
        "{page}"
    );
    assert_eq!(
        post(&"x".repeat(6 << 20), "").await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(
        house.post(&path, FORM, "text=2608.00001").await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(house.stored(id), ada);
}

#[tokio::test]
async fn a_lost_link_is_mailed_once_a_day_and_the_answer_tells_nothing() {
    let house = House::new();
    house.subscribes("ada@example.org");
    let mut answers = Vec::new();
    for address in [
        "ada@example.org",
        "eve@example.org",
        "ADA@example.org",
        "eve@example.org",
    ] {
        answers.push(
            house
                .post("/preferences/link", FORM, &form(&[("email", address)]))
                .await,
        );
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let mail = mails(&house, "ada@example.org");
    assert_eq!(mail.len(), 1);
    let preferences = link(&mail[0], "/preferences?t=");
    assert_eq!(house.get(&preferences).await.0, StatusCode::OK);
    assert!(mails(&house, "eve@example.org").is_empty());
    let (status, page) = house
        .post("/preferences/link", FORM, &form(&[("email", "\"><b>")]))
        .await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && !page.contains("<b>"),
        "{page}"
    );
    house.clock.set(house.clock.now() + TimeDelta::hours(25));
    house
        .post(
            "/preferences/link",
            FORM,
            &form(&[("email", "ada@example.org")]),
        )
        .await;
    assert_eq!(mails(&house, "ada@example.org").len(), 2);
}

#[tokio::test]
async fn an_address_moves_when_both_addresses_agree() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    house.subscribes("bob@example.org");
    let path = house.preferences("/preferences/account", id);
    let act = |email: &str| form(&[("act", "move"), ("email", email)]);
    for bad in [
        "",
        "ada",
        "ADA@example.org",
        "ada@mailinator.com",
        "x@example.org\r\nBcc: y@example.org",
    ] {
        assert_eq!(
            house.post(&path, FORM, &act(bad)).await.0,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{bad}"
        );
    }
    let (free, taken) = (act("ada@example.net"), act("bob@example.org"));
    let free = house
        .post(&path, FORM, &free)
        .await
        .1
        .replace("ada@example.net", "");
    let taken = house
        .post(&path, FORM, &taken)
        .await
        .1
        .replace("bob@example.org", "");
    assert_eq!(free, taken, "nobody learns who is subscribed");
    let address = || house.stored(id).address.to_string();
    let new = link(&mails(&house, "ada@example.net")[0], "/confirm?t=");
    let to_old = mails(&house, "ada@example.org");
    let asks_old = |of: &str| to_old.iter().find(|mail| mail.contains(of)).unwrap();
    let old = link(asks_old("ada@example.net"), "/confirm?t=");
    for agrees in [&new, &old] {
        assert!(house.get(agrees).await.1.contains("ada@example.net"));
        assert_eq!(
            address(),
            "ada@example.org",
            "a scanner agrees to nothing, and one address is not both"
        );
        let (status, page) = house.post(agrees, FORM, "").await;
        assert_eq!(status, StatusCode::OK);
        let is_last = *agrees == old;
        assert_eq!(page.contains("Your address has changed"), is_last, "{page}");
        assert_eq!(
            page.contains("/preferences?t="),
            is_last,
            "a link to the preferences for whoever proved both"
        );
    }
    assert_eq!(address(), "ada@example.net");
    // Following it again shows the same page without a link to the preferences.
    let (status, page) = house.post(&new, FORM, "").await;
    assert!(
        status == StatusCode::OK && page.contains("Your address has changed"),
        "{page}"
    );
    assert!(!page.contains("/preferences?t="), "{page}");
    // An address of another subscriber is not taken.
    assert_eq!(
        house.post(&path, FORM, &act("bob@example.org")).await.0,
        StatusCode::NOT_FOUND,
        "an older link"
    );
    let to_bob = link(&mails(&house, "bob@example.org")[0], "/confirm?t=");
    let of_bob = link(asks_old("bob@example.org"), "/confirm?t=");
    assert_eq!(house.post(&to_bob, FORM, "").await.0, StatusCode::OK);
    assert_eq!(house.post(&of_bob, FORM, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(address(), "ada@example.net");
}

#[tokio::test]
async fn sent_mails_are_shown_with_the_replies_of_the_server() {
    let house = House::new();
    let papers = house.announces(&["Adapters"]);
    let (id, _) = house.subscribes("ada@example.org");
    house.sends(id, &papers);
    let (_, page) = house.get(&house.preferences("/preferences/sent", id)).await;
    assert!(
        page.contains("4 Aug: two papers") && page.contains("Waiting to be sent"),
        "{page}"
    );
    assert!(page.contains("there is no record of a form"), "{page}");
    for mine in ["/issues/", "/saved?t=", "/feeds/"] {
        assert_eq!(
            house.get(&path_to(&page, mine)).await.0,
            StatusCode::OK,
            "{mine}"
        );
    }
    let (other, _) = house.subscribes("eve@example.org");
    let (_, page) = house
        .get(&house.preferences("/preferences/sent", other))
        .await;
    assert!(page.contains("Nothing has been sent yet"), "{page}");
}

#[tokio::test]
async fn leaving_mails_goodbye_once_and_returning_restores_all() {
    let house = House::new();
    let (id, leave) = house.subscribes("ada@example.org");
    house.follows(id, &["Adapters"]);
    let (_, page) = house.get(&leave).await;
    assert!(page.contains("Pause for 2 weeks"), "{page}");
    let pause = leave.replace("/unsubscribe?", "/unsubscribe/pause?");
    assert_eq!(
        house.post(&pause, FORM, "weeks=99999").await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, page) = house.post(&pause, FORM, "weeks=2").await;
    assert!(
        status == StatusCode::OK && page.contains("18 August 2026"),
        "{page}"
    );
    assert_eq!(
        house.stored(id).preferences.pause_until,
        Some("2026-08-18".parse().unwrap())
    );
    for _ in 0..2 {
        house.post(&leave, FORM, "List-Unsubscribe=One-Click").await;
    }
    assert_eq!(house.status(id), Some(Status::Unsubscribed));
    let goodbye = mails(&house, "ada@example.org");
    assert_eq!(goodbye.len(), 1, "{goodbye:?}");
    link(&goodbye[0], "/subscribe");
    // A pause does not resubscribe.
    house.post(&pause, FORM, "weeks=2").await;
    assert_eq!(house.status(id), Some(Status::Unsubscribed));
    // By the signup form, with an address alone.
    house
        .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
        .await;
    let confirm = link(
        mails(&house, "ada@example.org").last().unwrap(),
        "/confirm?t=",
    );
    assert_eq!(house.post(&confirm, FORM, "").await.0, StatusCode::OK);
    assert_eq!(house.status(id), Some(Status::Active));
    assert_eq!(house.stored(id).interests[0].name, "Adapters");
    // By the preferences and a mail, even on the same day.
    house.clock.set(house.clock.now() + TimeDelta::hours(1));
    house.post(&leave, FORM, "List-Unsubscribe=One-Click").await;
    let account = house.preferences("/preferences/account", id);
    house.post(&account, FORM, "act=return").await;
    assert_eq!(
        house.status(id),
        Some(Status::Unsubscribed),
        "not without the link in the mail"
    );
    let confirm = link(
        mails(&house, "ada@example.org").last().unwrap(),
        "/confirm?t=",
    );
    house.post(&confirm, FORM, "").await;
    assert_eq!(
        (house.status(id), house.stored(id).interests.len()),
        (Some(Status::Active), 1)
    );
}
