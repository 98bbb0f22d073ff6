//! Unexpected input in forms and addresses of pages.

use crate::web::preferences::day;
use crate::web::robots::{FORM, House};
use crate::web::signup::{form, link, mails};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use paperboy::pick::Thumb;
use paperboy::token::Scope;
use std::collections::HashSet;

/// The values of an attribute, in the order of the page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect()
}

/// The tags of fields marked as invalid. Each must refer to an error text on the page.
#[track_caller]
fn wrong_fields(page: &str) -> Vec<String> {
    let ids: HashSet<&str> = values(page, "id").into_iter().collect();
    let tags = page
        .split('<')
        .filter(|tag| tag.contains(" aria-invalid=\"true\""));
    tags.map(|tag| {
        let said = values(tag, "aria-describedby")
            .first()
            .copied()
            .unwrap_or_default();
        assert!(
            said.split(' ').any(|id| id.ends_with("-wrong")),
            "no error is named: {tag}"
        );
        assert!(
            said.split(' ').all(|id| ids.contains(id)),
            "nothing is called {said}"
        );
        values(tag, "name")[0].to_owned()
    })
    .collect()
}

#[tokio::test]
async fn every_error_is_tied_to_its_field() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    let long = "x".repeat(300);
    let fields = [
        ("send_at", "25:00"),
        ("timezone", "Mars/Olympus"),
        ("frequency", "hourly"),
        ("weekday", "someday"),
        ("pause_until", "soon"),
        ("when_empty", "x"),
        ("max_papers", "0"),
        ("min_score", "2"),
        ("abstracts", "x"),
        ("format", "pdf"),
        ("language", "../x"),
        ("name", &long),
        ("interests[0].name", &long),
        ("interests[0].more", "no such paper at all"),
        ("interests[0].less", "nor this one"),
    ];
    let typed = form(&[&[("interests", ""), ("days", "")], &fields[..]].concat());
    let (status, page) = house
        .post(&house.preferences("/preferences", id), FORM, &typed)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = wrong_fields(&page);
    for (name, _) in fields {
        assert!(
            wrong.iter().any(|known| known == name),
            "{name} is not marked: {wrong:?}"
        );
    }
    assert!(
        page.contains("aria-describedby=\"days-wrong\"") && page.contains("id=\"days-wrong\""),
        "{page}"
    );
    let typed = [
        ("email", "ada"),
        ("send_at", "7"),
        ("timezone", "here"),
        ("examples", "no such paper"),
    ];
    let (_, page) = house.post("/subscribe", FORM, &form(&typed)).await;
    assert_eq!(
        wrong_fields(&page),
        ["email", "examples", "send_at", "timezone"]
    );
}

#[tokio::test]
async fn papers_are_found_in_lists_as_people_keep_them() {
    let house = House::new();
    house.announces(&[
        "Adapters for towers",
        "Lamps and their light",
        "Boats at night",
    ]);
    for (examples, found) in [
        ("- 2608.00001\n* https://arxiv.org/abs/2608.00002v3", 2),
        ("[1] Lamps and their light\n2. Boats at night", 2),
        ("2608.00001, 2608.00002; 2608.00003", 3),
        ("Ada et al., Adapters (https://arxiv.org/abs/2608.00001)", 1),
        ("https://digest.example.org/papers/2608.00003?page=1", 1),
        ("https://ar5iv.labs.arxiv.org/html/2608.00001", 1),
        (
            "@article{a, title={Lamps and their light}, eprint={2608.00002}}\n2608.00003",
            2,
        ),
    ] {
        let address = format!("a{}@example.org", examples.len());
        let typed = form(&[("email", &address), ("examples", examples)]);
        let (status, page) = house.post("/subscribe", FORM, &typed).await;
        assert_eq!(status, StatusCode::OK, "{examples}: {page}");
        house
            .post(&link(&mails(&house, &address)[0], "/confirm?t="), FORM, "")
            .await;
        let address = address.parse().unwrap();
        let stored = house
            .db
            .run_here(|store| store.subscriber(&address))
            .unwrap()
            .unwrap();
        assert_eq!(stored.interests[0].liked.len(), found, "{examples}");
    }
    // Unknown papers are reported once per line, and so is input that is no text or too long.
    let many = (0..250)
        .map(|number| format!("2608.{number:05}"))
        .collect::<Vec<_>>()
        .join("\n");
    for (examples, said) in [
        ("2608.00001, 2608.99999", "known here: 2608.99999."),
        ("<br>", "&lt;br&gt;"),
        (&many, "the first 200 lines"),
    ] {
        let (status, page) = house
            .post("/subscribe/preview", FORM, &form(&[("examples", examples)]))
            .await;
        assert!(
            status == StatusCode::OK && page.contains(said),
            "{examples}: {page}"
        );
    }
}

