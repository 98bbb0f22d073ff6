//! Picks whose sections and reasons an older version stored as English text.

use crate::harness::town;
use crate::web::robots::House;
use axum::http::StatusCode;
use paperboy::pick::{PaperNews, Reason, Section};
use paperboy::store::sqlite::SqliteStore;
use paperboy::token::Scope;
use rusqlite::{Connection, named_params};
use std::path::Path;

/// The version of the schema in which the rows below are entered.
const OLD_SCHEMA: usize = 17;

/// A database of that schema.
fn old_database(path: &Path) -> Connection {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut steps: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    steps.sort();
    let conn = Connection::open(path).unwrap();
    for step in &steps[..OLD_SCHEMA] {
        conn.execute_batch(&std::fs::read_to_string(step).unwrap())
            .unwrap();
    }
    conn.pragma_update(None, "user_version", OLD_SCHEMA)
        .unwrap();
    conn
}

/// Section, reason and kind of a pick as they were stored.
type OldPick = (&'static str, &'static str, &'static str);

/// Enters Ada, who reads German and has `interests`, with one issue of these picks.
fn enter(conn: &Connection, interests: &[&str], picks: &[OldPick]) {
    conn.execute_batch(
        "INSERT INTO subscribers (id, address, address_key, name, status, timezone, send_at, days,
                                  frequency, weekday, max_papers, abstracts, min_score, when_empty,
                                  format, language, joined_at, changed_at, due_from)
         VALUES (1, 'ada@example.org', 'ada@example.org', '', 'active', 'UTC', '07:00:00',
                 '[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\"]', 'daily', 'mon', 20,
                 'short', 0.2, 'skip', 'html', 'de', 0, 0, 0);
         INSERT INTO issues (id, subscriber_id, local_date, covers_from, covers_to, composed_at)
         VALUES (1, 1, '2026-08-04', '2026-08-04', '2026-08-04', 1785826800);",
    )
    .unwrap();
    for (position, name) in interests.iter().enumerate() {
        conn.execute(
            "INSERT INTO interests (subscriber_id, position, name, description, keywords, must_not,
                                    authors, categories, liked, disliked)
             VALUES (1, :position, :name, '', '[]', '[]', '[]', '[]', '[]', '[]')",
            named_params! { ":position": position as i64, ":name": name },
        )
        .unwrap();
    }
    for (position, (section, reason, kind)) in picks.iter().enumerate() {
        let at = position as i64;
        conn.execute(
            "INSERT INTO papers (row, id, title, abstract, authors, categories, announced, seen_at, changed_at)
             VALUES (:at, :id, :title, 'On lamps.', '[\"A. Author\"]', '[\"cs.LG\"]', '2026-08-04', 0, 0)",
            named_params! { ":at": at + 1, ":id": format!("2608.{at:05}"), ":title": format!("Lamp {at}") },
        )
        .unwrap();
        conn.execute(
            "INSERT INTO picks (subscriber_id, paper, issue_id, position, score, section, reason, kind)
             VALUES (1, :paper, 1, :at, 0.5, :section, :reason, :kind)",
            named_params! {
                ":paper": at + 1, ":at": at, ":section": section, ":reason": reason, ":kind": kind,
            },
        )
        .unwrap();
    }
}

const OLD_PICKS: [OldPick; 14] = [
    (
        "Authors you follow",
        "by Ada Lovelace and Tri Dao, whom you follow · about salt, glass",
        "chosen",
    ),
    (
        "Lamps",
        "matches “low-rank “x”” · like “On Lamps, which you liked”, which you liked",
        "chosen",
    ),
    ("Lamps", "by Ada Lovelace, whose papers you liked", "chosen"),
    ("Lamps", "close in meaning to “On Lamps”", "chosen"),
    ("Lamps", "in Robotics, as are papers you liked", "chosen"),
    ("Lamps", "like “A · B”, which you liked", "chosen"),
    // An interest that has the name of one of our sections.
    ("Exploring", "about caves", "chosen"),
    ("Trending", "trending with 1 vote", "chosen"),
    ("Trending", "trending with 42 votes", "chosen"),
    ("New papers", "new in Robotics", "chosen"),
    ("New papers", "newly announced", "chosen"),
    (
        "Exploring",
        "exploring beyond “Lamps” · about caves",
        "exploring",
    ),
    (
        "News of papers you know",
        "published in Journal of Gulls 14",
        "chosen",
    ),
    ("News of papers you know", "replaced: version 3", "chosen"),
];

