//! The operator's pages from outside: access, content, and actions equal to those of commands.

use crate::harness::fake_smtp::{At, FakeRelay};
use crate::web::robots::{FORM, House};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::TimeDelta;
use paperboy::clock::Clock as _;
use paperboy::coverage::{CoverageState, CoverageUpdate};
use paperboy::outbox::{Security, SmtpSettings, Transport};
use paperboy::pick::Thumb;
use paperboy::random::SystemChance;
use paperboy::store::{
    AttemptRecord, Channel, DeliveryId, DeliveryState, Disposition, Effect, LedgerTurn,
    NewFeedback, NewReport, OutboxFilter, PaperRow, RelayPause, SetAside, Settlement,
};
use paperboy::subscriber::{Status, SubscriberId};
use paperboy::web::admin::{AdminContext, AdminState, alone, hash_password, router};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt as _;

const PASSWORD: &str = "a lamp in every tower";

/// An installation with an operator.
struct Tower {
    house: House,
    admin: AdminState,
    is_alone: bool,
    cookie: String,
    from: SocketAddr,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The number that every form of the page carries.
    fn csrf(&self) -> String {
        let rest = self.body.split("name=\"csrf\" value=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Tower {
    fn new() -> Self {
        Self::of(House::new(), Transport::Maildir("mail".into()))
    }

    fn of(house: House, transport: Transport) -> Self {
        let works = AdminContext {
            random: Arc::new(SystemChance::new()),
            transport: Arc::new(move || transport.clone()),
            sources: Arc::new(|| vec!["arxiv".to_owned()]),
            loops: Arc::new(|| vec![("fetch", true), ("publish", false)]),
            models: "no models".into(),
            own_listener: None,
        };
        let admin = AdminState::new(house.site.clone(), works);
        Tower {
            house,
            admin,
            is_alone: false,
            cookie: String::new(),
            from: "192.0.2.1:4000".parse().unwrap(),
        }
    }

    fn router(&self) -> Router {
        if self.is_alone {
            alone(self.admin.clone())
        } else {
            router(self.admin.clone())
        }
    }

    fn sets_password(&self, password: &str) {
        let hash = hash_password(password, &SystemChance::new()).unwrap();
        let now = self.house.clock.now();
        self.house
            .db
            .run_here(|store| store.set_admin_password(&hash, now))
            .unwrap();
    }

    async fn ask(&self, request: axum::http::request::Builder, body: String) -> Answer {
        let request = request
            .header(header::COOKIE, &self.cookie)
            .body(Body::from(body))
            .unwrap();
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(self.from));
        let (parts, body) = self.router().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, 4 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path), String::new()).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.ask(Request::post(path).header(header::CONTENT_TYPE, FORM), body)
            .await
    }

    /// Posts a form of the page at `path`.
    async fn act(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let csrf = self.get("/admin/acts").await.csrf();
        self.post(path, &[form, &[("csrf", csrf.as_str())]].concat())
            .await
    }

    async fn sign_in(&mut self, password: &str) -> Answer {
        let answer = self.post("/admin/login", &[("password", password)]).await;
        if let Some(cookie) = answer.headers.get(header::SET_COOKIE) {
            cookie
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .clone_into(&mut self.cookie);
        }
        answer
    }

    /// An installation whose operator is signed in.
    async fn open() -> Self {
        let mut tower = Tower::new();
        tower.sets_password(PASSWORD);
        assert_eq!(tower.sign_in(PASSWORD).await.status, StatusCode::SEE_OTHER);
        tower
    }

    /// Enters papers, subscribers, mails, reports, thumbs.
    fn fills(&self) -> (SubscriberId, Vec<PaperRow>) {
        let house = &self.house;
        let now = house.clock.now();
        let papers = house.announces(&[
            "Engines <script>alert(1)</script>",
            "Looms & \"cards\"",
            "Tables",
        ]);
        let (ada, _) = house.subscribes("ada@example.org");
        house.subscribes("\"<b>bob</b>\"@example.org");
        house.sends(ada, &papers);
        let news = |date: &str, state, note: &str| CoverageUpdate {
            category: "cs.LG".to_owned(),
            date: date.parse().unwrap(),
            state,
            declared: Some(7),
            papers: 3,
            announced_at: None,
            note: note.to_owned(),
        };
        let days = [
            news("2026-08-04", CoverageState::Failed, "503 <i>busy</i>"),
            news("2026-08-03", CoverageState::Complete, ""),
        ];
        let report = NewReport {
            key: "r".to_owned(),
            delivery: None,
            subscriber: None,
            address: "gone@example.net".parse().unwrap(),
            class: "hard",
            reason: Some("userunknown"),
            status: Some("5.1.1".to_owned()),
            diagnostic: "550 <gone@example.net> nobody".to_owned(),
            source: "mail",
            action: "suppressed",
            effect: Effect::Suppress,
        };
        let aside = SetAside {
            place: "line 3 <u>".to_owned(),
            reason: "no title".to_owned(),
            record: "{\"id\": \"<p>\"}".to_owned(),
        };
        let said = NewFeedback {
            subscriber: ada,
            paper: papers[0],
            thumb: Thumb::More,
            interest: None,
            channel: Channel::Web,
        };
        let pause = RelayPause {
            until: now + TimeDelta::minutes(5),
            failures: 4,
            refuses_us: true,
            reason: "auth: 535 <no>".to_owned(),
        };
        house
            .db
            .run_here(|store| {
                store.take_batch("arxiv", &[], &days, now)?;
                store.record_report(&report, 9, now)?;
                store.set_aside("arxiv", &[aside], now)?;
                store.give_feedback(&said, now)?;
                store.pause_relay("mx.example.org:25", Some(&pause))?;
                store.note_work("publish", Some("the template <x> is broken"), now)?;
                store.keep_subscriber_counts(now.date_naive())?;
                Ok(())
            })
            .unwrap();
        (ada, papers)
    }

    fn state_of(&self, id: DeliveryId) -> DeliveryState {
        let rows = self
            .house
            .db
            .run_here(|store| store.deliveries(&OutboxFilter::default()))
            .unwrap();
        rows.into_iter().find(|row| row.id == id).unwrap().state
    }

    fn first_delivery(&self) -> DeliveryId {
        self.house
            .db
            .run_here(|store| store.deliveries(&OutboxFilter::default()))
            .unwrap()[0]
            .id
    }

    fn acts(&self) -> Vec<String> {
        let acts = self
            .house
            .db
            .run_here(|store| store.admin_acts(None, 100))
            .unwrap();
        acts.into_iter().map(|act| act.act).collect()
    }
}