#[tokio::test]
async fn preferences_can_go_without_a_paper_that_is_not_known() {
    let house = House::new();
    house.announces(&["Adapters for towers"]);
    let (id, _) = house.subscribes("ada@example.org");
    let path = house.preferences("/preferences", id);
    let typed = [
        ("interests", ""),
        ("interests[3].name", "Towers"),
        ("interests[3].more", "2608.00001\nno such paper"),
        ("interests[3].less", "nor that"),
    ];
    let (status, page) = house.post(&path, FORM, &form(&typed)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("name=\"interests[0].without_more\" value=\"no such paper\""),
        "{page}"
    );
    let again = [
        ("interests", ""),
        ("interests[0].name", "Towers"),
        ("interests[0].more", "2608.00001\nno such paper"),
        ("interests[0].without_more", "no such paper"),
        ("interests[0].less", "nor that"),
        ("interests[0].without_less", "nor that"),
    ];
    let (status, page) = house.post(&path, FORM, &form(&again)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(house.stored(id).interests[0].liked.len(), 1);
}

#[tokio::test]
async fn no_address_that_is_one_breaks_the_form_and_what_cannot_be_reached_is_refused() {
    let house = House::new();
    for address in [
        "\"a@b\"@example.org",
        "a+b@example.org",
        "o'neil@example.org",
        "ada@bücher.example",
    ] {
        assert_eq!(
            house
                .post("/subscribe", FORM, &form(&[("email", address)]))
                .await
                .0,
            StatusCode::OK,
            "{address}"
        );
    }
    assert_eq!(mails(&house, "\"a@b\"@example.org").len(), 1);
    for address in [
        "ada@[127.0.0.1]",
        "ada@[IPv6:::1]",
        "ada@10.0.0.1",
        "ada@exa_mple.org",
        "ada@example.org.",
    ] {
        let (status, page) = house
            .post("/subscribe", FORM, &form(&[("email", address)]))
            .await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
        assert!(page.contains("must be a mail address"), "{page}");
    }
}

#[tokio::test]
async fn zones_are_recognized_in_any_spelling() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    for (typed, name) in [
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
    ] {
        let path = house.preferences("/preferences", id);
        assert_eq!(
            house
                .post(&path, FORM, &form(&[("timezone", typed)]))
                .await
                .0,
            StatusCode::OK,
            "{typed}"
        );
        assert_eq!(house.stored(id).preferences.timezone.name(), name);
    }
}

#[tokio::test]
async fn an_interest_without_a_name_is_called_by_its_words() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    let long =
        "how language models reason, and how to make them cheaper to run on small machines at home";
    let typed = form(&[
        ("interests[0].description", long),
        ("interests[1].keywords", "lamps\ntowers"),
        ("interests[2].categories", "cs.LG"),
    ]);
    house
        .post(&house.preferences("/preferences", id), FORM, &typed)
        .await;
    let names: Vec<String> = house
        .stored(id)
        .interests
        .iter()
        .map(|interest| interest.name.clone())
        .collect();
    assert!(
        long.starts_with(names[0].trim_end_matches('…')) && names[0].chars().count() <= 60,
        "{names:?}"
    );
    assert_eq!(names[1..], ["lamps, towers", "Machine Learning"]);
}

#[tokio::test]
async fn a_used_link_shows_nothing_outdated() {
    let house = House::new();
    house
        .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
        .await;
    let confirm = link(&mails(&house, "ada@example.org")[0], "/confirm?t=");
    for _ in 0..2 {
        let (status, page) = house.post(&confirm, FORM, "").await;
        assert!(
            status == StatusCode::OK && page.contains("You are subscribed"),
            "{page}"
        );
    }
    let address = "ada@example.org".parse().unwrap();
    let id = house
        .db
        .run_here(|store| store.subscriber(&address))
        .unwrap()
        .unwrap()
        .id;
    let leave = format!("/unsubscribe?t={}", house.token(Scope::Unsubscribe, id.0));
    house.post(&leave, FORM, "List-Unsubscribe=One-Click").await;
    let (status, page) = house.post(&confirm, FORM, "").await;
    assert!(
        status == StatusCode::NOT_FOUND && !page.contains("You are subscribed"),
        "{page}"
    );
}

