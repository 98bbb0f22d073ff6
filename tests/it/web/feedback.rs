//! Feedback on papers, and its effects.

use crate::operation::cli::Place;
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::paper::Paper;
use paperboy::pick::Section;
use paperboy::pick::Thumb;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    Agent, Channel, Click, FeedbackChange, FeedbackStore, IssueStore, NewFeedback, NewIssue,
    NewPick, PaperRow, PaperStore, RetentionClass, RetentionStore, Store, SubscriberStore,
};
use paperboy::subscriber::{Interest, NewSubscriber, Preferences, Status, SubscriberId};
use serde_json::Value;

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

/// A store with two papers and a reader who follows rings.
fn furnished() -> (SqliteStore, SubscriberId, [PaperRow; 2]) {
    let mut store = SqliteStore::in_memory().unwrap();
    let paper = |id: &str| Paper {
        announced: Some(noon().date_naive()),
        ..Paper::new(id.parse().unwrap(), format!("On {id}"))
    };
    store
        .take_in("jsonl", &[paper("2608.00001"), paper("2608.00002")], noon())
        .unwrap();
    let reader = NewSubscriber {
        address: "a@example.org".parse().unwrap(),
        name: String::new(),
        status: Status::Active,
        preferences: Preferences::default(),
        interests: vec![Interest {
            name: "Rings".to_owned(),
            ..Interest::default()
        }],
    };
    store
        .enter_subscribers(std::slice::from_ref(&reader), noon())
        .unwrap();
    let id = store.subscriber(&reader.address).unwrap().unwrap().id;
    let rows = store
        .papers_announced(noon().date_naive(), noon().date_naive())
        .unwrap();
    (store, id, [rows[0].row, rows[1].row])
}

fn thumb(subscriber: SubscriberId, paper: PaperRow, thumb: Thumb) -> NewFeedback {
    NewFeedback {
        subscriber,
        paper,
        thumb,
        interest: None,
        channel: Channel::Web,
    }
}

fn issue(subscriber: SubscriberId, papers: &[PaperRow]) -> NewIssue {
    NewIssue {
        subscriber,
        local_date: noon().date_naive(),
        covers: None,
        address: "a@example.org".parse().unwrap(),
        subject: "News".to_owned(),
        message_id: "1@example.org".to_owned(),
        message: b"message".to_vec(),
        picks: papers
            .iter()
            .map(|paper| NewPick {
                paper: *paper,
                score: 0.5,
                section: Section::Interest("Rings".to_owned()),
                reasons: Vec::new(),
            })
            .collect(),
        expires_at: noon() + TimeDelta::days(1),
    }
}