/// Every page, but for those of one mail and one person.
const PAGES: [&str; 14] = [
    "/admin",
    "/admin/charts",
    "/admin/charts?days=7",
    "/admin/mails",
    "/admin/people",
    "/admin/suppressions",
    "/admin/papers",
    "/admin/papers?q=engines",
    "/admin/coverage",
    "/admin/set-aside",
    "/admin/models",
    "/admin/sample",
    "/admin/acts",
    "/admin/mails?state=accepted&date=2026-08-04&address=ada&words=250",
];

/// Pages of one mail and one person.
const DETAILS: [&str; 5] = [
    "/admin/mails/1",
    "/admin/people/1",
    "/admin/people/1/preview",
    "/admin/people/1/preview?as=text",
    "/admin/people/1/preview.html",
];

#[tokio::test]
async fn pages_need_a_session() {
    let tower = Tower::new();
    tower.fills();
    for path in PAGES.iter().chain(&DETAILS).chain(&[
        "/admin/",
        "/admin/nowhere",
        "/admin/people/1/nowhere",
    ]) {
        let answer = tower.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(
            answer.header("location").starts_with("/admin/login"),
            "{path}: {}",
            answer.header("location")
        );
        assert!(answer.body.is_empty(), "{path}");
    }
    // The pages of the menu are among them.
    for path in [
        "/admin/mails/1",
        "/admin/people/1",
        "/admin/suppressions",
        "/admin/sample",
        "/admin/logout",
    ] {
        let answer = tower
            .post(
                path,
                &[("act", "drop"), ("csrf", ""), ("email", "x@example.org")],
            )
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!answer.body.contains("ada@"), "{path}");
    }
    assert_eq!(tower.acts(), Vec::<String>::new());
    // A made-up cookie is no session.
    for forged in [
        "paperboy-operator=",
        &format!("paperboy-operator={}", "0".repeat(64)),
        "paperboy-operator='--",
    ] {
        let tower = Tower {
            cookie: forged.to_owned(),
            ..Tower::new()
        };
        assert_eq!(
            tower.get("/admin").await.status,
            StatusCode::SEE_OTHER,
            "{forged}"
        );
    }
}

