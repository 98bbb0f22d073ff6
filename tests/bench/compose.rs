//! Rendering a digest of 15 papers, text and HTML: with the cache of papers, against
//! rendering every template for every reader.
//!
//! `cargo bench --bench compose`. Both ways render the same issues in turn in one process;
//! the median of the rounds counts. Fails below the bar.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program to be run by hand and by the check"
)]

use chrono::NaiveDate;
use paperboy::digest::{
    Accent, Branding, DayCovered, DigestSettings, FragmentCache, Issue, IssuePick, IssueSection,
    Recipient, Templates, render,
};
use paperboy::links::Thumbs;
use paperboy::paper::Paper;
use paperboy::pick::{Reason, Section};
use paperboy::subscriber::{Address, Preferences};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const READERS: usize = 120;
const PAPERS: usize = 640;
const PICKS: usize = 15;
const ROUNDS: usize = 5;
/// Required ratio.
const BAR: f64 = 5.0;

fn main() {
    let templates = Templates::load(&DigestSettings::default()).unwrap();
    let branding = Branding {
        name: "Papers at Example".to_owned(),
        base_url: "https://digest.example.org".to_owned(),
        contact: "librarian@example.org".to_owned(),
        accent: Accent::default(),
        logo: None,
    };
    let papers: Vec<Arc<Paper>> = (0..PAPERS).map(paper).map(Arc::new).collect();
    let issues: Vec<Issue> = (0..READERS).map(|reader| issue(&papers, reader)).collect();
    let address: Address = "ada@example.net".parse().unwrap();
    let preferences = Preferences::default();
    let recipients: Vec<Recipient<'_>> = (0..READERS)
        .map(|at| recipient(&address, &preferences, at))
        .collect();

    let round = |fragments: &FragmentCache| {
        let start = Instant::now();
        for (issue, recipient) in issues.iter().zip(&recipients) {
            black_box(render(&templates, fragments, issue, recipient, &branding).unwrap());
        }
        start.elapsed().as_secs_f64() / READERS as f64
    };
    let (shared, anew) = (FragmentCache::default(), FragmentCache::disabled());
    for (issue, recipient) in issues.iter().zip(&recipients).take(20) {
        let alone = render(&templates, &anew, issue, recipient, &branding).unwrap();
        assert_eq!(
            render(&templates, &shared, issue, recipient, &branding).unwrap(),
            alone
        );
    }
    // An edition has far more readers than papers, so the cache is warm.
    round(&shared);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(round(&anew));
        with.push(round(&shared));
    }
    let middle = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (with, without) = (middle(&mut with), middle(&mut without));
    let ratio = without / with;
    println!(
        "one digest of {PICKS} papers: {:.0} us, each anew {:.0} us: {ratio:.1} times faster",
        with * 1e6,
        without * 1e6
    );
    assert!(ratio >= BAR, "the bar is {BAR} times");
}

fn paper(at: usize) -> Paper {
    let sentence = |number: usize| {
        format!(
            "Sentence {number} of paper {at} says what was measured on {} towers, and how well it went. ",
            at + number
        )
    };
    Paper {
        abstract_text: format!(
            "Lamps of kind {at} are hard to clean. {}We introduce a brush on rails. {}",
            (0..4).map(sentence).collect::<String>(),
            (4..9).map(sentence).collect::<String>()
        ),
        authors: (0..4 + at % 9)
            .map(|author| format!("Keeper {author} of the {at}th Tower"))
            .collect(),
        categories: vec!["cs.LG".to_owned(), "cs.RO".to_owned()],
        announced: Some(today()),
        ..Paper::new(
            format!("2611.{at:05}").parse().unwrap(),
            format!("On the {at}th Way of Cleaning Lighthouse Lamps by Clockwork"),
        )
    }
}

fn issue(papers: &[Arc<Paper>], reader: usize) -> Issue {
    let pick = |at: usize| IssuePick {
        // Most readers share most of their papers with others.
        paper: Arc::clone(&papers[(reader * 7 + at * 13) % papers.len()]),
        score: 1.0 - at as f32 / 20.0,
        reasons: vec![
            Reason::Keyword(format!("phrase {reader}")),
            Reason::Terms(vec!["lamps".to_owned(), format!("tower {at}")]),
        ],
        followed: Vec::new(),
        row: Some(at as i64),
        news: None,
    };
    let section = |number: usize, picks: std::ops::Range<usize>| IssueSection {
        section: Section::Interest(format!("Interest {number}")),
        terms: vec![format!("{} towers", reader % 5), "clockwork".to_owned()],
        picks: picks.map(pick).collect(),
    };
    Issue {
        local_date: today(),
        covers: vec![DayCovered {
            date: today(),
            papers: 642,
            arrived: vec!["cs.LG".to_owned()],
            awaited: Vec::new(),
        }],
        sections: vec![section(1, 0..8), section(2, 8..PICKS)],
        no_room: 3,
        below_the_line: 600,
        considered: 642,
        note: None,
        is_first: false,
    }
}

fn recipient<'a>(address: &'a Address, preferences: &'a Preferences, at: usize) -> Recipient<'a> {
    let url = |path: &str| format!("https://digest.example.org/{path}?t=0415qxpcp803n1kp{at:04}");
    Recipient {
        address,
        name: "Ada",
        preferences,
        unsubscribe_url: url("unsubscribe"),
        unsubscribe_mailto: None,
        preferences_url: url("preferences"),
        view_url: url("issues"),
        thumbs: Thumbs::below(url("feedback")),
    }
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()
}
