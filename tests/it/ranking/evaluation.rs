//! Ranking through the command line: with models, clicks, odd profiles, and the printed
//! sum.

use crate::harness::{tiny_models, town};
use crate::operation::cli::Place;
use crate::web::robots::House;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::archive::{ActiveEmbedder, refresh_vectors};
use paperboy::clock::{Clock as _, SystemClock};
use paperboy::edition::{Composer, PickOutcomes, pick_outcomes};
use paperboy::model;
use paperboy::paper::Paper;
use paperboy::pick::Section;
use paperboy::pick::Thumb;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    Agent, Channel, Click, Db, NewFeedback, NewIssue, NewPick, PaperRow, PickKind,
};
use paperboy::subscriber::SubscriberId;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::Arc;

const READER: &str = "a@example.org";

fn line(id: &str, title: &str, text: &str, day: &str) -> String {
    let author = format!("Author{} Name{id}", id.len());
    json!({ "id": id, "title": title, "abstract": text, "authors": [author], "categories": ["cs.DS"], "announced": day })
        .to_string()
        + "\n"
}

/// An archive of 120 papers on twelve subjects, and a day with two on each.
fn papers() -> String {
    let subjects = [
        ("glaciers", "ice melts and flows"),
        ("proofs", "theorems and assistants"),
        ("graphs", "neural ring fields"),
        ("sorting", "integers in time"),
        ("bees", "hives and honey"),
        ("tides", "moons pull seas"),
        ("lenses", "light bends in glass"),
        ("taxes", "states and incomes"),
        ("songs", "melodies and rhythms"),
        ("soils", "clay holds water"),
        ("engines", "pistons and steam"),
        ("dyes", "colours bind to wool"),
    ];
    let of = |at: usize, id: String, day: &str| {
        let (name, about) = subjects[at % subjects.len()];
        let turn =
            ["measured", "modelled", "explained", "counted", "compared"][(at / subjects.len()) % 5];
        line(
            &id,
            &format!("How {name} are {turn}"),
            &format!("Of {name}: {about}, {turn} for the time being."),
            day,
        )
    };
    let archive = (0..120).map(|at| of(at, format!("2607.{at:05}"), "2026-07-01"));
    let today = (0..24).map(|at| of(at, format!("2608.{at:05}"), "2026-08-04"));
    archive.chain(today).collect()
}

/// A place with those papers and a reader of two interests. Its secret is always the same.
fn furnished() -> Place {
    let place = Place::new();
    place.write("secret", "a secret of more than 32 bytes, for tests alone");
    place.write("papers.jsonl", &papers());
    place.said(&["papers", "import", "papers.jsonl"]);
    place.said(&["subscribers", "add", READER, "--min-score", "0"]);
    place.said(&[
        "interests",
        "add",
        READER,
        "--name",
        "Rings",
        "--like",
        "2607.00002",
        "--like",
        "2607.00014",
    ]);
    place.said(&[
        "interests",
        "add",
        READER,
        "--name",
        "Wool",
        "--description",
        "dyes for wool",
    ]);
    place
}