#[tokio::test]
async fn the_password_opens_the_page_that_was_asked_for() {
    let mut tower = Tower::new();
    let page = tower.get("/admin/login").await;
    assert!(
        page.body.contains("paperboy admin password") && page.body.contains("no password yet"),
        "{}",
        page.body
    );
    assert_eq!(
        tower.sign_in(PASSWORD).await.status,
        StatusCode::UNAUTHORIZED,
        "there is none yet"
    );
    tower.sets_password(PASSWORD);
    for wrong in [
        "",
        "A lamp in every tower",
        "a lamp in every tower ",
        "%00",
        &"x".repeat(9_000),
    ] {
        let answer = tower.sign_in(wrong).await;
        assert!(
            answer.status == StatusCode::UNAUTHORIZED && tower.cookie.is_empty(),
            "{wrong}: {}",
            answer.status
        );
    }
    let back = tower
        .get("/admin/mails?state=held")
        .await
        .header("location")
        .to_owned();
    assert_eq!(back, "/admin/login?next=%2Fadmin%2Fmails%3Fstate%3Dheld");
    assert!(
        tower
            .get(&back)
            .await
            .body
            .contains("value=\"/admin/mails?state=held\"")
    );
    let answer = tower
        .post(
            "/admin/login",
            &[("password", PASSWORD), ("next", "//evil.example")],
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/admin")
    );
    let answer = tower.sign_in(PASSWORD).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-paperboy-operator=")
            && ["; Path=/;", "HttpOnly", "SameSite=Strict", "Secure"]
                .iter()
                .all(|part| cookie.contains(part)),
        "{cookie}"
    );
    let page = tower.get("/admin").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("strict-transport-security").contains("max-age"));
    // The token itself is nowhere in the database and in no page.
    let token = tower.cookie.split_once('=').unwrap().1.to_owned();
    assert!(!page.body.contains(&token));
    assert_eq!(
        tower
            .house
            .db
            .run_here(|store| store.admin_session(&token))
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn guessing_is_slowed_down_by_network() {
    let mut tower = Tower::new();
    tower.sets_password(PASSWORD);
    let mut last = StatusCode::OK;
    for _ in 0..11 {
        last = tower.sign_in("a lamp in every tower?").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    // The right password is not checked either.
    assert_eq!(
        tower.sign_in(PASSWORD).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    tower.from = "198.51.100.7:4000".parse().unwrap();
    assert_eq!(tower.sign_in(PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_by_a_new_password() {
    let mut tower = Tower::open().await;
    let answer = tower.act("/admin/logout", &[]).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/admin/login")
    );
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        tower.get("/admin").await.status,
        StatusCode::SEE_OTHER,
        "the old cookie is good for nothing"
    );

    tower.sign_in(PASSWORD).await;
    let begin = tower.house.clock.now();
    for hours in (0..=160).step_by(10) {
        tower.house.clock.set(begin + TimeDelta::hours(hours));
        assert_eq!(
            tower.get("/admin/acts").await.status,
            StatusCode::OK,
            "after {hours} hours"
        );
    }
    tower.house.clock.set(begin + TimeDelta::hours(169));
    assert_eq!(
        tower.get("/admin/acts").await.status,
        StatusCode::SEE_OTHER,
        "after a week"
    );

    tower.sign_in(PASSWORD).await;
    tower.house.clock.set(begin + TimeDelta::hours(182));
    assert_eq!(
        tower.get("/admin/acts").await.status,
        StatusCode::SEE_OTHER,
        "after twelve idle hours"
    );

    tower.sign_in(PASSWORD).await;
    assert_eq!(tower.get("/admin/acts").await.status, StatusCode::OK);
    tower.sets_password("another lamp in the tower");
    assert_eq!(
        tower.get("/admin/acts").await.status,
        StatusCode::SEE_OTHER,
        "after a new password"
    );
}

#[tokio::test]
async fn a_form_without_the_number_of_its_session_does_nothing() {
    let tower = Tower::open().await;
    let (ada, _) = tower.fills();
    let id = tower.first_delivery();
    let path = format!("/admin/mails/{}", id.0);
    let before = tower.state_of(id);
    let own = tower.get("/admin").await.csrf();
    let other = {
        let mut other = Tower::new();
        other.sets_password(PASSWORD);
        other.sign_in(PASSWORD).await;
        other.get("/admin").await.csrf()
    };
    assert_ne!(own, other);
    for csrf in ["", "0", &other, &own[1..]] {
        for (path, act) in [
            (path.as_str(), "drop"),
            ("/admin/people/1", "pause"),
            ("/admin/suppressions", "add"),
        ] {
            let answer = tower
                .post(
                    path,
                    &[("act", act), ("csrf", csrf), ("email", "a@example.net")],
                )
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {csrf}");
        }
    }
    let request = Request::post(&path)
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, FORM);
    assert_eq!(
        tower
            .ask(request, format!("act=drop&csrf={own}"))
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(tower.state_of(id), before);
    assert_eq!(tower.house.status(ada), Some(Status::Active));
    assert_eq!(tower.acts(), ["signed in"]);
    // GET with an action in the query does nothing either.
    tower.get(&format!("{path}?act=drop&csrf={own}")).await;
    assert_eq!(tower.state_of(id), before);
}

#[tokio::test]
async fn every_page_shows_an_empty_and_a_full_installation() {
    let tower = Tower::open().await;
    for path in PAGES {
        let answer = tower.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    }
    for path in DETAILS {
        assert_eq!(
            tower.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    tower.fills();
    // Figures are cached for some minutes.
    tower
        .house
        .clock
        .set(tower.house.clock.now() + TimeDelta::minutes(3));
    for path in PAGES.iter().chain(&DETAILS) {
        let answer = tower.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        for hostile in [
            "<script",
            "<b>bob",
            "<i>busy",
            "<x>",
            "<u>",
            "<no>",
            "<p>\"",
            " style=\"",
            "onclick",
        ] {
            assert!(!answer.body.contains(hostile), "{path}: {hostile}");
        }
    }
    let today = tower.get("/admin").await.body;
    for expected in [
        "Something is wrong",
        "the relay mx.example.org:25 refuses mail from us",
        "the loop publish has failed for",
        "arxiv cs.LG of 2026-08-04 could not be read",
        "the loop publish of this process gives no heartbeat",
        "no process is sending",
        "1</b> issues composed",
        "503 &lt;i&gt;busy",
    ] {
        assert!(today.contains(expected), "{expected} is not in\n{today}");
    }
    assert!(
        tower
            .get("/admin/suppressions")
            .await
            .body
            .contains("550 &lt;gone@example.net&gt; nobody")
    );
    assert!(
        tower
            .get("/admin/set-aside")
            .await
            .body
            .contains("no title")
    );
    assert!(
        tower
            .get("/admin/people?q=ADA")
            .await
            .body
            .contains("ada@example.org")
    );
    assert!(!tower.get("/admin/people?q=ADA").await.body.contains("bob"));
    let person = tower.get("/admin/people/1").await.body;
    for expected in ["ada@example.org", "more", "Engines", "/admin/mails/1"] {
        assert!(person.contains(expected), "{expected} is not in\n{person}");
    }
    let charts = tower.get("/admin/charts").await.body;
    assert!(
        charts.matches("<svg class=\"chart\"").count() >= 3,
        "{charts}"
    );
}

#[tokio::test]
async fn without_findings_the_page_says_all_is_well() {
    let mut tower = Tower::new();
    tower.sets_password(PASSWORD);
    tower.sign_in(PASSWORD).await;
    let now = tower.house.clock.now();
    let news = CoverageUpdate {
        category: String::new(),
        date: now.date_naive(),
        state: CoverageState::Complete,
        declared: None,
        papers: 0,
        announced_at: None,
        note: String::new(),
    };
    tower
        .house
        .db
        .run_here(|store| store.take_batch("arxiv", &[], &[news], now))
        .unwrap();
    let works = AdminContext {
        random: Arc::new(SystemChance::new()),
        transport: Arc::new(|| Transport::Maildir("mail".into())),
        sources: Arc::new(|| vec!["arxiv".to_owned()]),
        loops: Arc::new(|| vec![("fetch", true)]),
        models: "no models".into(),
        own_listener: None,
    };
    tower.admin = AdminState::new(tower.house.site.clone(), works);
    let page = tower.get("/admin").await.body;
    assert!(page.contains("All is well."), "{page}");
}

#[tokio::test]
async fn hostile_text_in_every_field_is_an_answer_and_not_a_failure() {
    let tower = Tower::open().await;
    tower.fills();
    let hostile = [
        "%00",
        "%27%20OR%201%3D1--",
        "%3Cscript%3E",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "%F0%9F%92%A5",
        "%25",
        "_",
        "2026-02-30",
        "99999-01-01",
        "NaN",
        "%ff%fe",
        "a%0d%0aSet-Cookie:x",
        "{{7*7}}",
        "*",
        "%22",
        "",
    ];
    let long = "x".repeat(4_000);
    for value in hostile.iter().copied().chain([long.as_str()]) {
        for path in [
            "/admin/mails?state=",
            "/admin/mails?date=",
            "/admin/mails?address=",
            "/admin/mails?words=",
            "/admin/mails?before=",
            "/admin/people?q=",
            "/admin/people?status=",
            "/admin/people?after=",
            "/admin/suppressions?q=",
            "/admin/suppressions?after=",
            "/admin/papers?q=",
            "/admin/coverage?days=",
            "/admin/charts?days=",
            "/admin/models?days=",
            "/admin/acts?before=",
            "/admin/people/1/preview?as=",
            "/admin/mails/",
            "/admin/people/",
            "/admin/login?next=",
        ] {
            let path = format!("{path}{value}");
            if path.parse::<axum::http::Uri>().is_err() {
                continue;
            }
            let answer = tower.get(&path).await;
            assert!(answer.status.as_u16() < 500, "{path}: {}", answer.status);
            assert!(!answer.body.contains("<script>"), "{path}");
            assert!(answer.headers.get("set-cookie").is_none(), "{path}");
        }
        for path in [
            "/admin/mails/1",
            "/admin/people/1",
            "/admin/suppressions",
            "/admin/sample",
        ] {
            let decoded = form_urlencoded::parse(format!("v={value}").as_bytes())
                .next()
                .unwrap()
                .1
                .into_owned();
            let answer = tower
                .act(
                    path,
                    &[("act", &decoded), ("email", &decoded), ("reason", &decoded)],
                )
                .await;
            assert!(
                answer.status.as_u16() < 500,
                "{path} {value}: {}",
                answer.status
            );
        }
    }
    assert_eq!(tower.house.status(SubscriberId(1)), Some(Status::Active));
}

#[tokio::test]
async fn mails_are_held_dropped_and_sent_again_as_by_command() {
    let tower = Tower::open().await;
    tower.fills();
    let id = tower.first_delivery();
    let path = format!("/admin/mails/{}", id.0);
    let rows = tower
        .house
        .db
        .run_here(|store| store.deliveries(&OutboxFilter::default()))
        .unwrap();
    assert_eq!(rows[0].state, DeliveryState::Rendered);
    let held = tower.act(&path, &[("act", "hold")]).await;
    assert!(
        held.body.contains("It is held.") && tower.state_of(id) == DeliveryState::Held,
        "{}",
        held.body
    );
    tower.act(&path, &[("act", "retry")]).await;
    assert_eq!(tower.state_of(id), DeliveryState::Rendered);
    tower.act(&path, &[("act", "drop")]).await;
    assert_eq!(tower.state_of(id), DeliveryState::Expired);
    let again = tower.act(&path, &[("act", "retry")]).await;
    assert!(
        again.body.contains("there is nothing to do about it"),
        "{}",
        again.body
    );
    assert_eq!(
        tower.acts(),
        [
            "dropped mail 1",
            "sent again mail 1",
            "held mail 1",
            "signed in"
        ]
    );
    assert!(
        tower
            .get("/admin/acts")
            .await
            .body
            .contains("dropped mail 1")
    );
}

#[tokio::test]
async fn several_mails_are_sent_again_together() {
    let tower = Tower::open().await;
    let papers = tower.house.announces(&["Engines"]);
    for name in ["ada", "emmy", "lise"] {
        let (id, _) = tower.house.subscribes(&format!("{name}@example.org"));
        tower.house.sends(id, &papers);
    }
    let chosen = [
        ("act", "hold"),
        ("id", "1"),
        ("id", "3"),
        ("id", "99"),
        ("id", "x"),
    ];
    let answer = tower.act("/admin/mails?state=rendered", &chosen).await;
    assert!(
        answer
            .body
            .contains("2 mails: held. Of the others the first: It is gone."),
        "{}",
        answer.body
    );
    let states = [1, 2, 3].map(|id| tower.state_of(DeliveryId(id)));
    assert_eq!(
        states,
        [
            DeliveryState::Held,
            DeliveryState::Rendered,
            DeliveryState::Held
        ]
    );
    // The same list is shown again.
    assert!(
        answer.body.contains("emmy@example.org") && !answer.body.contains("ada@example.org"),
        "{}",
        answer.body
    );
    let none = tower.act("/admin/mails", &[("act", "drop")]).await;
    assert!(none.body.contains("no mail was chosen"), "{}", none.body);
    tower
        .act(
            "/admin/mails",
            &[("act", "retry"), ("id", "1"), ("id", "3")],
        )
        .await;
    assert_eq!(tower.state_of(DeliveryId(3)), DeliveryState::Rendered);
    assert_eq!(
        tower.acts(),
        ["sent again mail 1, 3", "held mail 1, 3", "signed in"]
    );
}

#[tokio::test]
async fn subscribers_are_paused_resumed_and_sent_their_link() {
    let tower = Tower::open().await;
    let (ada, _) = tower.house.subscribes("ada@example.org");
    let path = format!("/admin/people/{}", ada.0);
    tower.act(&path, &[("act", "pause")]).await;
    assert_eq!(tower.house.status(ada), Some(Status::Paused));
    tower.act(&path, &[("act", "resume")]).await;
    assert_eq!(tower.house.status(ada), Some(Status::Active));
    tower.act(&path, &[("act", "link")]).await;
    let message = tower.house.db.run_here(|store| {
        let rows = store.deliveries(&OutboxFilter::default())?;
        store.message(rows[0].id)
    });
    assert!(
        String::from_utf8(message.unwrap().unwrap())
            .unwrap()
            .contains("/preferences?t=")
    );
    let now = tower.house.clock.now();
    tower
        .house
        .db
        .run_here(|store| store.unsubscribe(ada, "preferences", now))
        .unwrap();
    let answer = tower.act(&path, &[("act", "resume")]).await;
    assert!(answer.body.contains("Nothing was done"), "{}", answer.body);
    assert_eq!(
        tower.house.status(ada),
        Some(Status::Unsubscribed),
        "only they themselves can come back"
    );
    // Actions name ids, so that nothing of an erased reader stays here.
    assert!(
        tower.acts().iter().all(|act| !act.contains("ada")),
        "{:?}",
        tower.acts()
    );
}

#[tokio::test]
async fn suppressions_are_added_and_lifted() {
    let tower = Tower::open().await;
    let (ada, _) = tower.house.subscribes("ada@example.org");
    let wrong = tower
        .act(
            "/admin/suppressions",
            &[("act", "add"), ("email", "nobody")],
        )
        .await;
    assert!(
        wrong.body.contains("must be a mail address") && wrong.body.contains("value=\"nobody\""),
        "{}",
        wrong.body
    );
    let form = [
        ("act", "add"),
        ("email", "ADA@example.org"),
        ("reason", "asked on the phone"),
    ];
    let added = tower.act("/admin/suppressions", &form).await;
    assert!(added.body.contains("asked on the phone"), "{}", added.body);
    assert_eq!(tower.house.status(ada), Some(Status::Suppressed));
    tower
        .act(
            "/admin/suppressions",
            &[("act", "lift"), ("email", "ada@example.org")],
        )
        .await;
    assert_eq!(tower.house.status(ada), Some(Status::Active));
    assert_eq!(
        tower.acts(),
        [
            "lifted the suppression of a…@example.org",
            "suppressed A…@example.org",
            "signed in"
        ]
    );
}

#[tokio::test]
async fn a_test_mail_shows_what_the_server_said() {
    let relay = FakeRelay::start().await;
    relay
        .on(At::Rcpt)
        .to("full@example.org")
        .says("452 4.2.2 <full@example.org>: the box is full");
    let smtp = SmtpSettings {
        port: relay.port(),
        security: Security::None,
        ..SmtpSettings::default()
    };
    let mut tower = Tower::of(House::new(), Transport::Smtp(smtp));
    tower.sets_password(PASSWORD);
    tower.sign_in(PASSWORD).await;
    let answer = tower
        .act("/admin/sample", &[("email", "ada@example.org")])
        .await;
    for expected in [
        "took it",
        "EHLO",
        "RCPT TO:&lt;ada@example.org&gt;",
        "(the message and the dot",
        "250",
    ] {
        assert!(
            answer.body.contains(expected),
            "{expected} is not in\n{}",
            answer.body
        );
    }
    assert_eq!(relay.kept().len(), 1);
    let answer = tower
        .act("/admin/sample", &[("email", "full@example.org")])
        .await;
    assert!(
        answer.body.contains("did not take it") && answer.body.contains("the box is full"),
        "{}",
        answer.body
    );
    assert_eq!(
        tower.acts()[0],
        "sent a test mail to f…@example.org: not taken"
    );
}

#[tokio::test]
async fn on_a_listener_of_its_own_the_cookie_goes_without_https_and_nothing_else_is_there() {
    let mut tower = Tower::new();
    tower.sets_password(PASSWORD);
    tower.is_alone = true;
    let works = AdminContext {
        random: Arc::new(SystemChance::new()),
        transport: Arc::new(|| Transport::Maildir("mail".into())),
        sources: Arc::new(Vec::new),
        loops: Arc::new(Vec::new),
        models: "no models".into(),
        own_listener: Some(false),
    };
    tower.admin = AdminState::new(tower.house.site.clone(), works);
    let answer = tower.sign_in(PASSWORD).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("paperboy-operator=") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert_eq!(tower.get("/admin").await.status, StatusCode::OK);
    assert_eq!(tower.get("/").await.header("location"), "/admin");
    for path in [
        "/search",
        "/subscribe",
        "/papers/x",
        "/metrics",
        "/feed.atom",
    ] {
        assert_eq!(
            tower.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let behind = Request::post("/admin/login")
        .header(header::CONTENT_TYPE, FORM)
        .header("x-forwarded-proto", "https");
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("password", PASSWORD)
        .finish();
    assert!(
        tower
            .ask(behind, form)
            .await
            .header("set-cookie")
            .contains("__Host-")
    );
    // The public listener does not serve them then.
    assert_eq!(tower.house.get("/admin").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_outbox_and_the_lists_are_paged() {
    let tower = Tower::open().await;
    for at in 0..120 {
        tower
            .house
            .subscribes(&format!("reader{at:03}@example.org"));
    }
    let mut path = "/admin/people?q=reader".to_owned();
    let mut seen = Vec::new();
    for _ in 0..9 {
        let body = tower.get(&path).await.body;
        seen.extend(
            body.split("@example.org</a>")
                .filter_map(|part| part.rsplit("reader").next())
                .map(str::to_owned),
        );
        let Some(rest) = body.split("rel=\"next\" href=\"").nth(1) else {
            break;
        };
        path = rest.split('"').next().unwrap().replace("&amp;", "&");
    }
    seen.retain(|number| number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()));
    let expected: Vec<String> = (0..120).map(|at| format!("{at:03}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn figures_count_by_day_and_latency_by_announcement() {
    let house = House::new();
    let papers = house.announces(&["Engines"]);
    let (ada, _) = house.subscribes("ada@example.org");
    house.sends(ada, &papers);
    let now = house.clock.now();
    let later = now + TimeDelta::minutes(12);
    let (mails, queued, announced) = house
        .db
        .run_here(|store| {
            let claimed = store.claim_due(1, now)?;
            assert_eq!(claimed.len(), 1);
            let turn = LedgerTurn {
                marks: vec![claimed[0].id],
                ..LedgerTurn::default()
            };
            store.record_turn(&turn, now)?;
            let attempt = AttemptRecord {
                stage: "dot".to_owned(),
                code: Some(250),
                enhanced: None,
                text: "ok".to_owned(),
                duration_ms: 3,
            };
            let settlement = Settlement {
                id: claimed[0].id,
                attempt,
                disposition: Disposition::Accepted,
                soft: false,
            };
            store.record_turn(
                &LedgerTurn {
                    settlements: vec![settlement],
                    ..LedgerTurn::default()
                },
                later,
            )?;
            let since = now - TimeDelta::days(1);
            Ok((
                store.mails_by_day(since)?,
                store.latencies(paperboy::store::LatencyStart::Queueing, since)?,
                store.latencies(paperboy::store::LatencyStart::Announcement, since)?,
            ))
        })
        .unwrap();
    assert_eq!(mails, [(now.date_naive(), DeliveryState::Accepted, 1)]);
    assert_eq!(
        (queued.len(), queued[0].minutes, queued[0].mails),
        (1, 15, 1)
    );
    // Without an announcement time, midnight of that day counts.
    assert!(
        announced.iter().all(|took| took.minutes >= 12 * 60),
        "{announced:?}"
    );
}

/// Runs the program in `folder` with `typed` on standard input.
fn command(folder: &std::path::Path, words: &[&str], typed: &str) -> (bool, String) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
    command
        .args(words)
        .current_dir(folder)
        .env("PAPERBOY_LOG", "off");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn the_password_is_set_by_command_and_nothing_of_it_is_shown_or_stored() {
    let folder = tempfile::tempdir().unwrap();
    let stored = || {
        let db =
            paperboy::store::sqlite::SqliteStore::open(&folder.path().join("paperboy.db")).unwrap();
        paperboy::store::Db::new(db)
            .run_here(|store| store.admin_password())
            .unwrap()
    };
    let (_, said) = command(folder.path(), &["init"], "");
    assert!(said.contains("paperboy admin password"), "{said}");
    assert_eq!(stored(), None);
    for (typed, why) in [
        ("", "no password was given"),
        ("too short\n", "at least 12"),
        ("\n", "no password was given"),
    ] {
        let (is_done, said) = command(folder.path(), &["admin", "password"], typed);
        assert!(
            !is_done && said.contains(why) && said.contains("nothing was changed"),
            "{typed:?}: {said}"
        );
    }
    let (is_done, said) = command(
        folder.path(),
        &["admin", "password"],
        "a lamp in every tower\r\nmore\n",
    );
    assert!(is_done && !said.contains("lamp"), "{said}");
    let hash = stored().unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("lamp"),
        "{hash}"
    );
    // Another password, from a file; and one set by `init`.
    std::fs::write(folder.path().join("word"), "another lamp in the tower\n").unwrap();
    assert!(command(folder.path(), &["admin", "password", "--file", "word"], "").0);
    assert_ne!(stored().unwrap(), hash);
    let (is_done, said) = command(
        folder.path(),
        &["init", "second", "--admin-password-file", "word"],
        "",
    );
    assert!(is_done && said.contains("is set"), "{said}");
    let (is_done, said) = command(
        folder.path(),
        &["init", "third", "--admin-password-file", "nowhere"],
        "",
    );
    assert!(!is_done && said.contains("nowhere"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_listener_of_their_own_the_public_one_does_not_know_the_pages() {
    use std::process::{Child, Command, Stdio};
    struct Ended(Child);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(command(folder.path(), &["init"], "").0);
    let settings = "[site]\nbase_url = \"http://localhost:8080\"\nfrom = \"digest@lab.test\"\n\
                    contact = \"operator@lab.test\"\n[web]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n";
    std::fs::write(folder.path().join("paperboy.toml"), settings).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_paperboy"));
    run.args(["run", "--role", "web"])
        .current_dir(folder.path())
        .env("PAPERBOY_LOG", "info");
    let _running = Ended(run.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    let (mut public, mut own) = (None, None);
    for _ in 0..3_000 {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        let port = |key: &str| {
            log.split(key)
                .nth(1)?
                .split_whitespace()
                .next()
                .map(str::to_owned)
        };
        (public, own) = (port(" listen="), port(" admin_listen="));
        if log.contains("ready") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let client = paperboy::http::one_time_client().unwrap();
    let ask = async |address: &str, path: &str| {
        let answer = client
            .get(format!("http://{address}{path}"))
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer
                .headers()
                .get("location")
                .map(|to| to.to_str().unwrap().to_owned()),
        )
    };
    let (public, own) = (public.unwrap(), own.unwrap());
    assert_eq!(ask(&public, "/").await.0, 200);
    assert_eq!(ask(&public, "/admin").await.0, 404);
    assert_eq!(ask(&public, "/admin/login").await.0, 404);
    assert_eq!(
        ask(&own, "/admin").await,
        (303, Some("/admin/login".to_owned()))
    );
    assert_eq!(ask(&own, "/admin/login").await.0, 200);
    assert_eq!(ask(&own, "/admin/style.css").await.0, 200);
    assert_eq!(ask(&own, "/subscribe").await.0, 404);
}
