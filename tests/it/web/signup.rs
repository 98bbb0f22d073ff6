//! Signup on the web, from the form to the confirmed link.

use crate::web::robots::{FORM, House};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use paperboy::clock::Clock as _;
use paperboy::store::OutboxFilter;
use paperboy::subscriber::{Address, Status, Subscriber};
use paperboy::web::{Signup, WebSettings};
use std::sync::Arc;

/// A form as a browser sends it.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn known(house: &House, address: &str) -> Option<Subscriber> {
    let address: Address = address.parse().unwrap();
    house
        .db
        .run_here(|store| store.subscriber(&address))
        .unwrap()
}

/// The mails queued for `address`, as text.
pub(crate) fn mails(house: &House, address: &str) -> Vec<String> {
    let filter = OutboxFilter {
        address: Some(address.parse().unwrap()),
        ..OutboxFilter::default()
    };
    let rows = house
        .db
        .run_here(|store| store.deliveries(&filter))
        .unwrap();
    let text = |id| {
        let message = house
            .db
            .run_here(|store| store.message(id))
            .unwrap()
            .unwrap();
        let message = mail_parser::MessageParser::default()
            .parse(&message)
            .unwrap();
        format!(
            "{}\n{}",
            message.subject().unwrap(),
            message.body_text(0).unwrap()
        )
    };
    rows.into_iter().map(|row| text(row.id)).collect()
}

