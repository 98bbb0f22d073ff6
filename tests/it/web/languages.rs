//! Pages in the reader's language, complete, and cached by language.

use crate::web::robots::{FORM, House};
use crate::web::signup::form;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use paperboy::clock::Clock as _;
use paperboy::links::Links;
use paperboy::paper::category_name;
use paperboy::pick::{PaperNews, Reason, Section};
use paperboy::store::NewPick;
use paperboy::subscriber::{Interest, InterestWeight, SubscriberId};
use paperboy::token::Scope;
use std::collections::BTreeSet;

const LANGUAGES: [&str; 5] = ["de", "es", "fr", "ja", "zh"];

const TITLES: [&str; 3] = [
    "Adapters for towers",
    "Lamps and their light",
    "Boats at night",
];

/// A site with papers, and a reader of a language with an issue, interests and mutes.
fn house(language: &str) -> (House, SubscriberId) {
    let house = House::new();
    let papers = house.announces(&TITLES);
    let (id, _) = house.subscribes("ada@example.org");
    house.sends(id, &papers);
    let mut ada = house.stored(id);
    language.clone_into(&mut ada.details.preferences.language);
    ada.details.preferences.min_score = 0.0;
    ada.details.interests = ["Adapters", "Lamps"]
        .map(|name| Interest {
            name: name.to_owned(),
            description: format!("about {name}"),
            liked: vec!["2608.00001".parse().unwrap()],
            weight: InterestWeight::new(3.0).unwrap(),
            ..Interest::default()
        })
        .to_vec();
    let now = house.clock.now();
    house
        .db
        .run_here(|store| {
            store.save_subscriber(&ada, now)?;
            store.mute_author(id, "Author 2", now)
        })
        .unwrap();
    (house, id)
}

#[tokio::test]
async fn an_issue_shown_again_has_headings_and_reasons_in_the_readers_language() {
    let house = House::new();
    let papers = house.announces(&TITLES);
    let (id, _) = house.subscribes("ada@example.org");
    let mut ada = house.stored(id);
    "de".clone_into(&mut ada.details.preferences.language);
    house
        .db
        .run_here(|store| store.save_subscriber(&ada, house.clock.now()))
        .unwrap();
    let sections = [
        (
            Section::Interest("Exploring".to_owned()),
            vec![Reason::NearMiss],
        ),
        (
            Section::Exploring,
            vec![Reason::Exploring("Lamps".to_owned())],
        ),
        (Section::News, vec![Reason::News(PaperNews::Replaced(3))]),
    ];
    let picks = papers.iter().zip(sections);
    let picks = picks.map(|(paper, (section, reasons))| NewPick {
        paper: *paper,
        score: 0.3,
        section,
        reasons,
    });
    house.sends_picks(id, picks.collect());
    let token = (house.site.composer)().signer.sign(Scope::View, id.0);
    let (status, page) = house.get(&format!("/issues/{token}?d=2026-08-04")).await;
    assert_eq!(status, StatusCode::OK);
    for text in [
        // The name of their own interest, and the heading of the section.
        ">Exploring<",
        ">Zum Entdecken<",
        "Nah an Ihren Themen",
        "unter Ihrer Schwelle, aber am nächsten daran",
        "ein Blick über „Lamps“ hinaus",
        ">Neues zu Artikeln, die Sie kennen<",
        "neue Fassung (v3)",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert_eq!(page.matches(">Exploring<").count(), 1, "{page}");
    assert!(!page.contains("Updates on papers"), "{page}");
}

async fn asked(house: &House, language: &str, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path)
        .header(header::ACCEPT_LANGUAGE, language)
        .body(Body::empty())
        .unwrap();
    let (status, response, page) = house.ask(request).await;
    (status, response.headers().clone(), page)
}

async fn sent(house: &House, language: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let request = Request::post(path)
        .header(header::ACCEPT_LANGUAGE, language)
        .header(header::CONTENT_TYPE, FORM)
        .body(Body::from(form(fields)))
        .unwrap();
    house.ask(request).await.2
}

