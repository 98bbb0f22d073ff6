//! Printed reasons compared with the numbers behind them, and the shape of issues over
//! many days.

use crate::harness::environment::shared;
use crate::operation::cli::Place;
use chrono::{Days, NaiveDate};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};

const DAY: &str = "2026-08-04";

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Papers on unrelated subjects; each has the subject's words in another order.
const SUBJECTS: [(&str, [&str; 6]); 8] = [
    (
        "Glaciers",
        ["glacier", "ice", "melting", "moraine", "crevasse", "firn"],
    ),
    (
        "Auctions",
        [
            "auction",
            "bidder",
            "welfare",
            "pricing",
            "incentive",
            "mechanism",
        ],
    ),
    (
        "Enzymes",
        [
            "enzyme", "protein", "ligand", "docking", "residue", "folding",
        ],
    ),
    (
        "Quasars",
        [
            "quasar",
            "redshift",
            "telescope",
            "galaxy",
            "stellar",
            "halo",
        ],
    ),
    (
        "Pottery",
        ["pottery", "kiln", "glaze", "clay", "shard", "amphora"],
    ),
    (
        "Proofs",
        ["proof", "theorem", "lemma", "tactic", "assistant", "kernel"],
    ),
    (
        "Tides",
        ["tide", "lagoon", "estuary", "moon", "current", "harbour"],
    ),
    (
        "Songs",
        ["song", "melody", "rhythm", "choir", "harmony", "chord"],
    ),
];

fn record(id: &str, day: &str, title: &str, about: &str, authors: &[&str]) -> Value {
    json!({ "id": id, "title": title, "abstract": about, "authors": authors, "categories": ["cs.DS"], "announced": day })
}

/// The paper number `at` on a subject.
fn paper(id: &str, day: &str, subject: usize, at: usize) -> Value {
    let words = SUBJECTS[subject % SUBJECTS.len()].1;
    let word = |step: usize| words[(at * 5 + step * step + at / 6) % 6];
    record(
        id,
        day,
        &format!("On the {} and the {} number {at}", word(0), word(1)),
        &format!(
            "We study {} with {}. A new {} helps {} and {}.",
            word(2),
            word(3),
            word(4),
            word(1),
            word(5)
        ),
        &[&format!("Writer{} Of{id}", at % 7)],
    )
}

fn lines(records: impl IntoIterator<Item = Value>) -> String {
    records
        .into_iter()
        .map(|record| record.to_string() + "\n")
        .collect()
}

/// An archive of 160 papers, and on each of `days` one to `each` on every subject.
fn stocked(days: &[&str], each: usize, more: Vec<Value>) -> Place {
    let place = Place::new();
    let archive = (0..160).map(|at| paper(&format!("2607.{at:05}"), "2026-07-01", at, at / 8));
    let news = days.iter().enumerate().flat_map(|(turn, day)| {
        (0..each * SUBJECTS.len()).map(move |at| {
            paper(
                &format!("26{:02}.{at:05}", 10 + turn),
                day,
                at,
                100 + 10 * turn + at / SUBJECTS.len(),
            )
        })
    });
    place.write("papers.jsonl", &lines(archive.chain(news).chain(more)));
    place.said(&["papers", "import", "papers.jsonl"]);
    place
}

fn subscribed(place: &Place, readers: &[Value]) {
    place.write("readers.jsonl", &lines(readers.iter().cloned()));
    place.said(&["subscribers", "import", "readers.jsonl"]);
}

fn preview(place: &Place, reader: &str, day: &str) -> Value {
    place.json(&["preview", reader, "--date", day, "--explain"])
}

/// The interest whose sum the score of a pick is.
fn own<'a>(pick: &'a Value, told: &'a Value) -> Option<&'a Value> {
    let name = told["pick"]["interest"].as_str()?;
    let own = list(&told["interests"])
        .iter()
        .find(|of| of["interest"] == name);
    assert!(own.is_some(), "{pick}");
    own
}