/// The path of the first link of our own in `mail` that begins with `start`.
pub(crate) fn link(mail: &str, start: &str) -> String {
    let whole = format!("https://digest.example.org{start}");
    let at = mail
        .find(&whole)
        .unwrap_or_else(|| panic!("no {start} in {mail}"));
    mail[at + "https://digest.example.org".len()..]
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_address_alone_subscribes_once_it_has_confirmed() {
    let house = House::new();
    let (status, page) = house
        .post("/subscribe", FORM, &form(&[("email", "Ada@Example.org")]))
        .await;
    assert!(
        status == StatusCode::OK && page.contains("Check your mailbox"),
        "{page}"
    );
    assert_eq!(
        known(&house, "ada@example.org").unwrap().status,
        Status::Pending
    );
    let mail = mails(&house, "ada@example.org").pop().unwrap();
    let confirm = link(&mail, "/confirm?t=");
    // A scanner follows the link: nothing changes.
    let (status, page) = house.get(&confirm).await;
    assert!(
        status == StatusCode::OK && page.contains("<button"),
        "{page}"
    );
    assert_eq!(
        known(&house, "ada@example.org").unwrap().status,
        Status::Pending
    );
    for _ in 0..2 {
        let (status, page) = house.post(&confirm, FORM, "").await;
        assert!(
            status == StatusCode::OK && page.contains("You are subscribed"),
            "{page}"
        );
    }
    let ada = known(&house, "ada@example.org").unwrap();
    assert_eq!(ada.status, Status::Active);
    let acts = house.db.run_here(|store| store.consents(ada.id)).unwrap();
    assert_eq!(
        acts.iter().map(|act| act.act.as_str()).collect::<Vec<_>>(),
        ["asked", "confirmed"]
    );
    assert_eq!(acts[0].page, "https://digest.example.org/subscribe");
    let mails = mails(&house, "ada@example.org");
    assert_eq!(mails.len(), 2, "one to confirm, one to welcome");
    link(&mails[1], "/preferences?t=");
}

#[tokio::test]
async fn nobody_learns_who_is_subscribed_and_nobody_is_flooded() {
    let house = House::new();
    house.subscribes("bob@example.org");
    let mut pages = Vec::new();
    for address in [
        "bob@example.org",
        "eve@example.org",
        "bob@example.org",
        "eve@example.org",
    ] {
        pages.push(
            house
                .post("/subscribe", FORM, &form(&[("email", address)]))
                .await,
        );
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:?}");
    // A subscriber gets a link to the preferences, and nothing is overwritten.
    let to_bob = mails(&house, "bob@example.org");
    assert_eq!(to_bob.len(), 1);
    link(&to_bob[0], "/preferences?t=");
    assert_eq!(
        known(&house, "bob@example.org").unwrap().status,
        Status::Active
    );
    assert_eq!(mails(&house, "eve@example.org").len(), 1);
    house
        .clock
        .set(house.clock.now() + TimeDelta::days(1) + TimeDelta::seconds(1));
    house
        .post("/subscribe", FORM, &form(&[("email", "eve@example.org")]))
        .await;
    assert_eq!(mails(&house, "eve@example.org").len(), 2);
}

#[tokio::test]
async fn a_refused_form_keeps_its_values_and_shows_its_errors() {
    let house = House::new();
    let typed = form(&[
        ("email", "ada at example"),
        ("send_at", "25:00"),
        ("timezone", "Mars/Olympus"),
        ("interests[0].description", "<b>towers</b> & \"lamps\""),
        ("examples", "2608.00001"),
    ]);
    let (status, page) = house.post("/subscribe", FORM, &typed).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "must be a mail address",
        "must be a time of day",
        "must be a time zone",
        "ada at example",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        page.contains("&lt;b&gt;towers") && !page.contains("<b>towers"),
        "{page}"
    );
    let (_, page) = house
        .post("/subscribe", FORM, &form(&[("email", "ada@gmial.com")]))
        .await;
    assert!(page.contains("Did you mean ada@gmail.com?"), "{page}");
    let (status, _) = house
        .post(
            "/subscribe",
            FORM,
            &form(&[("email", "ada@gmial.com"), ("sure", "yes")]),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = house
        .post(
            "/subscribe",
            FORM,
            &form(&[("email", "ada@mailinator.com")]),
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// The inputs that the button `name` of a page sends with its form.
fn pressed(page: &str, name: &str) -> String {
    let value = |tag: &str| {
        tag.split("value=\"")
            .nth(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
    };
    let named = |tag: &str, name: &str| tag.contains(&format!("name=\"{name}\""));
    let tags = || page.split('<').map(|tag| tag.split('>').next().unwrap());
    let typed = tags()
        .find(|tag| tag.starts_with("input") && named(tag, "email"))
        .and_then(value)
        .unwrap();
    let button = tags()
        .find(|tag| tag.starts_with("button") && named(tag, name))
        .and_then(value)
        .unwrap();
    form(&[("email", &typed), (name, &button)])
}

#[tokio::test]
async fn a_mistyped_provider_is_corrected_by_a_button() {
    let house = House::new();
    let (_, page) = house
        .post("/subscribe", FORM, &form(&[("email", "ada@gmial.com")]))
        .await;
    for (button, expected) in [("meant", "ada@gmail.com"), ("sure", "ada@gmial.com")] {
        assert_eq!(
            house
                .post("/subscribe", FORM, &pressed(&page, button))
                .await
                .0,
            StatusCode::OK,
            "{button}"
        );
        assert_eq!(mails(&house, expected).len(), 1, "{button}");
    }
}

#[tokio::test]
async fn the_form_offers_the_language_that_it_speaks_and_takes_no_other_than_there_are() {
    let house = House::new();
    for (asked, chosen) in [("nl", "en"), ("fr-CA, en;q=0.5", "fr")] {
        let request = Request::get("/subscribe").header(header::ACCEPT_LANGUAGE, asked);
        let (_, _, page) = house.ask(request.body(Body::empty()).unwrap()).await;
        assert!(
            page.contains(&format!("<option value=\"{chosen}\" selected>")),
            "{asked}: {page}"
        );
    }
    let typed = form(&[("email", "ada@example.org"), ("language", "xx")]);
    let (status, page) = house.post("/subscribe", FORM, &typed).await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("must be a language code"),
        "{page}"
    );
    assert!(page.contains("<option value=\"en\" selected>"), "{page}");
}

#[tokio::test]
async fn an_unknown_category_is_refused() {
    let house = House::new();
    house.announces(&["Adapters for towers"]);
    let with = |code: &str| {
        form(&[
            ("email", "ada@example.org"),
            ("interests[0].categories", code),
        ])
    };
    for wrong in ["cs.LQ", "../../x", "cs.", "*", ".*"] {
        let (status, page) = house.post("/subscribe", FORM, &with(wrong)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(
            page.contains("No papers are announced in"),
            "{wrong}: {page}"
        );
    }
    for right in ["cs.lg", "math.*", "hep-th"] {
        assert_eq!(
            house.post("/subscribe/preview", FORM, &with(right)).await.0,
            StatusCode::OK,
            "{right}"
        );
    }
}

#[tokio::test]
async fn robots_and_closed_or_invite_only_sites_mail_nobody() {
    let mut house = House::new();
    let robot = form(&[
        ("email", "ada@example.org"),
        ("website", "https://spam.example"),
    ]);
    assert_eq!(
        house.post("/subscribe", FORM, &robot).await.0,
        StatusCode::OK
    );
    assert!(known(&house, "ada@example.org").is_none());
    house.site.settings = Arc::new(WebSettings {
        signup: Signup::Invite,
        ..WebSettings::default()
    });
    assert_eq!(
        house
            .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
            .await
            .0,
        StatusCode::OK
    );
    assert!(mails(&house, "ada@example.org").is_empty());
    house.site.settings = Arc::new(WebSettings {
        signup: Signup::Closed,
        ..WebSettings::default()
    });
    assert_eq!(
        house
            .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
            .await
            .0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(house.get("/subscribe").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn links_expire_and_cannot_be_forged() {
    let house = House::new();
    house
        .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
        .await;
    let confirm = link(&mails(&house, "ada@example.org")[0], "/confirm?t=");
    for bad in [
        "/confirm",
        "/confirm?t=",
        "/confirm?t=0000000000000000",
        &confirm[..confirm.len() - 1],
    ] {
        assert_eq!(
            house.post(bad, FORM, "").await.0,
            StatusCode::NOT_FOUND,
            "{bad}"
        );
    }
    house.clock.set(house.clock.now() + TimeDelta::hours(49));
    assert_eq!(
        house.post(&confirm, FORM, "").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        known(&house, "ada@example.org").unwrap().status,
        Status::Pending
    );
}

#[tokio::test]
async fn one_network_cannot_mail_everybody() {
    let house = House::new();
    let mut refused = 0;
    for number in 0..40 {
        let (status, _) = house
            .post(
                "/subscribe",
                FORM,
                &form(&[("email", &format!("p{number}@example.org"))]),
            )
            .await;
        refused += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 10, "{refused}");
}

#[tokio::test]
async fn liked_papers_are_found_and_unknown_ones_reported_once() {
    let house = House::new();
    house.announces(&["Adapters for towers", "Lamps and their light"]);
    let examples =
        "https://arxiv.org/abs/2608.00001v2\r\nlamps and their light\r\nNo such <b>paper\r\n";
    let (status, page) = house
        .post(
            "/subscribe",
            FORM,
            &form(&[("email", "ada@example.org"), ("examples", examples)]),
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("These are not known here: No such &lt;b&gt;paper.")
            && !page.contains("<b>paper"),
        "{page}"
    );
    assert!(
        page.contains("name=\"without\"") && page.contains("lamps and their light"),
        "{page}"
    );
    let again = [
        ("email", "ada@example.org"),
        ("examples", examples),
        ("without", "No such <b>paper"),
    ];
    assert_eq!(
        house.post("/subscribe", FORM, &form(&again)).await.0,
        StatusCode::OK
    );
    house
        .post(
            &link(&mails(&house, "ada@example.org")[0], "/confirm?t="),
            FORM,
            "",
        )
        .await;
    let liked = |address: &str| known(&house, address).unwrap().interests[0].liked.len();
    assert_eq!(liked("ada@example.org"), 2);
    // A title that matches several papers is reported; the unique beginning of one is enough.
    let (_, page) = house
        .post(
            "/subscribe/preview",
            FORM,
            &form(&[("examples", "for towers")]),
        )
        .await;
    assert!(!page.contains("not known here"), "{page}");
    house.announces(&[
        "Adapters for towers",
        "Lamps and their light",
        "Wires for towers",
        "We study lamps",
    ]);
    for (typed, said) in [
        (
            "for towers",
            "for towers (2608.00003 “Wires for towers”; 2608.00001 “Adapters for towers”).",
        ),
        ("study in depth", "not known here: study in depth."),
    ] {
        let (_, page) = house
            .post("/subscribe/preview", FORM, &form(&[("examples", typed)]))
            .await;
        assert!(page.contains(said), "{typed}: {page}");
    }
    let (_, page) = house
        .post(
            "/subscribe/preview",
            FORM,
            &form(&[("examples", "wires for")]),
        )
        .await;
    assert!(!page.contains("not known here"), "{page}");
    // Other lines between the entries.
    let mixed = "2608.00001\nNo such paper\n@article{a, title={A book of\n lamps}}";
    let (_, page) = house
        .post("/subscribe/preview", FORM, &form(&[("examples", mixed)]))
        .await;
    assert!(page.contains("not known here: No such paper."), "{page}");
    // BibTeX: works outside of the archive are learned from by their text.
    let bibtex =
        "@article{a, title={A book of lamps}, author={Noether, Emmy}, abstract={On light.}}";
    house
        .post(
            "/subscribe",
            FORM,
            &form(&[("email", "eve@example.org"), ("examples", bibtex)]),
        )
        .await;
    house
        .post(
            &link(&mails(&house, "eve@example.org")[0], "/confirm?t="),
            FORM,
            "",
        )
        .await;
    let eve = known(&house, "eve@example.org").unwrap();
    let library = house
        .db
        .run_here(|store| store.library_of(&[eve.id], 9))
        .unwrap();
    assert_eq!(library[0].2.title, "A book of lamps");
    assert_eq!(library[0].1, eve.interests[0].name);
}

#[tokio::test]
async fn todays_picks_are_shown_before_an_address_is_given() {
    let house = House::new();
    house.announces(&["Adapters for towers", "Lamps and their light"]);
    let typed = form(&[
        ("interests[0].keywords", "lamps"),
        ("interests[0].name", "Light"),
        ("send_at", "08:15"),
    ]);
    let (status, page) = house.post("/subscribe/preview", FORM, &typed).await;
    assert!(
        status == StatusCode::OK && page.contains("What would come today"),
        "{page}"
    );
    assert!(
        page.contains("/papers/2608.00002") && page.contains("value=\"08:15\""),
        "{page}"
    );
    assert!(!page.contains("nobody@example.org"), "{page}");
    // An empty form previews trending papers.
    let (status, page) = house.post("/subscribe/preview", FORM, "").await;
    assert!(
        status == StatusCode::OK && page.contains("/papers/2608.00001"),
        "{page}"
    );
    let (status, page) = house
        .post("/subscribe/preview", FORM, &form(&[("send_at", "25:00")]))
        .await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("must be a time of day"),
        "{page}"
    );
    assert_eq!(
        house
            .db
            .run_here(|store| store.count_subscribers())
            .unwrap(),
        []
    );
}