/// Every page except the operator's, in this language.
async fn pages(language: &str) -> Vec<(String, String)> {
    let (house, id) = house(language);
    let composer = (house.site.composer)();
    let links = Links {
        site: &composer.site,
        signer: &composer.signer,
    };
    let view = links.issue(house.stored(id).holder(), "2026-08-04".parse().unwrap());
    let view = view
        .strip_prefix("https://digest.example.org")
        .unwrap()
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    let saved = format!("/saved?t={}", composer.signer.sign(Scope::Feedback, id.0));
    let own = |page: &str| house.preferences(page, id);
    let mut paths: Vec<String> = [
        "/",
        "/archive",
        "/archive/2026-08-04",
        "/archive/2026-08-04?category=cs.LG",
    ]
    .into_iter()
    .chain([
        "/archive/nonsense",
        "/papers/2608.00001",
        "/papers/2608.99999",
        "/search",
        "/search?q=lamps",
    ])
    .chain([
        "/search?q=nosuchthing",
        "/search?q=x&from=soon",
        "/search?q=x&from=2026-08-05&to=2026-08-04",
    ])
    .chain([
        "/search?q=lamps&page=9",
        "/subscribe",
        "/preferences/link",
        "/nowhere",
        "/confirm?t=x",
    ])
    .map(str::to_owned)
    .collect();
    paths.extend(
        ["", "/picks", "/library", "/sent", "/account", "/preview"]
            .map(|page| own(&format!("/preferences{page}"))),
    );
    paths.extend([
        view.clone(),
        format!("{view}?d=soon"),
        format!("{view}?d=2026-01-01"),
        saved,
    ]);
    let mut all = Vec::new();
    for path in paths {
        let (_, headers, page) = asked(&house, language, &path).await;
        let said = headers
            .get(header::CONTENT_LANGUAGE)
            .map(|value| value.to_str().unwrap());
        assert_eq!(said, Some(language), "{path}");
        assert!(
            page.contains(&format!("<html lang=\"{language}\"")),
            "{path}: {page}"
        );
        all.push((path, page));
    }
    let wrong = [
        ("interests", ""),
        ("interests[0].was", "Adapters"),
        ("interests[0].more", "no such paper"),
        ("interests[0].weight", "99"),
        ("send_at", "25:00"),
        ("timezone", "Mars"),
        ("days", ""),
        ("max_papers", "0"),
        ("min_score", "2"),
        ("frequency", "hourly"),
        ("pause_until", "soon"),
        ("language", "../x"),
    ];
    let posts: [(String, &[(&str, &str)]); 13] = [
        (
            "/subscribe".to_owned(),
            &[
                ("email", "ada"),
                ("send_at", "7"),
                ("timezone", "here"),
                ("examples", "no such"),
            ],
        ),
        ("/subscribe".to_owned(), &[("email", "ada@gmial.com")]),
        ("/subscribe".to_owned(), &[("email", "eve@example.org")]),
        (
            "/subscribe/preview".to_owned(),
            &[("examples", "Lamps and their light")],
        ),
        (
            "/subscribe/preview".to_owned(),
            &[("interests[0].description", "zeppelins")],
        ),
        (
            "/preferences/link".to_owned(),
            &[("email", "адa@example.org")],
        ),
        (
            "/preferences/link".to_owned(),
            &[("email", "ada@example.org")],
        ),
        (own("/preferences"), &wrong),
        (own("/preferences"), &[("max_papers", "5")]),
        (
            own("/preferences/picks"),
            &[("paper", "1"), ("thumb", "more")],
        ),
        (own("/preferences/picks"), &[("mute", "Author 1")]),
        (
            own("/preferences/account"),
            &[("act", "move"), ("email", "ada@example.org")],
        ),
        (own("/preferences/account"), &[("act", "export")]),
    ];
    for (path, fields) in posts {
        let page = sent(&house, language, &path, fields).await;
        assert!(
            page.contains(&format!("<html lang=\"{language}\"")),
            "{path}: {page}"
        );
        all.push((format!("POST {path} {fields:?}"), page));
    }
    all
}