/// The signals that the parts of a printed reason claim.
fn claims(reason: &str) -> Vec<&'static str> {
    let kind = |part: &str| {
        if part.starts_with("matches ") || part.ends_with("whom you follow") {
            "pin"
        } else if part.ends_with("whose papers you liked") {
            "people"
        } else if part.starts_with("about ") || part.starts_with("like ") {
            "words"
        } else if part.starts_with("close in meaning") {
            "meaning"
        } else if part.ends_with("as are papers you liked") {
            "fields"
        } else {
            "nothing"
        }
    };
    reason.split(" · ").map(kind).collect()
}

/// Compares a pick with its sum.
#[track_caller]
fn check_pick(place: &Place, reader: &str, day: &str, pick: &Value, told: &Value, printed: &str) {
    let reason = text(&pick["reason"]);
    assert_eq!(
        (&told["pick"]["reason"], &told["pick"]["score"]),
        (&pick["reason"], &pick["score"])
    );
    let said_of_it = place.json(&[
        "papers",
        "show",
        text(&pick["id"]),
        "--for",
        reader,
        "--date",
        day,
    ]);
    assert_eq!(
        &said_of_it, told,
        "`papers show` and `preview` say the same"
    );
    for part in reason.split(" · ") {
        assert!(
            printed.contains(&part.split_whitespace().collect::<Vec<_>>().join(" ")),
            "{part}: {printed}"
        );
    }
    let Some(own) = own(pick, told) else {
        let votes = number(&told["pick"]["votes"]);
        let expected = if votes == 0.0 {
            0.5
        } else {
            votes / (votes + 20.0)
        };
        assert!((number(&pick["score"]) - expected).abs() < 1e-5, "{pick}");
        return;
    };
    assert!(
        (number(&own["score"]) - number(&pick["score"])).abs() < 1e-5,
        "{reason}: {own}"
    );
    let parts: BTreeMap<&str, f64> = list(&own["parts"])
        .iter()
        .map(|part| (text(&part["kind"]), number(&part["contribution"])))
        .collect();
    let sum: f64 = parts.values().sum();
    assert!(
        (sum - number(&own["sum"])).abs() < 1e-3 * sum.abs().max(1.0),
        "{own}"
    );
    let lifted = number(&own["floor"]) + (1.0 - number(&own["floor"])) * number(&own["learned"]);
    assert!((lifted - number(&own["score"])).abs() < 1e-5, "{own}");
    let claims = claims(reason);
    let positive: f64 = parts.values().filter(|adds| **adds > 0.0).sum();
    for claim in claims.iter().filter(|claim| parts.contains_key(**claim)) {
        assert!(
            parts[claim] >= 0.1 * positive,
            "{reason} is said, and {claim} adds {} of {positive}",
            parts[claim]
        );
    }
    assert_eq!(
        claims.contains(&"pin"),
        !own["pin"].is_null(),
        "{reason}: {}",
        own["pin"]
    );
    if let Some((strongest, _)) = parts
        .iter()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .filter(|(_, adds)| **adds > 0.0)
    {
        let is_named =
            claims.contains(strongest) || claims.contains(&"pin") || *strongest == "people";
        assert!(is_named, "{strongest} carried it: {reason}, {parts:?}");
    }
    let shares: BTreeMap<String, f64> = list(&own["terms"])
        .iter()
        .map(|term| (text(&term["term"]).to_lowercase(), number(&term["share"])))
        .collect();
    let all: f64 = shares.values().filter(|share| **share > 0.0).sum();
    for term in reason
        .split(" · ")
        .filter_map(|part| part.strip_prefix("about "))
        .flat_map(|terms| terms.split(", "))
    {
        // Of scripts without spaces the sum names the parts.
        let share = shares.get(&term.to_lowercase()).copied();
        assert!(
            share.is_none_or(|share| share >= 0.05 * all),
            "{term} is named, with {share:?} of {all}"
        );
        assert!(
            share.is_some() || !term.is_ascii(),
            "{term} is no term of the sum: {shares:?}"
        );
    }
}

fn check_reader(place: &Place, reader: &str, day: &str) -> usize {
    let json = preview(place, reader, day);
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = one_line(place.said(&["preview", reader, "--date", day]));
    let picks = list(&json["picks"]);
    for (pick, told) in picks.iter().zip(list(&json["explained"])) {
        assert_eq!(pick["id"], told["id"]);
        check_pick(place, reader, day, pick, told, &printed);
    }
    picks.len()
}

