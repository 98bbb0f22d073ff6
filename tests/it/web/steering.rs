//! Pages by the links in mails: feedback, issues, saved papers, feeds.

use crate::harness::environment::{missing, python_with};
use crate::web::links::first;
use crate::web::robots::{FORM, House};
use crate::web::signup::form;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use paperboy::clock::Clock as _;
use paperboy::edition::{AsOf, Publisher};
use paperboy::links::Links;
use paperboy::paper::Paper;
use paperboy::pick::Thumb;
use paperboy::profile::library::{LibraryFormat, read_library};
use paperboy::store::Feedback;
use paperboy::subscriber::{Interest, Subscriber, SubscriberId};
use paperboy::token::Scope;
use std::process::{Command, Stdio};

/// A site with papers of a day, a reader with an interest, and their issue of that day.
fn house() -> (House, SubscriberId) {
    let house = House::new();
    let paper = |number: u32, title: &str, text: &str| Paper {
        authors: vec!["Ada Lovelace".to_owned(), "Emmy Noether".to_owned()],
        abstract_text: text.to_owned(),
        categories: vec!["cs.LG".to_owned()],
        announced: Some("2026-08-04".parse().unwrap()),
        ..Paper::new(
            format!("2608.{number:05}").parse().unwrap(),
            title.to_owned(),
        )
    };
    let papers = [
        paper(
            1,
            "Glaciers in motion & rest",
            "We measure how glaciers flow. Their ice melts <slowly>.",
        ),
        paper(
            2,
            "How glaciers melt",
            "Glaciers melt, and their ice flows.",
        ),
        paper(3, "Proofs of theorems", "We prove theorems."),
    ];
    let now = house.clock.now();
    house
        .db
        .run_here(|store| store.take_in("jsonl", &papers, now))
        .unwrap();
    let (id, _) = house.subscribes("ada@example.org");
    change(&house, id, |subscriber| {
        let interest = Interest {
            name: "Ice & snow".to_owned(),
            description: "glaciers and their ice".to_owned(),
            ..Interest::default()
        };
        subscriber.details.interests = vec![interest];
        subscriber.details.preferences.min_score = 0.0;
    });
    let composer = (house.site.composer)();
    let as_of = AsOf::Instant("2026-08-04T23:00:00Z".parse().unwrap());
    let mut publisher = Publisher::new(&house.db, &composer, as_of, now, false).unwrap();
    while publisher.publish_batch().unwrap() {}
    assert_eq!(publisher.published().queued, 1);
    (house, id)
}

fn change(house: &House, id: SubscriberId, change: impl FnOnce(&mut Subscriber)) {
    let now = house.clock.now();
    let mut subscriber = reader(house, id);
    change(&mut subscriber);
    house
        .db
        .run_here(|store| store.save_subscriber(&subscriber, now))
        .unwrap();
}

fn reader(house: &House, id: SubscriberId) -> Subscriber {
    house
        .db
        .run_here(|store| store.subscriber_by_id(id))
        .unwrap()
        .unwrap()
}

fn said(house: &House, id: SubscriberId) -> Vec<Feedback> {
    house.db.run_here(|store| store.feedback_of(&[id])).unwrap()
}