/// The texts of a page, with the attributes that are shown or read aloud.
fn said(page: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for piece in page.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        if tag.starts_with("script") || tag.starts_with("style") {
            continue;
        }
        all.insert(text.split_whitespace().collect::<Vec<_>>().join(" "));
        for attribute in ["aria-label", "placeholder", "title", "content"] {
            let start = format!(" {attribute}=\"");
            all.extend(
                tag.split_once(&start)
                    .and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())),
            );
        }
    }
    all
}

/// Whether `text` is the same in every language: names, papers, and user input.
fn is_not_translated(text: &str) -> bool {
    const NAMES: [&str; 11] = [
        "Paper digest",
        "BibTeX",
        "RIS",
        "CSL-JSON",
        "arXiv",
        "PDF",
        "Code",
        "English",
        "Deutsch",
        "Español",
        "Français",
    ];
    // Words that are the same in two languages.
    const ALIKE: [&str; 9] = [
        "Normal",
        "Name",
        "Index",
        "Abstracts",
        "Pages",
        "Source",
        "version 2",
        "← Page 1",
        "Page 1",
    ];
    // Texts for search engines and browsers.
    const MARKS: [&str; 5] = [
        "article",
        "website",
        "light dark",
        "noindex",
        "width=device-width, initial-scale=1",
    ];
    const WRITTEN: [&str; 10] = [
        "Adapters",
        "Lamps",
        "Author",
        "We study",
        "Boats",
        "ada@",
        "zeppelins",
        "no such",
        "4 Aug: two papers",
        "cs.LG",
    ];
    text.chars().filter(char::is_ascii_alphabetic).count() < 3
        || NAMES
            .iter()
            .chain(&ALIKE)
            .chain(&MARKS)
            .any(|known| *known == text)
        || WRITTEN.iter().any(|written| text.contains(written))
        || text.starts_with("https://")
}