#[tokio::test]
async fn a_page_that_is_asked_for_wrongly_says_so_and_one_after_a_form_leads_back_to_it() {
    let house = House::new();
    let (id, leave) = house.subscribes("ada@example.org");
    for path in ["/", "/search", "/preferences/sent"] {
        let request = Request::builder()
            .method("PUT")
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let (status, response, page) = house.ask(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(
            response.headers().contains_key(header::ALLOW) && page.contains("</html>"),
            "{path}: {page}"
        );
        assert!(
            response.headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("frame-ancestors")
        );
    }
    // Reloading the response to a form shows the form.
    let (status, page) = house.get("/subscribe/preview").await;
    assert!(
        status == StatusCode::OK && page.contains("id=\"email\""),
        "{page}"
    );
    let (status, page) = house
        .get(&leave.replace("/unsubscribe?", "/unsubscribe/pause?"))
        .await;
    let action = format!("action=\"{leave}\"");
    assert!(
        status == StatusCode::OK && page.contains("Or take a break") && page.contains(&action),
        "{action}: {page}"
    );
    assert!(house.stored(id).preferences.pause_until.is_none());
}

#[tokio::test]
async fn a_page_number_that_is_too_high_shows_the_last_page() {
    let house = House::new();
    let titles: Vec<String> = (0..31)
        .map(|number| format!("Paper number {number}"))
        .collect();
    house.announces(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for path in ["/".to_owned(), format!("/archive/{}", day())] {
        let (status, page) = house.get(&format!("{path}?page=99")).await;
        assert!(
            status == StatusCode::OK && page.contains("Page 2 of 2."),
            "{page}"
        );
    }
    let (status, page) = house.get("/search?q=paper&page=40").await;
    assert!(
        status == StatusCode::OK
            && page.contains("There are no more results")
            && page.contains("Page 1"),
        "{page}"
    );
}

#[tokio::test]
async fn a_feed_has_one_name_whatever_its_address_carries() {
    let house = House::new();
    house.announces(&["Adapters for towers"]);
    let (_, feed) = house.get("/feed.atom?utm=1&category=cs.LG&x=%3C").await;
    assert!(
        feed.contains("/feed.atom?category=cs.LG</id>") && !feed.contains("utm"),
        "{feed}"
    );
    // Characters that XML forbids, in addresses.
    for path in [
        "/feed.atom?category=%0b%00cs.LG",
        "/search.atom?q=%00%01lamps%ef%bf%be%ef%bf%bf",
    ] {
        let (_, feed) = house.get(path).await;
        let is_sound =
            |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
        assert!(
            feed.contains("</feed>") && feed.chars().all(is_sound),
            "{path}: {feed:?}"
        );
    }
    // The same, in stored papers.
    let house = House::new();
    house.announces(&["Towers\u{fffe} and\u{1} boats"]);
    let (_, feed) = house.get("/feed.atom?y").await;
    assert!(feed.contains("<title>Towers and boats</title>"), "{feed:?}");
    let (_, feed) = house.get("/feed.json?utm=1").await;
    assert!(
        feed.contains("/feed.json\"") && !feed.contains("utm"),
        "{feed}"
    );
}

#[tokio::test]
async fn private_pages_are_hidden_from_robots() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    let (_, robots) = house.get("/robots.txt").await;
    for path in ["/owner", "/u/", "/saved", "/confirm", "/admin", "/search"] {
        assert!(
            robots
                .lines()
                .any(|line| line == format!("Disallow: {path}")),
            "{path}: {robots}"
        );
    }
    let papers = house.announces(&["Adapters for towers"]);
    house.sends(id, &papers);
    let feedback = format!(
        "/feedback?t={}&p={}&v={}",
        house.token(Scope::Feedback, id.0),
        papers[0].0,
        Thumb::Save.word()
    );
    house.post(&feedback, FORM, "do=save").await;
    for file in ["/saved", "/saved/saved.bib"] {
        let path = format!("{file}?t={}", house.token(Scope::Feedback, id.0));
        let (status, response, _) = house
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(response.headers()["x-robots-tag"], "noindex, nofollow");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn public_pages_say_all_that_open_graph_asks_for_and_their_picture_is_there() {
    let house = House::new();
    house.announces(&["Adapters for towers"]);
    for path in ["/", "/papers/2608.00001", "/archive", "/search?q=towers"] {
        let (_, page) = house.get(path).await;
        for property in ["og:title", "og:type", "og:image", "og:url"] {
            assert!(
                page.contains(&format!("<meta property=\"{property}\" content=\"")),
                "{path}: {property}"
            );
        }
    }
    let (_, page) = house.get("/").await;
    let picture = page
        .split("og:image\" content=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(
        picture.starts_with("https://") && picture.ends_with("/card.png"),
        "{picture}"
    );
    for (path, kind) in [("/card.png", "image/png"), ("/icon.svg", "image/svg+xml")] {
        let (status, response, _) = house
            .ask(Request::head(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            (
                status,
                response.headers()[header::CONTENT_TYPE].to_str().unwrap()
            ),
            (StatusCode::OK, kind)
        );
    }
}

#[tokio::test]
async fn the_language_of_a_browser_is_recognized_in_any_spelling() {
    let house = House::new();
    for (languages, said) in [
        ("DE-at;q=0.9, en;q=0.8", "lang=\"de\""),
        ("xx, FR", "lang=\"fr\""),
        ("xx", "lang=\"en\""),
    ] {
        let request = Request::get("/nowhere")
            .header(header::ACCEPT_LANGUAGE, languages)
            .body(Body::empty())
            .unwrap();
        let (_, _, page) = house.ask(request).await;
        assert!(page.contains(said), "{languages}: {page}");
    }
}