fn path(house: &House, make: impl FnOnce(&Links<'_>) -> String) -> String {
    let composer = (house.site.composer)();
    let url = make(&Links {
        site: &composer.site,
        signer: &composer.signer,
    });
    url.strip_prefix("https://digest.example.org")
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn following_a_thumb_link_changes_nothing_until_the_button_is_pressed() {
    let (house, id) = house();
    for thumb in [Thumb::More, Thumb::Less, Thumb::Save] {
        let link = path(&house, |links| links.feedback(first(id), 1, thumb));
        let (status, page) = house.get(&link).await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            page.contains("Nothing has been changed yet")
                && page.contains(&format!("value=\"{}\" class=\"big\"", thumb.word())),
            "{page}"
        );
        let head = Request::head(&link)
            .header(header::USER_AGENT, "curl/8")
            .body(Body::empty())
            .unwrap();
        assert_eq!(house.ask(head).await.0, StatusCode::OK);
        for method in ["OPTIONS", "PUT", "DELETE", "PATCH"] {
            let odd = Request::builder()
                .method(method)
                .uri(&link)
                .body(Body::empty())
                .unwrap();
            assert_eq!(house.ask(odd).await.0, StatusCode::METHOD_NOT_ALLOWED);
        }
    }
    assert_eq!(said(&house, id), []);
    // Each was recorded as a click, with its kind of program.
    let clicks = house.db.run_here(|store| store.clicks_of(&[id])).unwrap();
    let heads = clicks.iter().filter(|stored| stored.click.is_head).count();
    assert_eq!((clicks.len(), heads), (6, 3));
}

#[tokio::test]
async fn a_thumb_says_what_it_changed_and_can_be_taken_back() {
    let (house, id) = house();
    let link = path(&house, |links| links.feedback(first(id), 1, Thumb::More));
    let (status, page) = house.post(&link, FORM, "").await;
    assert!(
        status == StatusCode::OK && page.contains("Your interest “Ice &amp; snow” learns from it"),
        "{page}"
    );
    assert!(
        page.contains(
            "It takes effect with your next issue, Wednesday, 5 August 2026 at 07:00 (UTC)."
        ),
        "{page}"
    );
    assert_eq!(
        (said(&house, id)[0].thumb, said(&house, id)[0].rank),
        (Thumb::More, Some(2))
    );
    assert!(
        house
            .post(&link, FORM, "do=more")
            .await
            .1
            .contains("nothing has changed")
    );
    let (_, page) = house.post(&link, FORM, "do=less").await;
    assert!(
        page.contains("papers like it move down") && page.contains("name=\"do\" value=\"more\""),
        "{page}"
    );
    assert_eq!(said(&house, id)[0].thumb, Thumb::Less);
    assert!(
        house
            .post(&link, FORM, "do=undo")
            .await
            .1
            .contains("was removed")
    );
    assert_eq!(said(&house, id), []);
    for nonsense in [
        "do=everything",
        "do=follow",
        "do=mute&author=Nobody",
        "do=%00%ff",
        "do=follow&author=%27--",
    ] {
        assert_eq!(
            house.post(&link, FORM, nonsense).await.0,
            StatusCode::BAD_REQUEST,
            "{nonsense}"
        );
    }
    assert_eq!(said(&house, id), []);
}

#[tokio::test]
async fn authors_are_followed_and_muted_from_the_page() {
    let (house, id) = house();
    let link = path(&house, |links| links.feedback(first(id), 1, Thumb::More));
    let about = |what: &str| form(&[("do", what), ("author", "Emmy Noether")]);
    let (_, page) = house.post(&link, FORM, &about("follow")).await;
    assert!(
        page.contains("The name was added to the interest “Ice &amp; snow”"),
        "{page}"
    );
    assert_eq!(reader(&house, id).interests[0].authors, ["Emmy Noether"]);
    house.post(&link, FORM, &about("unfollow")).await;
    assert!(reader(&house, id).interests[0].authors.is_empty());
    let (_, page) = house.post(&link, FORM, &about("mute")).await;
    assert!(
        page.contains("left out of your issues")
            && page.contains("Show again<span class=\"unseen\"> Emmy Noether"),
        "{page}"
    );
    let muted = |house: &House| {
        house
            .db
            .run_here(|store| store.muted_authors(&[id]))
            .unwrap()
            .len()
    };
    assert_eq!(muted(&house), 1);
    house.post(&link, FORM, &about("unmute")).await;
    assert_eq!(muted(&house), 0);
}

#[tokio::test]
async fn an_issue_is_shown_again_after_its_bytes_are_gone() {
    let (house, id) = house();
    let link = path(&house, |links| {
        links.issue(first(id), "2026-08-04".parse().unwrap())
    });
    let (status, response, page) = house
        .ask(Request::get(&link).body(Body::empty()).unwrap())
        .await;
    assert_eq!(status, StatusCode::OK);
    let delivery = house
        .db
        .run_here(|store| store.deliveries(&paperboy::store::OutboxFilter::default()))
        .unwrap()
        .remove(0);
    let mail = house
        .db
        .run_here(|store| store.message(delivery.id))
        .unwrap()
        .unwrap();
    let raw = String::from_utf8_lossy(&mail);
    let leave = raw
        .split("List-Unsubscribe: ")
        .nth(1)
        .unwrap()
        .split("\r\nList")
        .next()
        .unwrap();
    assert!(
        leave.lines().all(|line| line.len() <= 76)
            && leave.len() + "List-Unsubscribe: ".len() < 100,
        "{leave}"
    );
    let mail = mail_parser::MessageParser::default().parse(&mail).unwrap();
    let mail = mail.body_html(0).unwrap().replace("\r\n", "\n");
    // The text of the mail, except styles and the links that only its owner may use.
    let words = |html: &str, without: &[&str]| -> Vec<String> {
        let body = html.split_once("<body").unwrap().1;
        let mut text = String::new();
        for piece in body.split('<').skip(1) {
            text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
            text.push('\n');
        }
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !without.contains(line))
            .map(str::to_owned)
            .collect()
    };
    let thumbs = ["More like this", "Less like this", "Save"];
    let counted = |line: &String| !line.contains("below your line");
    let mailed: Vec<String> = words(&mail, &thumbs).into_iter().filter(counted).collect();
    assert_eq!(words(&page, &[]), mailed);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.contains("'sha256-") && !policy.contains("unsafe") && !page.contains(" style="),
        "{policy}"
    );
    for private in ["/feedback?t=", "/unsubscribe?t=", "/preferences?t="] {
        assert!(
            mail.contains(private) && !page.contains(private),
            "whoever may read an issue may do no more: {private}"
        );
    }
    let list = path(&house, |links| {
        links.issue(first(id), "2026-08-04".parse().unwrap())
    });
    let list = list.split_once('?').unwrap().0;
    let (_, page) = house.get(list).await;
    assert!(
        page.contains("Tuesday, 4 August 2026") && page.contains("?d=2026-08-04"),
        "{page}"
    );
    for bad in ["?d=2026-08-05", "?d=soon", "?d=%00", "?d=99999-01-01"] {
        assert_eq!(
            house.get(&format!("{list}{bad}")).await.0,
            StatusCode::NOT_FOUND,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn saved_papers_are_listed_and_exported() {
    let (house, id) = house();
    let token = (house.site.composer)().signer.sign(Scope::Feedback, id.0);
    assert!(
        house
            .get(&format!("/saved?t={token}"))
            .await
            .1
            .contains("not saved any papers yet")
    );
    for row in [1, 2] {
        house
            .post(
                &path(&house, |links| links.feedback(first(id), row, Thumb::Save)),
                FORM,
                "do=save",
            )
            .await;
    }
    let (_, page) = house.get(&format!("/saved?t={token}")).await;
    assert!(
        page.contains("Glaciers in motion &amp; rest") && page.contains("/saved/saved.bib?t="),
        "{page}"
    );
    for (file, form) in [
        ("saved.bib", LibraryFormat::Bibtex),
        ("saved.ris", LibraryFormat::Ris),
        ("saved.json", LibraryFormat::Csl),
    ] {
        let (status, text) = house.get(&format!("/saved/{file}?t={token}")).await;
        assert_eq!(status, StatusCode::OK);
        let library = read_library(text.as_bytes()).unwrap();
        assert_eq!((library.form, library.works.len()), (form, 2), "{text}");
        assert!(
            library
                .works
                .iter()
                .any(|work| work.title == "Glaciers in motion & rest"),
            "{text}"
        );
    }
    assert_eq!(
        house.get(&format!("/saved/passwd?t={token}")).await.0,
        StatusCode::NOT_FOUND
    );
    let view = (house.site.composer)().signer.sign(Scope::View, id.0);
    assert_eq!(
        house.get(&format!("/saved?t={view}")).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_export_is_what_an_independent_parser_reads() {
    let (house, id) = house();
    house
        .post(
            &path(&house, |links| links.feedback(first(id), 1, Thumb::Save)),
            FORM,
            "do=save",
        )
        .await;
    let token = (house.site.composer)().signer.sign(Scope::Feedback, id.0);
    let (_, text) = house.get(&format!("/saved/saved.bib?t={token}")).await;
    // Our own parsers are tested by `saved_papers_are_listed_and_exported`.
    let Some(python) = python_with("bibtexparser") else {
        return missing("bibtexparser");
    };
    let script = "import sys, bibtexparser\nentries = bibtexparser.loads(sys.stdin.read()).entries\n\
                  print(len(entries), entries[0]['author'], '|', entries[0]['eprint'], '|', entries[0]['title'])";
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let read = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        read.starts_with("1 Lovelace, Ada and Noether, Emmy | 2608.00001 | "),
        "{read}\n{text}"
    );
}

#[tokio::test]
async fn a_private_feed_holds_the_readers_own_papers() {
    let (house, id) = house();
    let link = path(&house, |links| links.feed(first(id)));
    let (status, feed) = house.get(&link).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        feed.contains("<title>How glaciers melt</title>") && feed.contains("(Ice &amp; snow)"),
        "{feed}"
    );
    let mut reader = quick_xml::Reader::from_str(&feed);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    house
        .db
        .run_here(|store| store.remove_subscriber(id, house.clock.now()))
        .unwrap();
    assert_eq!(house.get(&link).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_paper_shows_similar_papers_and_votes_move_it_up() {
    let (house, id) = house();
    let (_, page) = house.get("/papers/2608.00001").await;
    let similar = page.split_once("Similar papers").expect("there are some").1;
    assert!(
        similar.contains("How glaciers melt")
            && similar.contains("Glaciers melt, and their ice flows."),
        "{page}"
    );
    assert!(
        page.contains("From jsonl")
            && page.contains("name=\"citation_author\" content=\"Emmy Noether\""),
        "{page}"
    );
    assert!(page.contains("Get trending papers in your inbox once a day"));
    house
        .post(
            &path(&house, |links| links.feedback(first(id), 3, Thumb::More)),
            FORM,
            "",
        )
        .await;
    let (_, list) = house.get("/").await;
    assert!(
        list.find("Proofs of theorems").unwrap() < list.find("How glaciers melt").unwrap(),
        "{list}"
    );
    assert!(list.contains("1 vote<"), "{list}");
}

#[tokio::test]
async fn papers_are_searched_filtered_and_followed_as_feeds() {
    let (house, _) = house();
    let (status, page) = house
        .get("/search?q=glaciers&category=cs.*&from=2026-08-01&to=2026-08-04&source=arxiv")
        .await;
    assert!(
        status == StatusCode::OK
            && page.contains("How glaciers melt")
            && !page.contains("Proofs of"),
        "{page}"
    );
    assert!(
        page.contains(
            "/search.atom?q=glaciers&amp;category=cs.*&amp;source=arxiv&amp;from=2026-08-01"
        ),
        "{page}"
    );
    assert!(
        !house
            .get("/search?q=glaciers&category=math.AG")
            .await
            .1
            .contains("How glaciers melt")
    );
    assert!(
        !house
            .get("/search?q=glaciers&from=2026-08-05")
            .await
            .1
            .contains("How glaciers melt")
    );
    let (status, page) = house.get("/search?q=glaciers&from=yesterday").await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Days are written like"),
        "{page}"
    );
    let (_, feed) = house.get("/search.json?q=glaciers").await;
    let feed: serde_json::Value = serde_json::from_str(&feed).unwrap();
    assert_eq!(feed["items"].as_array().unwrap().len(), 2);
    assert!(
        house
            .get("/search.atom?q=glaciers")
            .await
            .1
            .contains("<title>How glaciers melt</title>")
    );
    assert!(house.get("/").await.1.contains("role=\"search\""));
    let mut refused = 0;
    for number in 0..300 {
        let (status, _) = house.get(&format!("/search?q=word{number}")).await;
        refused += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 20, "{refused}");
}