fn preview(place: &Place) -> Value {
    place.json(&["preview", READER, "--date", "2026-08-04", "--explain"])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The score of a paper for an interest, as `papers show --for` prints it.
fn score(place: &Place, paper: &str, interest: &str) -> f64 {
    let told = place.json(&[
        "papers",
        "show",
        paper,
        "--for",
        READER,
        "--date",
        "2026-08-04",
    ]);
    let of_interest = list(&told["interests"])
        .iter()
        .find(|told| told["interest"] == interest)
        .unwrap();
    number(&of_interest["score"])
}

fn db(place: &Place) -> Db {
    Db::new(
        SqliteStore::migrate(&place.path().join("paperboy.db"))
            .unwrap()
            .0,
    )
}

fn reader(db: &Db) -> SubscriberId {
    db.run_here(|store| store.subscriber(&READER.parse().unwrap()))
        .unwrap()
        .unwrap()
        .id
}

fn row(db: &Db, paper: &str) -> PaperRow {
    db.run_here(|store| store.paper(&paper.parse().unwrap()))
        .unwrap()
        .unwrap()
        .row
}

#[test]
fn an_installed_model_ranks_in_preview_and_in_publish() {
    let place = furnished();
    tiny_models::table(&place.path().join("from/one"), 1);
    let meaning = |preview: &Value| -> Vec<(String, f64)> {
        let parts = |told: &Value| -> Option<f64> {
            let rings = list(&told["interests"])
                .iter()
                .find(|told| told["interest"] == "Rings")?;
            let part = list(&rings["parts"])
                .iter()
                .find(|part| part["kind"] == "meaning")?;
            part["raw"].as_f64()
        };
        let told = list(&preview["explained"]).iter();
        told.filter_map(|told| Some((told["id"].as_str()?.to_owned(), parts(told)?)))
            .collect()
    };
    let learned_here = preview(&place);
    place.said(&["model", "install", "from/one"]);
    let installed = preview(&place);
    assert!(!meaning(&learned_here).is_empty() && !meaning(&installed).is_empty());
    assert_ne!(
        meaning(&learned_here),
        meaning(&installed),
        "the vectors are the model's"
    );
    assert_ne!(learned_here["picks"], installed["picks"]);

    // The published issue equals the preview.
    place.said(&["publish", "--now", "2026-08-04T23:00:00Z"]);
    let db = db(&place);
    let reader = reader(&db);
    let published = db.run_here(|store| store.picks_of(reader, 1)).unwrap();
    let published: Vec<(String, f64)> = published
        .iter()
        .map(|pick| (pick.paper.paper.id.to_string(), f64::from(pick.score)))
        .collect();
    let shown: Vec<(String, f64)> = list(&installed["picks"])
        .iter()
        .map(|pick| {
            (
                pick["id"].as_str().unwrap().to_owned(),
                number(&pick["score"]),
            )
        })
        .collect();
    assert_eq!(published.len(), shown.len());
    for ((published, score), (id, expected)) in published.iter().zip(&shown) {
        assert_eq!(published, id);
        assert!((score - expected).abs() < 1e-6, "{id}: {score} {expected}");
    }

    place.said(&["model", "use", "none"]);
    assert_eq!(
        preview(&place)["explained"].to_string().len(),
        learned_here["explained"].to_string().len()
    );
    assert_eq!(meaning(&preview(&place)), meaning(&learned_here));
}

#[test]
fn evaluate_ranks_with_the_model_that_it_is_told() {
    let place = furnished();
    tiny_models::table(&place.path().join("from/one"), 1);
    let user = json!({
        "user": "u1", "profile": ["2607.00002", "2607.00014"],
        "candidates": (0..24).map(|at| format!("2608.{at:05}")).collect::<Vec<_>>(),
        "relevance": { "2608.00002": 1, "2608.00014": 1 },
    });
    place.write("users.jsonl", &format!("{user}\n"));
    let ours =
        |words: &[&str]| place.json(&[&["evaluate", ".", "--ranker", "paperboy"], words].concat());
    let (without, with) = (ours(&[]), ours(&["--model", "from/one"]));
    assert_eq!(without["rankers"][0]["ndcg10"], json!(1.0), "{without}");
    assert!(without["model"].is_null());
    assert!(
        with["model"].as_str().unwrap().starts_with("static-8-"),
        "{with}"
    );
    assert!(number(&with["rankers"][0]["ndcg10"]) > 0.5, "{with}");
    // An installed one goes by its name.
    place.said(&["model", "install", "from/one"]);
    assert_eq!(ours(&["--model", "one"])["rankers"], with["rankers"]);
    let (code, said) = place.refused(&["evaluate", ".", "--model", "two"]);
    assert!(code == 1 && said.contains("two"), "{said}");
}

fn click(db: &Db, paper: &str, at: DateTime<Utc>, agent: Agent, network: &str) {
    let network = network.to_owned();
    let click = Click {
        subscriber: reader(db),
        paper: row(db, paper),
        at,
        is_head: false,
        agent,
        network,
    };
    db.run_here(|store| store.record_click(&click)).unwrap();
}

#[test]
fn a_click_moves_a_profile_a_little_and_a_scanners_does_not() {
    let place = furnished();
    let now = SystemClock.now();
    let (liked_like, other) = ("2608.00010", "2608.00008");
    let before = score(&place, liked_like, "Rings");
    {
        // A scanner follows every link of the mail within a second, and comes back later.
        let db = db(&place);
        for (at, paper) in ["2607.00010", "2607.00022", "2607.00034", "2607.00046"]
            .into_iter()
            .enumerate()
        {
            let soon = now - TimeDelta::hours(2) + TimeDelta::milliseconds(at as i64 * 200);
            click(&db, paper, soon, Agent::Browser, "192.0.2.0/24");
        }
        click(
            &db,
            "2607.00010",
            now - TimeDelta::hours(1),
            Agent::Browser,
            "192.0.2.0/24",
        );
        click(
            &db,
            "2607.00010",
            now - TimeDelta::minutes(50),
            Agent::Program,
            "198.51.100.0/24",
        );
    }
    assert!(
        (score(&place, liked_like, "Rings") - before).abs() < 1e-9,
        "scanners are not listened to"
    );
    let other_before = score(&place, other, "Wool");
    click(
        &db(&place),
        "2607.00010",
        now - TimeDelta::minutes(30),
        Agent::Browser,
        "203.0.113.0/24",
    );
    // Neither interest is near, so the click goes to the first.
    let clicked = score(&place, liked_like, "Rings");
    assert!(clicked > before, "{before} {clicked}");
    assert!(
        (score(&place, other, "Wool") - other_before).abs() < 1e-9,
        "one interest learned from it"
    );
    place.said(&[
        "feedback",
        READER,
        "2607.00010",
        "more",
        "--interest",
        "Rings",
    ]);
    let liked = score(&place, liked_like, "Rings");
    assert!(
        liked > clicked,
        "a thumb says more than a click: {clicked} {liked}"
    );
}

#[test]
fn the_printed_sum_of_a_paper_adds_up() {
    let place = furnished();
    place.said(&[
        "feedback",
        READER,
        "2607.00004",
        "less",
        "--interest",
        "Rings",
    ]);
    place.said(&["interests", "set", READER, "Wool", "--keyword", "wool"]);
    let previewed = preview(&place);
    let mut summed = 0;
    for at in 0..24 {
        let id = format!("2608.{at:05}");
        let told = place.json(&[
            "papers",
            "show",
            &id,
            "--for",
            READER,
            "--date",
            "2026-08-04",
        ]);
        let mut best: f64 = 0.0;
        for told in list(&told["interests"]) {
            let get = |name: &str| number(&told[name]);
            let added: f64 = list(&told["parts"])
                .iter()
                .map(|part| {
                    let get = |name: &str| number(&part[name]);
                    let share = get("weight") * (get("raw") - get("mean")) / get("spread");
                    assert!((share - get("contribution")).abs() < 1e-3, "{id}: {part}");
                    share
                })
                .sum();
            assert!((added - get("sum")).abs() < 1e-3, "{id}: {told}");
            let deviations = (added - get("sum_mean")) / get("sum_spread");
            let surprise = 1.0 / (1.0 + (-(deviations - get("half_at")) * get("steepness")).exp());
            let learned = surprise * get("beyond_chance");
            let floor = get("floor");
            assert!(
                (floor + (1.0 - floor) * learned - get("score")).abs() < 1e-3,
                "{id}: {told}"
            );
            let words = list(&told["parts"])
                .iter()
                .find(|part| part["kind"] == "words")
                .unwrap();
            let named: f64 = list(&told["terms"])
                .iter()
                .map(|term| number(&term["share"]))
                .sum();
            let all = named + get("other_terms") + get("common_words");
            assert!((all - number(&words["raw"])).abs() < 1e-5, "{id}: {told}");
            if told["ruled_out"].is_null() {
                best = best.max(get("score"));
            }
            summed += 1;
        }
        if let Some(pick) = list(&previewed["picks"])
            .iter()
            .find(|pick| pick["id"] == id.as_str())
        {
            assert!(
                (number(&pick["score"]) - best).abs() < 1e-6,
                "{pick} {best}"
            );
        }
    }
    assert_eq!(summed, 48);
    let text = place.said(&[
        "papers",
        "show",
        "2608.00011",
        "--for",
        READER,
        "--date",
        "2026-08-04",
    ]);
    assert!(
        text.contains("what any paper has") && text.contains("keyword “wool”: 0.6 + 0.4"),
        "{text}"
    );
}

#[test]
fn a_preview_is_the_same_to_the_byte_whatever_the_number_of_threads() {
    let with_threads = |threads: &str| -> Vec<u8> {
        let place = Place::new();
        place.write("secret", "a secret of more than 32 bytes, for tests alone");
        place.write("papers.jsonl", &papers());
        let run = |words: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_paperboy"))
                .args(words)
                .current_dir(place.path())
                .env("RAYON_NUM_THREADS", threads)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            output.stdout
        };
        // The archive's statistics are learned with that many threads, too.
        run(&["papers", "import", "papers.jsonl"]);
        run(&["subscribers", "add", READER, "--min-score", "0.05"]);
        for (at, name) in ["Rings", "Honey", "Steam"].into_iter().enumerate() {
            let liked: Vec<String> = (0..4)
                .map(|paper| format!("2607.{:05}", 2 * at + 12 * paper))
                .collect();
            let mut words = vec!["interests", "add", READER, "--name", name];
            words.extend(liked.iter().flat_map(|id| ["--like", id.as_str()]));
            run(&words);
        }
        run(&[
            "preview",
            READER,
            "--date",
            "2026-08-04",
            "--format",
            "json",
            "--explain",
        ])
    };
    let alone = with_threads("1");
    assert!(!list(&serde_json::from_slice::<Value>(&alone).unwrap()["picks"]).is_empty());
    for threads in ["2", "8"] {
        let other = with_threads(threads);
        assert!(
            other == alone,
            "with {threads} threads it differs from that with one"
        );
    }
}