#[tokio::test]
async fn pages_in_another_language_contain_no_english() {
    let english = pages("en").await;
    let mut kept = BTreeSet::new();
    for language in LANGUAGES {
        for ((path, ours), (_, theirs)) in english.iter().zip(pages(language).await) {
            let both: Vec<String> = said(ours).intersection(&said(&theirs)).cloned().collect();
            let fields: BTreeSet<&str> = theirs
                .split("categories\" value=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            let is_field = |text: &str| fields.iter().any(|code| category_name(code) == text);
            for text in both {
                // Names of categories are the sources' own.
                if !is_not_translated(&text) && !is_field(&text) && category_name("cs.LG") != text {
                    kept.insert(format!(
                        "{language} {}: {text}",
                        path.split('?').next().unwrap()
                    ));
                }
            }
        }
    }
    assert!(kept.is_empty(), "{kept:#?}");
}

#[tokio::test]
async fn errors_are_shown_beside_their_fields_in_the_readers_language() {
    let (house, id) = house("ja");
    let page = sent(
        &house,
        "de-CH, en;q=0.5",
        "/subscribe",
        &[("email", "ada"), ("send_at", "7")],
    )
    .await;
    assert!(
        page.contains("id=\"email-wrong\">Das muss eine Mailadresse sein wie name@example.org.<"),
        "{page}"
    );
    assert!(
        page.contains("id=\"send_at-wrong\">Das muss eine Uhrzeit sein wie 07:00.<"),
        "{page}"
    );
    let typed = [
        ("interests", ""),
        ("interests[0].was", "Lamps"),
        ("interests[0].weight", "0"),
        ("max_papers", "0"),
    ];
    let page = sent(&house, "de", &house.preferences("/preferences", id), &typed).await;
    assert!(
        page.contains("id=\"i0-weight-wrong\">0.1から10までの数を入力してください。<"),
        "{page}"
    );
    assert!(
        page.contains("id=\"max_papers-wrong\">1から100までの整数を入力してください。<"),
        "{page}"
    );
}

#[tokio::test]
async fn public_pages_are_cached_by_language_and_declare_it() {
    let (house, _) = house("en");
    for path in ["/", "/archive", "/archive/2026-08-04", "/papers/2608.00001"] {
        let mut tags = BTreeSet::new();
        for language in ["en", "de", "fr", "en", "de", "fr"] {
            let (status, headers, page) = asked(&house, language, path).await;
            assert_eq!(status, StatusCode::OK);
            assert!(
                page.contains(&format!("<html lang=\"{language}\"")),
                "{path} {language}"
            );
            assert_eq!(headers[header::CONTENT_LANGUAGE], language);
            assert_eq!(headers[header::VARY], "accept-language", "{path}");
            let tag = headers[header::ETAG].to_str().unwrap().to_owned();
            let again = Request::get(path)
                .header(header::ACCEPT_LANGUAGE, language)
                .header(header::IF_NONE_MATCH, &tag)
                .body(Body::empty())
                .unwrap();
            let (status, response, _) = house.ask(again).await;
            assert_eq!(
                (status, &response.headers()[header::VARY]),
                (StatusCode::NOT_MODIFIED, &headers[header::VARY])
            );
            tags.insert(tag);
        }
        assert_eq!(tags.len(), 3, "{path}: a tag tells languages apart");
    }
    for path in [
        "/feed.atom",
        "/feed.json",
        "/sitemap.xml",
        "/robots.txt",
        "/style.css",
    ] {
        let (_, headers, ours) = asked(&house, "en", path).await;
        assert!(
            !headers.contains_key(header::VARY) && !headers.contains_key(header::CONTENT_LANGUAGE),
            "{path}"
        );
        assert_eq!(asked(&house, "de", path).await.2, ours, "{path}");
    }
}

#[tokio::test]
async fn dates_votes_and_numbers_follow_the_language() {
    let (house, id) = house("de");
    assert!(
        asked(&house, "de", "/archive")
            .await
            .2
            .contains("Dienstag, 4. August 2026")
    );
    let (_, _, page) = asked(&house, "ja", "/").await;
    assert!(
        page.contains("2026年8月4日") && page.contains("論文3件"),
        "{page}"
    );
    let (_, _, page) = asked(&house, "en", &house.preferences("/preferences/picks", id)).await;
    assert!(
        page.contains("0,50 · über adapters") && page.contains("<html lang=\"de\""),
        "{page}"
    );
    assert!(
        page.contains("lang=\"en\">Adapters for towers"),
        "a paper is in its own language: {page}"
    );
    let (_, _, page) = asked(&house, "en", &house.preferences("/preferences", id)).await;
    assert!(
        page.contains("3-mal so viel wie normal") && page.contains("> Montag</label>"),
        "{page}"
    );
}

#[tokio::test]
async fn an_interest_of_papers_alone_is_not_lost() {
    let (house, id) = house("fr");
    let mut typed = vec![("interests", "")];
    typed.extend([
        ("interests[2].was", ""),
        ("interests[2].weight", "1"),
        ("interests[2].more", "Boats at night"),
    ]);
    typed.extend([
        ("interests[3].was", ""),
        ("interests[3].weight", "1"),
        ("interests[3].name", ""),
    ]);
    let page = sent(&house, "en", &house.preferences("/preferences", id), &typed).await;
    let ada = house.stored(id);
    assert_eq!(ada.interests.len(), 1, "{page}");
    assert_eq!(
        (
            ada.interests[0].name.as_str(),
            ada.interests[0].liked[0].as_str()
        ),
        ("Centre d’intérêt 1", "2608.00003")
    );
}