fn own(text: &str) -> String {
    text.to_owned()
}

#[test]
fn texts_of_an_older_version_become_typed_sections_and_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    enter(
        &old_database(&path),
        &["Lamps", "Exploring", "Trending"],
        &OLD_PICKS,
    );
    let (store, _) = SqliteStore::migrate(&path).unwrap();
    let db = paperboy::store::Db::new(store);
    let reader = "ada@example.org".parse().unwrap();
    let picks = db
        .run_here(|store| {
            let id = store.subscriber(&reader)?.unwrap().id;
            store.picks_of(id, 1)
        })
        .unwrap();
    let lamps = || Section::Interest(own("Lamps"));
    let expected = [
        (
            Section::FollowedAuthors,
            vec![
                Reason::FollowedAuthors(vec![own("Ada Lovelace"), own("Tri Dao")]),
                Reason::Terms(vec![own("salt"), own("glass")]),
            ],
        ),
        (
            lamps(),
            vec![
                Reason::Keyword(own("low-rank “x”")),
                Reason::LikedPaper(own("On Lamps, which you liked")),
            ],
        ),
        (lamps(), vec![Reason::LikedAuthor(own("Ada Lovelace"))]),
        (lamps(), vec![Reason::Meaning(own("On Lamps"))]),
        (lamps(), vec![Reason::LikedCategory(own("Robotics"))]),
        (
            lamps(),
            vec![
                Reason::Text(own("like “A")),
                Reason::Text(own("B”, which you liked")),
            ],
        ),
        (
            Section::Interest(own("Exploring")),
            vec![Reason::Terms(vec![own("caves")])],
        ),
        (Section::Trending, vec![Reason::Votes(1)]),
        (Section::Trending, vec![Reason::Votes(42)]),
        (Section::New, vec![Reason::NewIn(own("Robotics"))]),
        (Section::New, vec![Reason::New]),
        (
            Section::Exploring,
            vec![
                Reason::Exploring(own("Lamps")),
                Reason::Terms(vec![own("caves")]),
            ],
        ),
        (
            Section::News,
            vec![Reason::News(PaperNews::Published(own(
                "Journal of Gulls 14",
            )))],
        ),
        (Section::News, vec![Reason::News(PaperNews::Replaced(3))]),
    ];
    let typed: Vec<_> = picks
        .into_iter()
        .map(|pick| (pick.section, pick.reasons))
        .collect();
    assert_eq!(typed, expected);
}

#[tokio::test]
async fn an_issue_of_an_older_version_is_shown_in_the_readers_language() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    enter(&old_database(&path), &["Lamps", "Exploring"], &OLD_PICKS);
    let (store, _) = SqliteStore::migrate(&path).unwrap();
    let house = House::of(store, town::composer());
    let token = (house.site.composer)().signer.sign(Scope::View, 1);
    let (status, page) = house.get(&format!("/issues/{token}?d=2026-08-04")).await;
    assert_eq!(status, StatusCode::OK);
    for text in [
        "Autoren, denen Sie folgen",
        "Viel beachtet",
        "Neue Artikel",
        "Zum Entdecken",
        "Neues zu Artikeln, die Sie kennen",
        "Sie folgen Ada Lovelace und Tri Dao",
        "enthält „low-rank “x”“",
        "42 Stimmen",
        "ein Blick über „Lamps“ hinaus",
        "jetzt erschienen in Journal of Gulls 14",
        "neue Fassung (v3)",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    // Once as the name of their own interest.
    assert_eq!(page.matches(">Exploring<").count(), 1, "{page}");
    for text in [
        "Authors you follow",
        "Updates on papers",
        "whom you follow",
        "replaced",
    ] {
        assert!(!page.contains(text), "{text} in {page}");
    }
}