#[test]
fn the_same_paper_liked_and_disliked_is_no_reason_to_panic() {
    let place = furnished();
    let mut words = vec!["interests", "add", READER, "--name", "Torn"];
    for id in ["2607.00004", "2607.00016"] {
        words.extend(["--like", id, "--dislike", id]);
    }
    place.said(&words);
    let shown = preview(&place);
    for pick in list(&shown["picks"]) {
        assert!((0.0..=1.0).contains(&number(&pick["score"])), "{pick}");
    }
    // The last thumb counts.
    place.said(&["feedback", READER, "2607.00002", "less"]);
    place.said(&["feedback", READER, "2607.00002", "more"]);
    let said = place.json(&["feedback", "list", READER]);
    assert_eq!(list(&said).len(), 1);
    assert_eq!(said[0]["thumb"], "more");
    assert!(score(&place, "2608.00002", "Rings") > score(&place, "2608.00004", "Rings"));
}

#[test]
fn a_day_of_none_or_one_paper_can_be_previewed() {
    let place = Place::new();
    place.said(&["subscribers", "add", READER, "--min-score", "0"]);
    place.said(&[
        "interests",
        "add",
        READER,
        "--name",
        "Rings",
        "--description",
        "rings",
        "--like",
        "2608.00001",
    ]);
    let nothing = place.json(&["preview", READER, "--date", "2026-08-04", "--explain"]);
    assert_eq!(
        (list(&nothing["picks"]).len(), &nothing["would_be_sent"]),
        (0, &json!(false))
    );
    place.write(
        "one.jsonl",
        &line("2608.00001", "On rings", "We study rings.", "2026-08-04"),
    );
    place.said(&["papers", "import", "one.jsonl"]);
    let one = preview(&place);
    assert!(
        list(&one["picks"])
            .iter()
            .all(|pick| (0.0..=1.0).contains(&number(&pick["score"]))),
        "{one}"
    );
    assert_eq!(place.json(&["papers", "similar", "2608.00001"]), json!([]));
}