#[test]
fn every_printed_reason_names_what_carries_the_score() {
    let voted =
        json!({ "id": "2608.90000", "title": "Much read", "announced": DAY, "upvotes": 12 });
    let place = stocked(&[DAY], 4, vec![voted]);
    let liked = |subject: usize, count: usize| -> Vec<String> {
        (0..count)
            .map(|at| format!("2607.{:05}", at * SUBJECTS.len() + subject))
            .collect()
    };
    let readers = [
        json!({ "email": "one@example.org", "interests": [{ "name": "A", "liked": liked(0, 1) }] }),
        json!({ "email": "twenty@example.org", "interests": [{ "name": "A", "liked": liked(1, 20) }] }),
        json!({ "email": "words@example.org", "interests": [{ "name": "A", "description": "protein folding and docking" }] }),
        json!({ "email": "keys@example.org", "interests": [{ "name": "A", "keywords": ["kiln OR glaze", "amphora*"] }] }),
        json!({ "email": "people@example.org", "interests": [
            { "name": "A", "authors": ["Writer3 Of2610.00003"], "liked": liked(3, 3) },
            { "name": "B", "description": "quasar redshift galaxy halo" },
        ] }),
        json!({ "email": "none@example.org", "interests": [] }),
        json!({ "email": "anything@example.org", "min_score": 0, "interests": [{ "name": "A", "liked": liked(6, 3) }] }),
        json!({ "email": "category@example.org", "interests": [{ "name": "A", "categories": ["cs.*"] }] }),
    ];
    subscribed(&place, &readers);
    let checked: usize = readers
        .iter()
        .map(|reader| check_reader(&place, text(&reader["email"]), DAY))
        .sum();
    assert!(checked >= 40, "{checked}");
}

/// The first `count` real papers of a month in the shared data.
fn real_papers(count: usize) -> Option<Vec<Value>> {
    let file = File::open(shared("papers_arxiv/2025-09.jsonl.gz")?).unwrap();
    let lines = BufReader::new(GzDecoder::new(file))
        .lines()
        .map_while(Result::ok);
    Some(
        lines
            .take(count)
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect(),
    )
}

#[test]
fn reasons_hold_for_real_papers_and_profiles_of_one_to_five_hundred() {
    let Some(papers) = real_papers(700) else {
        return;
    };
    let place = Place::new();
    place.write("papers.jsonl", &lines(papers.clone()));
    place.said(&["papers", "import", "papers.jsonl"]);
    let newest = papers
        .iter()
        .map(|paper| text(&paper["announced"]))
        .max()
        .unwrap();
    let older: Vec<&str> = papers
        .iter()
        .filter(|paper| text(&paper["announced"]) < newest)
        .map(|paper| text(&paper["id"]))
        .collect();
    let spread = |count: usize| -> Vec<&str> {
        older
            .iter()
            .step_by((older.len() / count).max(1))
            .copied()
            .collect()
    };
    let about = |word: &str| -> Vec<&str> {
        let holds = |paper: &&Value| text(&paper["title"]).to_lowercase().contains(word);
        let found = papers.iter().filter(holds).map(|paper| text(&paper["id"]));
        found.filter(|id| older.contains(id)).take(8).collect()
    };
    let words =
        "A description that goes on and on about video diffusion and large language models. "
            .repeat(125);
    let readers = [
        json!({ "email": "one@example.org", "min_score": 0.05, "interests": [{ "name": "A", "liked": spread(1) }] }),
        json!({ "email": "three@example.org", "min_score": 0.05, "interests": [{ "name": "A", "liked": about("video") }] }),
        json!({ "email": "twenty@example.org", "min_score": 0.05, "interests": [
            { "name": "A", "liked": about("language") }, { "name": "B", "liked": about("image") }] }),
        json!({ "email": "many@example.org", "min_score": 0.05, "interests": [{ "name": "A", "liked": spread(500) }] }),
        json!({ "email": "wordy@example.org", "interests": [{ "name": "A", "description": words }] }),
    ];
    assert!(
        older.len() >= 500 && words.len() >= 10_000,
        "{}",
        older.len()
    );
    subscribed(&place, &readers);
    for reader in &readers {
        check_reader(&place, text(&reader["email"]), newest);
    }
}