#[test]
fn feedback_on_a_merged_record_counts_for_its_paper() {
    let (mut store, reader, [kept, _]) = furnished();
    let article = Paper::new(
        "10.1000/rings.2".parse().unwrap(),
        "On other rings".to_owned(),
    );
    store.take_in("crossref", &[article], noon()).unwrap();
    let merged = store
        .paper(&"10.1000/rings.2".parse().unwrap())
        .unwrap()
        .unwrap()
        .row;
    store
        .give_feedback(&thumb(reader, merged, Thumb::Save), noon())
        .unwrap();
    let click = Click {
        subscriber: reader,
        paper: merged,
        at: noon(),
        is_head: false,
        agent: Agent::Browser,
        network: "192.0.2.0/24".to_owned(),
    };
    store.record_click(&click).unwrap();
    // A third source says that both are one work.
    let both = Paper {
        same_as: vec![
            "2608.00001".parse().unwrap(),
            "10.1000/rings.2".parse().unwrap(),
        ],
        ..Paper::new("pmid:77".parse().unwrap(), "On rings at last".to_owned())
    };
    store.take_in("pubmed", &[both], noon()).unwrap();
    let paper = store
        .paper(&"10.1000/rings.2".parse().unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(paper.row, kept, "merged into the older one");

    let said = store.feedback_of(&[reader]).unwrap();
    assert_eq!(
        (said.len(), said[0].paper, &said[0].id, said[0].thumb),
        (1, kept, &paper.paper.id, Thumb::Save)
    );
    assert_eq!(store.saved_papers(reader).unwrap()[0].0.row, kept);
    let votes = store.likes_by_paper(noon() - TimeDelta::days(1)).unwrap();
    assert_eq!(
        votes.iter().map(|vote| vote.paper).collect::<Vec<_>>(),
        [kept]
    );
    assert_eq!(store.clicks_of(&[reader]).unwrap()[0].click.paper, kept);
    assert_eq!(
        store.clicks_since(noon() - TimeDelta::days(1)).unwrap()[0]
            .click
            .paper,
        kept
    );

    // A link of an old mail means the same paper: the newest feedback counts and is
    // undone as one.
    let later = noon() + TimeDelta::hours(1);
    let changed = store
        .give_feedback(&thumb(reader, merged, Thumb::Less), later)
        .unwrap();
    assert_eq!(changed, FeedbackChange::Changed(Some(Thumb::Save)));
    assert!(store.saved_papers(reader).unwrap().is_empty());
    assert_eq!(store.feedback_of(&[reader]).unwrap().len(), 1);
    assert_eq!(
        store.take_back(reader, kept, Channel::Web, later).unwrap(),
        Some(Thumb::Less)
    );
    assert!(store.feedback_of(&[reader]).unwrap().is_empty());
}

#[test]
fn each_paper_has_one_thumb_and_the_history_keeps_all() {
    let (mut store, reader, [paper, _]) = furnished();
    let later = noon() + TimeDelta::hours(1);
    assert_eq!(
        store
            .give_feedback(&thumb(reader, paper, Thumb::More), noon())
            .unwrap(),
        FeedbackChange::Changed(None)
    );
    assert_eq!(
        store
            .give_feedback(&thumb(reader, paper, Thumb::More), later)
            .unwrap(),
        FeedbackChange::Already
    );
    let changed = store
        .give_feedback(&thumb(reader, paper, Thumb::Less), later)
        .unwrap();
    assert_eq!(changed, FeedbackChange::Changed(Some(Thumb::More)));
    let said = store.feedback_of(&[reader]).unwrap();
    assert_eq!(
        (said.len(), said[0].thumb, said[0].at),
        (1, Thumb::Less, later)
    );
    assert_eq!(
        store
            .take_back(reader, paper, Channel::Mail, later)
            .unwrap(),
        Some(Thumb::Less)
    );
    assert_eq!(
        store
            .take_back(reader, paper, Channel::Mail, later)
            .unwrap(),
        None
    );
    assert!(store.feedback_of(&[reader]).unwrap().is_empty());
    let history = store.feedback_history(reader, paper).unwrap();
    let thumbs: Vec<_> = history.iter().map(|said| said.thumb).collect();
    assert_eq!(thumbs, [Some(Thumb::More), Some(Thumb::Less), None]);
    let nobody = thumb(SubscriberId(99), paper, Thumb::More);
    assert_eq!(
        store.give_feedback(&nobody, noon()).unwrap(),
        FeedbackChange::Unknown
    );
    let nothing = thumb(reader, PaperRow(99), Thumb::More);
    assert_eq!(
        store.give_feedback(&nothing, noon()).unwrap(),
        FeedbackChange::Unknown
    );
}

#[test]
fn a_thumb_stores_issue_rank_and_interest_of_its_pick() {
    let (mut store, reader, [first, second]) = furnished();
    store
        .enqueue_issues(&[issue(reader, &[second, first])], noon())
        .unwrap();
    store
        .give_feedback(&thumb(reader, first, Thumb::Save), noon())
        .unwrap();
    let said = store.feedback_of(&[reader]).unwrap();
    assert_eq!(said[0].interest.as_deref(), Some("Rings"));
    assert_eq!(
        (said[0].rank, said[0].local_date),
        (Some(2), Some(noon().date_naive()))
    );
    let ranks = store.thumbs_by_rank(noon() - TimeDelta::days(1)).unwrap();
    let seen: Vec<_> = ranks
        .iter()
        .map(|at| (at.rank, at.shown, at.save))
        .collect();
    assert_eq!(seen, [(1, 1, 0), (2, 1, 1)]);
    let saved = store.saved_papers(reader).unwrap();
    assert_eq!((saved.len(), saved[0].0.row), (1, first));
    assert_eq!(store.likes_by_paper(noon()).unwrap().len(), 1);
    assert!(
        store
            .likes_by_paper(noon() + TimeDelta::seconds(1))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn feedback_is_erased_with_the_reader() {
    let (mut store, reader, [paper, _]) = furnished();
    store
        .give_feedback(&thumb(reader, paper, Thumb::More), noon())
        .unwrap();
    assert!(store.mute_author(reader, "A. B.", noon()).unwrap());
    assert!(!store.mute_author(reader, "A. B.", noon()).unwrap());
    store.remove_subscriber(reader, noon()).unwrap();
    assert!(
        store
            .likes_by_paper(DateTime::UNIX_EPOCH)
            .unwrap()
            .is_empty()
    );
    assert!(store.muted_authors(&[reader]).unwrap().is_empty());
}

#[test]
fn clicks_are_stored_with_their_mail_and_deleted_in_time() {
    let (mut store, reader, [paper, _]) = furnished();
    let click = |store: &mut dyn Store, paper: PaperRow, at: DateTime<Utc>| {
        let click = Click {
            subscriber: reader,
            paper,
            at,
            is_head: false,
            agent: Agent::Browser,
            network: "192.0.2.0/24".to_owned(),
        };
        store.record_click(&click).unwrap();
    };
    store
        .enqueue_issues(&[issue(reader, &[paper])], noon())
        .unwrap();
    click(&mut store, paper, noon() + TimeDelta::milliseconds(250));
    click(&mut store, PaperRow(99), noon());
    let clicks = store.clicks_of(&[reader]).unwrap();
    assert_eq!(clicks.len(), 1, "a paper that is not there is not clicked");
    assert!(clicks[0].issue.is_some() && clicks[0].delivered_at.is_none());
    assert_eq!(clicks[0].click.at, noon() + TimeDelta::milliseconds(250));
    assert_eq!(
        store.forget_old(RetentionClass::Clicks, noon(), 9).unwrap(),
        0
    );
    assert_eq!(
        store
            .forget_old(RetentionClass::Clicks, noon() + TimeDelta::days(90), 9)
            .unwrap(),
        1
    );
}

/// Papers of two days on two subjects, by several people.
fn papers() -> String {
    let paper = |id: &str, title: &str, text: &str, author: &str, day: &str| {
        serde_json::json!({ "id": id, "title": title, "abstract": text, "authors": [author],
                            "categories": ["cs.LG"], "announced": day })
        .to_string()
    };
    let glaciers = "We measure how glaciers flow and how their ice melts in summer.";
    let proofs = "We search for formal proofs of theorems with a proof assistant.";
    let subjects = [
        "bees", "tides", "poems", "engines", "lenses", "taxes", "songs", "soils", "clocks", "dyes",
    ];
    let archive = (0..60).map(|at| {
        let subject = subjects[at % subjects.len()];
        let text = format!("We describe {subject} and count them; there are {at} kinds.");
        paper(
            &format!("2607.000{at:02}"),
            &format!("On {subject}"),
            &text,
            "Carl Linnaeus",
            "2026-07-01",
        )
    });
    let new = [
        paper(
            "2608.00001",
            "Glaciers in motion",
            glaciers,
            "Louis Agassiz",
            "2026-08-03",
        ),
        paper(
            "2608.00002",
            "Formal proofs at scale",
            proofs,
            "Emmy Noether",
            "2026-08-03",
        ),
        paper(
            "2608.00011",
            "Melting ice of glaciers",
            glaciers,
            "Horace Saussure",
            "2026-08-04",
        ),
        paper(
            "2608.00012",
            "Searching formal proofs",
            proofs,
            "Ada Lovelace",
            "2026-08-04",
        ),
        paper(
            "2608.00013",
            "Cooking with yeast",
            "We bake bread with wild yeast.",
            "Ada Lovelace",
            "2026-08-04",
        ),
        paper(
            "2608.00014",
            "Knots in ropes",
            "We tie knots and pull.",
            "Carl Gauss",
            "2026-08-04",
        ),
    ];
    archive.chain(new).collect::<Vec<_>>().join("\n") + "\n"
}

fn furnished_place() -> Place {
    let place = Place::new();
    place.write("papers.jsonl", &papers());
    place.said(&["papers", "import", "papers.jsonl"]);
    place.said(&["subscribers", "add", "a@example.org", "--min-score", "0"]);
    place
}

fn picks(place: &Place) -> Vec<(String, String, f64)> {
    let preview = place.json(&["preview", "a@example.org", "--date", "2026-08-04"]);
    let text = |pick: &Value, key: &str| pick[key].as_str().unwrap().to_owned();
    let picks = preview["picks"].as_array().unwrap().iter();
    picks
        .map(|pick| {
            (
                text(pick, "id"),
                text(pick, "section"),
                pick["score"].as_f64().unwrap(),
            )
        })
        .collect()
}

fn score(picks: &[(String, String, f64)], id: &str) -> f64 {
    picks
        .iter()
        .find(|pick| pick.0 == id)
        .map_or(0.0, |pick| pick.2)
}

#[test]
fn a_thumb_changes_the_very_next_issue_and_taking_it_back_undoes_that() {
    let place = furnished_place();
    place.said(&[
        "interests",
        "add",
        "a@example.org",
        "--name",
        "Nature",
        "--description",
        "ice and knots",
    ]);
    let before = picks(&place);
    place.said(&["feedback", "a@example.org", "2608.00002", "more"]);
    let liked = picks(&place);
    assert!(
        score(&liked, "2608.00012") > score(&before, "2608.00012"),
        "{before:?} {liked:?}"
    );
    place.said(&["feedback", "a@example.org", "2608.00002", "less"]);
    let disliked = picks(&place);
    assert!(
        score(&disliked, "2608.00012") <= score(&before, "2608.00012"),
        "{before:?} {disliked:?}"
    );
    place.said(&["feedback", "a@example.org", "2608.00002", "none"]);
    assert_eq!(picks(&place), before);
    place.said(&["feedback", "a@example.org", "2608.00011", "less"]);
    assert!(
        picks(&place).iter().all(|pick| pick.0 != "2608.00011"),
        "what is not wanted is not sent"
    );
}

#[test]
fn a_thumb_without_an_interest_goes_to_the_nearest_and_a_named_one_where_it_says() {
    let place = furnished_place();
    for (name, words) in [("Ice", "glaciers and ice"), ("Logic", "proofs of theorems")] {
        place.said(&[
            "interests",
            "add",
            "a@example.org",
            "--name",
            name,
            "--description",
            words,
        ]);
    }
    let section = |picks: &[(String, String, f64)], id: &str| {
        picks
            .iter()
            .find(|pick| pick.0 == id)
            .map(|pick| pick.1.clone())
            .unwrap_or_default()
    };
    place.said(&["feedback", "a@example.org", "2608.00002", "save"]);
    assert_eq!(section(&picks(&place), "2608.00012"), "Logic");
    place.said(&[
        "feedback",
        "a@example.org",
        "2608.00001",
        "more",
        "--interest",
        "logic",
    ]);
    let list = place.json(&["feedback", "list", "a@example.org"]);
    // Both may have been given within one second.
    let said = |id: &str| {
        list.as_array()
            .unwrap()
            .iter()
            .find(|said| said["id"] == id)
            .unwrap()
    };
    assert_eq!(
        (
            &said("2608.00001")["interest"],
            &said("2608.00001")["thumb"]
        ),
        (&"Logic".into(), &"more".into())
    );
    assert_eq!(said("2608.00002")["interest"], Value::Null);
    let (code, error) = place.refused(&[
        "feedback",
        "a@example.org",
        "2608.00001",
        "more",
        "--interest",
        "Tea",
    ]);
    assert!(code == 1 && error.contains("Ice, Logic"), "{error}");
}

#[test]
fn a_reader_of_the_trending_digest_who_likes_something_gets_picks_of_their_own_above_it() {
    let place = furnished_place();
    assert!(picks(&place).iter().all(|pick| pick.1 != "Your picks"));
    let all = picks(&place).len();
    place.said(&["feedback", "a@example.org", "2608.00001", "more"]);
    let picks = picks(&place);
    assert_eq!(
        (picks[0].0.as_str(), picks[0].1.as_str()),
        ("2608.00011", "Your picks"),
        "{picks:?}"
    );
    assert_eq!(picks.len(), all, "the rest of the digest stays: {picks:?}");
    assert!(picks.iter().any(|pick| pick.1 == "New papers"), "{picks:?}");
    assert_eq!(
        place.json(&["interests", "list", "a@example.org"]),
        serde_json::json!([])
    );
}

#[test]
fn authors_are_followed_and_muted_from_a_paper() {
    let place = furnished_place();
    place.said(&[
        "interests",
        "add",
        "a@example.org",
        "--name",
        "Ice",
        "--description",
        "glaciers and ice",
    ]);
    place.said(&[
        "feedback",
        "a@example.org",
        "2608.00012",
        "--follow",
        "A. Lovelace",
    ]);
    let followed = picks(&place);
    assert_eq!(
        followed
            .iter()
            .filter(|pick| pick.1 == "Authors you follow")
            .count(),
        2,
        "{followed:?}"
    );
    place.said(&[
        "feedback",
        "a@example.org",
        "2608.00011",
        "--mute",
        "Horace Saussure",
    ]);
    assert!(picks(&place).iter().all(|pick| pick.0 != "2608.00011"));
    assert_eq!(
        place.json(&["feedback", "muted", "a@example.org"]),
        serde_json::json!(["Horace Saussure"])
    );
    place.said(&[
        "feedback",
        "a@example.org",
        "2608.00011",
        "--unmute",
        "Horace Saussure",
    ]);
    assert_eq!(picks(&place), followed);
    let (code, error) = place.refused(&[
        "feedback",
        "a@example.org",
        "2608.00011",
        "--follow",
        "Nobody",
    ]);
    assert!(code == 1 && error.contains("by Horace Saussure"), "{error}");
    assert_eq!(
        place
            .refused(&["feedback", "a@example.org", "2608.00011"])
            .0,
        2
    );
    assert_eq!(
        place
            .refused(&["feedback", "a@example.org", "2608.99999", "more"])
            .0,
        1
    );
}

#[test]
fn readers_likes_are_votes_in_the_trending_order() {
    let place = furnished_place();
    let first =
        |place: &Place| place.json(&["papers", "trending", "--date", "2026-08-04"])[0].clone();
    assert_ne!(first(&place)["id"], "2608.00014");
    place.said(&["feedback", "a@example.org", "2608.00014", "more"]);
    let trending = first(&place);
    assert_eq!(
        (&trending["id"], &trending["upvotes"]),
        (&"2608.00014".into(), &1.into())
    );
    assert_eq!(
        place.json(&["papers", "show", "2608.00014"])["upvotes"],
        Value::Null,
        "the paper itself is unchanged"
    );
}