#[test]
fn outcomes_of_exploring_picks_are_counted_apart() {
    let place = furnished();
    let now = SystemClock.now();
    {
        let db = db(&place);
        let reader = reader(&db);
        let pick = |paper: &str, section: Section| NewPick {
            paper: row(&db, paper),
            score: 0.5,
            section,
            reasons: Vec::new(),
        };
        let issue = NewIssue {
            subscriber: reader,
            local_date: "2026-08-04".parse().unwrap(),
            covers: None,
            address: READER.parse().unwrap(),
            subject: "News".to_owned(),
            message_id: "1@example.org".to_owned(),
            message: b"message".to_vec(),
            picks: vec![
                pick("2608.00001", Section::Interest("Rings".to_owned())),
                pick("2608.00002", Section::Interest("Rings".to_owned())),
                pick("2608.00003", Section::Exploring),
                pick("2608.00004", Section::News),
            ],
            expires_at: now + TimeDelta::days(1),
        };
        db.run_here(|store| store.enqueue_issues(std::slice::from_ref(&issue), now))
            .unwrap();
        for (paper, thumb) in [
            ("2608.00001", Thumb::More),
            ("2608.00002", Thumb::Less),
            ("2608.00003", Thumb::Save),
        ] {
            let new = NewFeedback {
                subscriber: reader,
                paper: row(&db, paper),
                thumb,
                interest: None,
                channel: Channel::Web,
            };
            db.run_here(|store| store.give_feedback(&new, now)).unwrap();
        }
        // The server has not taken the mail yet, so the click is not a reader's.
        click(&db, "2608.00003", now, Agent::Browser, "192.0.2.0/24");
        let outcomes = pick_outcomes(&db, now - TimeDelta::days(1)).unwrap();
        assert_eq!(
            (
                outcomes.chosen.shown,
                outcomes.chosen.more,
                outcomes.chosen.less
            ),
            (2, 1, 1)
        );
        assert_eq!(
            (
                outcomes.exploring.shown,
                outcomes.exploring.save,
                outcomes.exploring.clicks
            ),
            (1, 1, 0)
        );
        assert_eq!(
            outcomes.ranks.iter().map(|at| at.rank).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(
            pick_outcomes(&db, now + TimeDelta::days(1)).unwrap(),
            PickOutcomes::default()
        );
        // The verb behind it.
        let places = db.run_here(|store| {
            let issue = store.clicks_of(&[reader])?[0].issue.unwrap();
            let picks = [
                (issue, row_in(store, "2608.00003")),
                (issue, PaperRow(9_999)),
            ];
            store.pick_places(&picks, now - TimeDelta::days(1))
        });
        let places = places.unwrap();
        assert_eq!(
            places[0].map(|place| (place.kind, place.rank)),
            Some((PickKind::Exploring, 3))
        );
        assert_eq!(places[1], None);
    }
    let told = place.json(&["feedback", "outcomes"]);
    assert_eq!(
        (
            &told["exploring"]["save"],
            &told["ranks"][1]["chosen"]["less"]
        ),
        (&json!(1), &json!(1)),
        "{told}"
    );
    let table = place.said(&["feedback", "outcomes", "--since", "2026-01-01"]);
    assert!(
        table.contains("exploring") && table.contains("place 3, exploring"),
        "{table}"
    );
}

fn row_in(store: &mut dyn paperboy::store::Store, paper: &str) -> PaperRow {
    store.paper(&paper.parse().unwrap()).unwrap().unwrap().row
}

#[tokio::test]
async fn a_search_finds_by_meaning_where_a_model_is_installed() {
    let mut house = House::new();
    let folder = tempfile::tempdir().unwrap();
    let (from, models) = (folder.path().join("from"), folder.path().join("models"));
    tiny_models::table(&from, 1);
    model::copy(&from, &models, "one").unwrap();
    let maker = model::open_installed(&models, "one").unwrap();
    let composer = Arc::new(Composer {
        model: Arc::new(ActiveEmbedder::new(&models)),
        ..town::composer()
    });
    house.site.composer = Arc::new(move || Arc::clone(&composer));
    let now = house.clock.now();
    let words = [
        "time", "graph", "neural", "integer", "field", "ring", "sort",
    ];
    let papers: Vec<Paper> = (0..)
        .zip(words)
        .map(|(at, word)| Paper {
            announced: Some(now.date_naive()),
            ..Paper::new(
                format!("2608.0000{at}").parse().unwrap(),
                format!("Paper {at}: {word}"),
            )
        })
        .collect();
    house
        .db
        .run_here(|store| store.take_in("jsonl", &papers, now))
        .unwrap();
    let found = async |house: &House, path: &str| -> Vec<usize> {
        let (status, page) = house.get(path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let mut places: Vec<(usize, usize)> = (0..words.len())
            .filter_map(|at| Some((page.find(&format!("Paper {at}: "))?, at)))
            .collect();
        places.sort_unstable();
        places.into_iter().map(|(_, at)| at).collect()
    };
    assert_eq!(found(&house, "/search?q=time").await, [0], "by words alone");

    house
        .db
        .run_here(|store| {
            store.begin_model(maker.name(), "one", now)?;
            store.activate_model(maker.name())
        })
        .unwrap();
    refresh_vectors(&house.db, &*maker, |_| true).unwrap();
    assert_eq!(
        found(&house, "/search?q=time").await,
        [0],
        "what was read serves for a while"
    );
    house.clock.set(now + TimeDelta::minutes(11));
    let near = found(&house, "/search?q=time").await;
    assert!(near.len() > 1 && near[0] == 0, "{near:?}");
    let vectors = maker.embed(&papers.iter().collect::<Vec<_>>());
    let asked = maker
        .embed(&[&Paper::new("query".parse().unwrap(), "time".to_owned())])
        .remove(0);
    let cosine = |at: &usize| -> f32 { vectors[*at].iter().zip(&asked).map(|(a, b)| a * b).sum() };
    assert!(
        near.iter().all(|at| cosine(at) > 0.0),
        "only what is near is added: {near:?}"
    );
    // Exact results stay.
    assert_eq!(found(&house, "/search?q=title:time").await, [0]);
    assert!(
        !found(&house, "/search?q=time+-paper").await.contains(&0),
        "filters hold"
    );
    // The feed brings the requested papers.
    assert_eq!(found(&house, "/search.json?q=time").await, [0]);
    // A model that is gone is no reason to fail.
    std::fs::remove_dir_all(&models).unwrap();
    house.clock.set(now + TimeDelta::minutes(22));
    assert!(found(&house, "/search?q=time").await.contains(&0));
}