#[test]
fn a_namesake_is_not_somebody_whose_papers_they_liked() {
    let by = |id: &str, day: &str, subject: usize, author: &str| {
        let mut paper = paper(id, day, subject, 300 + subject);
        paper["authors"] = json!([author]);
        paper
    };
    let place = stocked(
        &[DAY],
        2,
        vec![
            by("2607.80001", "2026-07-01", 0, "Yifan Huang"),
            by("2607.80002", "2026-07-01", 0, "Yifan Huang"),
            by("2608.80001", DAY, 4, "Yiming Huang"),
            by("2608.80002", DAY, 5, "Y. Huang"),
        ],
    );
    let liked = ["2607.80001", "2607.80002"];
    subscribed(
        &place,
        &[
            json!({ "email": "a@example.org", "min_score": 0, "interests": [{ "name": "Ice", "liked": liked }] }),
        ],
    );
    let people = |id: &str| {
        let told = place.json(&[
            "papers",
            "show",
            id,
            "--for",
            "a@example.org",
            "--date",
            DAY,
        ]);
        let part = list(&told["interests"][0]["parts"])
            .iter()
            .find(|part| part["kind"] == "people")
            .unwrap()
            .clone();
        (
            number(&part["raw"]),
            told["pick"]["reason"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let (namesake, reason) = people("2608.80001");
    assert!(
        namesake.abs() < 1e-9 && !reason.contains("Huang"),
        "{namesake} {reason}"
    );
    let (same, reason) = people("2608.80002");
    assert!(
        same > 0.0 && reason.contains("by Y. Huang, whose papers you liked"),
        "{same} {reason}"
    );
}

/// `count` days from [`DAY`] on.
fn days(count: u64) -> Vec<String> {
    let first: NaiveDate = DAY.parse().unwrap();
    (0..count)
        .map(|after| (first + Days::new(after)).to_string())
        .collect()
}

#[test]
fn interests_share_the_room_and_no_paper_comes_twice_whatever_becomes_of_it() {
    let days = days(10);
    let dates: Vec<&str> = days.iter().map(String::as_str).collect();
    let place = stocked(&dates, 2, Vec::new());
    let interests = json!([
        { "name": "Ice", "description": "glacier ice melting", "keywords": ["glacier"] },
        { "name": "Bids", "description": "auction bidder welfare", "keywords": ["auction"] },
        { "name": "Stars", "description": "quasar redshift telescope", "keywords": ["quasar"] },
    ]);
    let readers: Vec<Value> = [1, 2, 3, 10]
        .iter()
        .map(|most| json!({ "email": format!("m{most}@example.org"), "max_papers": most, "interests": interests }))
        .collect();
    subscribed(&place, &readers);
    let mut sections: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    let mut had: BTreeSet<(String, String)> = BTreeSet::new();
    for (turn, day) in days.iter().enumerate() {
        for reader in &readers {
            let email = text(&reader["email"]);
            let issue = place.json(&["preview", email, "--date", day]);
            let picks = list(&issue["picks"]);
            let most = reader["max_papers"].as_u64().unwrap() as usize;
            assert!(
                picks.len() <= most && !picks.is_empty(),
                "{email} {day}: {}",
                picks.len()
            );
            let told = picks.len() as u64
                + number(&issue["no_room"]) as u64
                + number(&issue["below_the_line"]) as u64;
            assert_eq!(
                told,
                issue["considered"].as_u64().unwrap(),
                "{email} {day}: every paper is counted once"
            );
            for pick in picks {
                assert!(
                    had.insert((email.to_owned(), text(&pick["id"]).to_owned())),
                    "{email} {day}: {pick}"
                );
                *sections
                    .entry(email.to_owned())
                    .or_default()
                    .entry(text(&pick["section"]).to_owned())
                    .or_default() += 1;
            }
            let of = |section: &str| {
                picks
                    .iter()
                    .filter(|pick| pick["section"] == section)
                    .count()
            };
            if most >= 3 {
                assert!(
                    ["Ice", "Bids", "Stars"].iter().all(|name| of(name) >= 1),
                    "{email} {day}: {picks:?}"
                );
            }
        }
        place.said(&["publish", "--now", &format!("{day}T08:00:00Z")]);
        if turn == 4 {
            // A sent paper is merged as another one's record, and split again.
            let sent = had
                .iter()
                .find(|(email, _)| email == "m10@example.org")
                .unwrap()
                .1
                .clone();
            let twin = json!({ "id": "10.1000/twin", "title": "A twin", "doi": "10.1000/twin", "announced": day });
            let both =
                json!({ "id": sent, "title": "A twin", "doi": "10.1000/twin", "announced": day });
            place.write("twins.jsonl", &lines([twin, both]));
            place.said(&["papers", "import", "twins.jsonl"]);
            place.run(&["papers", "split", "10.1000/twin"]);
        }
    }
    for (email, sections) in &sections {
        let least = ["Ice", "Bids", "Stars"].map(|name| sections.get(name).copied().unwrap_or(0));
        assert!(
            least.iter().all(|shown| *shown >= 1),
            "{email}: {sections:?}"
        );
    }
}

#[test]
fn a_short_day_is_filled_with_the_nearest_papers_below_the_line() {
    let cave = record(
        "2611.00001",
        DAY,
        "A map of glacier caves",
        "We map caves in the ice of a melting glacier.",
        &["Ada Caver"],
    );
    let place = stocked(&[DAY], 3, vec![cave]);
    let ice = json!([{
        "name": "Ice", "description": "melting glacier ice, moraine, firn and crevasse",
        "keywords": ["glacier caves"],
    }]);
    // Only what a keyword pins is above a line of 1.
    subscribed(
        &place,
        &[
            json!({ "email": "ada@example.org", "min_score": 1, "interests": ice }),
            json!({ "email": "bob@example.org", "min_score": 1, "min_papers": 0, "interests": ice }),
        ],
    );
    let marked = |reader: &str| -> Vec<bool> {
        let issue = preview(&place, reader, DAY);
        let is_marked = |pick: &Value| text(&pick["reason"]).contains("below your line");
        list(&issue["picks"]).iter().map(is_marked).collect()
    };
    assert_eq!(marked("ada@example.org"), [false, true, true]);
    assert_eq!(marked("bob@example.org"), [false]);
}

#[test]
fn a_paper_that_is_not_picked_is_explained() {
    let place = stocked(&[DAY], 6, Vec::new());
    let interests = json!([
        { "name": "Ice", "keywords": ["glacier"], "description": "glacier ice", "must_not": ["firn"] },
        { "name": "Bids", "description": "auction, bidder, pricing", "disliked": ["2610.00001"] },
    ]);
    subscribed(
        &place,
        &[
            json!({ "email": "a@example.org", "max_papers": 2, "min_score": 0.2, "interests": interests }),
        ],
    );
    let picks: BTreeSet<String> = list(&preview(&place, "a@example.org", DAY)["picks"])
        .iter()
        .map(|pick| text(&pick["id"]).to_owned())
        .collect();
    let mut fates: BTreeMap<String, u32> = BTreeMap::new();
    for at in (0..48).filter(|at| at % 8 < 2) {
        let id = format!("2610.{at:05}");
        let told = place.json(&[
            "papers",
            "show",
            &id,
            "--for",
            "a@example.org",
            "--date",
            DAY,
        ]);
        assert_eq!(
            text(&told["fate"]) == "picked",
            picks.contains(&id),
            "{told}"
        );
        *fates.entry(text(&told["fate"]).to_owned()).or_default() += 1;
        if id == "2610.00001" {
            assert_eq!(
                text(&told["by"]),
                "an interest names it as an example, so they know it"
            );
        }
    }
    assert!(
        fates.contains_key("below_the_line") && fates.contains_key("ruled_out"),
        "{fates:?}"
    );
    assert!(
        fates
            .keys()
            .any(|fate| ["no_room", "quota", "repeats"].contains(&fate.as_str())),
        "{fates:?}"
    );
}

#[test]
fn old_feedback_counts_less_also_in_the_preview() {
    let (soon, late) = ("2026-08-04", "2099-08-04");
    let place = stocked(&[soon, late], 2, Vec::new());
    subscribed(
        &place,
        &[
            json!({ "email": "a@example.org", "min_score": 0, "interests": [{ "name": "Ice", "description": "glacier ice" }] }),
        ],
    );
    let raw = |id: &str, day: &str| {
        let told = place.json(&[
            "papers",
            "show",
            id,
            "--for",
            "a@example.org",
            "--date",
            day,
        ]);
        number(&told["interests"][0]["parts"][0]["raw"])
    };
    // The same subject on both days: pottery, of which the interest says nothing.
    let (early, later) = (raw("2610.00004", soon), raw("2611.00004", late));
    place.said(&["feedback", "a@example.org", "2607.00004", "more"]);
    assert!(
        raw("2610.00004", soon) > early + 0.01,
        "a thumb counts at once"
    );
    assert!(
        (raw("2611.00004", late) - later).abs() < 1e-6,
        "after a lifetime it counts no more"
    );
    // A liked paper that is sent later is not called similar to itself.
    place.said(&["feedback", "a@example.org", "2610.00000", "more"]);
    let issue = preview(&place, "a@example.org", soon);
    let told = list(&issue["explained"])
        .iter()
        .find(|told| told["id"] == "2610.00000")
        .unwrap();
    let nearest = text(&told["interests"][0]["nearest_liked"][0]);
    assert_ne!(nearest, text(&told["title"]));
}

#[test]
fn keywords_that_are_in_every_paper_lift_nothing_and_rule_nothing_out() {
    let place = stocked(&[DAY], 2, Vec::new());
    let odd = [
        "*", "a", "the", "of the", "w*", "(", "\"", "“", "()", "AND", "OR OR", "!!!", "😀", "-",
        " ", "***",
    ];
    subscribed(
        &place,
        &[json!({ "email": "a@example.org", "interests": [
            { "name": "Odd", "keywords": odd, "must_not": odd, "description": "glacier ice melting" }] })],
    );
    let issue = preview(&place, "a@example.org", DAY);
    let picks = list(&issue["picks"]);
    assert!(!picks.is_empty() && picks.len() < 6, "{picks:?}");
    assert!(
        picks
            .iter()
            .all(|pick| text(&pick["reason"]).starts_with("about ")),
        "{picks:?}"
    );
}

#[test]
fn interests_in_other_languages_find_their_papers_with_legible_reasons() {
    let of = |id: &str, title: &str, about: &str| record(id, DAY, title, about, &["Ada Lovelace"]);
    let place = stocked(
        &[DAY],
        3,
        vec![
            of(
                "2608.80001",
                "Νευρωνικά δίκτυα για την ελληνική γλώσσα",
                "Παρουσιάζουμε νευρωνικά δίκτυα.",
            ),
            of(
                "2608.80002",
                "大规模语言模型的推理能力研究",
                "本文研究大规模语言模型在数学推理任务上的能力。",
            ),
            of(
                "2608.80003",
                "الشبكات العصبية لمعالجة اللغة العربية",
                "نقدم شبكات عصبية لمعالجة اللغة.",
            ),
            of(
                "2608.80004",
                "大規模言語モデルの推論能力",
                "本論文では言語モデルの推論能力を調べる。",
            ),
            of("2608.80005", "古代陶器考古", ""),
        ],
    );
    for (at, (words, keyword, paper, reason)) in [
        (
            "ΝΕΥΡΩΝΙΚΑ ΔΙΚΤΥΑ",
            "δίκτυα",
            "2608.80001",
            "νευρωνικά δίκτυα",
        ),
        ("语言模型", "语言模型", "2608.80002", "语言模型"),
        (
            "معالجة اللغة العربية",
            "اللغة",
            "2608.80003",
            "اللغة العربية",
        ),
        ("言語モデル", "言語モデル*", "2608.80004", "言語モデル"),
        ("古代陶器", "陶器", "2608.80005", "古代陶器"),
    ]
    .into_iter()
    .enumerate()
    {
        let (by_words, by_keyword) = (format!("w{at}@example.org"), format!("k{at}@example.org"));
        subscribed(
            &place,
            &[
                json!({ "email": by_words, "interests": [{ "name": "A", "description": words }] }),
                json!({ "email": by_keyword, "interests": [{ "name": "A", "keywords": [keyword] }] }),
            ],
        );
        let first = |reader: &str| list(&preview(&place, reader, DAY)["picks"])[0].clone();
        let pick = first(&by_words);
        assert_eq!(text(&pick["id"]), paper, "{words}");
        assert!(
            text(&pick["reason"]).to_lowercase().contains(reason),
            "{words}: {}",
            pick["reason"]
        );
        let pick = first(&by_keyword);
        assert_eq!(text(&pick["id"]), paper, "{keyword}");
        assert!(
            text(&pick["reason"]).starts_with(&format!("matches “{keyword}”")),
            "{}",
            pick["reason"]
        );
    }
}

#[test]
fn unknown_papers_of_an_interest_are_reported() {
    let place = stocked(&[DAY], 1, Vec::new());
    place.said(&["subscribers", "add", "a@example.org"]);
    let add = ["interests", "add", "a@example.org", "--name", "A"];
    let of = [
        "--like",
        "2607.00001",
        "--like",
        "2401.99999",
        "--category",
        "cs",
        "--category",
        "cs.*",
        "--category",
        "q.Z",
    ];
    let output = place.run(&[&add[..], &of].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.lines().count() == 3,
        "{said}"
    );
    for part in [
        "no paper 2401.99999 here yet",
        "in the category cs; all of it is cs.*",
        "in the category q.Z",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said =
        |query: &str| String::from_utf8(place.run(&["papers", "search", query]).stderr).unwrap();
    assert!(
        said("*").contains("the query has no word to search for")
            && said("qqq").contains("no paper fits")
    );
}

#[test]
fn cases_without_choices_are_reported_and_not_counted() {
    let place = Place::new();
    let papers = (0..40).map(|at| paper(&format!("2607.{at:05}"), DAY, at, at / 8));
    std::fs::create_dir(place.path().join("set")).unwrap();
    place.write("set/papers.jsonl", &lines(papers));
    let profile = ["2607.00000", "2607.00008"];
    let users = [
        json!({ "user": "a", "profile": profile, "relevance": { "2607.00016": 2 } }),
        json!({ "user": "a", "profile": profile, "candidates": ["2607.00016"], "relevance": { "2607.00016": 1 } }),
        json!({ "user": "nothing", "profile": profile }),
        json!({ "user": "no days", "profile": profile, "days": {} }),
        json!({ "user": "known", "profile": profile, "relevance": { "2607.00000": 1 } }),
        json!({ "user": "unknown", "profile": ["zz.1"], "relevance": { "zz.2": 1 } }),
    ];
    place.write("set/users.jsonl", &lines(users));
    let output = place.run(&["evaluate", "set", "--ranker", "paperboy", "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("4 of 6 users name no paper to be found") && said.contains("2 ids of users"),
        "{said}"
    );
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&value["users"], &value["rankers"][0]["ranker"]),
        (&json!(6), &json!("paperboy"))
    );
    assert!(number(&value["rankers"][0]["ndcg10"]) > 0.5, "{value}");
    // A single candidate has no order, so its AUC is undefined.
    place.write(
        "set/users.jsonl",
        &lines([
            json!({ "user": "a", "profile": profile, "candidates": ["2607.00016"], "relevance": { "2607.00016": 1 } }),
        ]),
    );
    let value = place.json(&["evaluate", "set", "--ranker", "paperboy"]);
    assert!(
        value["rankers"][0]["auc"].is_null() && value["rankers"][0]["interval95"]["auc"].is_null(),
        "{value}"
    );
    let (code, said) = place.refused(&["evaluate", "nowhere"]);
    assert!(
        code == 2 && said.contains("there is no folder nowhere"),
        "{said}"
    );
}
