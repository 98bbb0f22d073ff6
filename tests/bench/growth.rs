//! Whether work grows as it should: ten times the subscribers, ten times the
//! papers, ten times both together. The bar is 12 times the time.
#![expect(clippy::print_stdout, reason = "a measurement is printed")]

mod archive;

use paperboy::paper::Paper;
use paperboy::profile::features::{given_names, weigh};
use paperboy::profile::{Background, Example, Profile, TermCounter, TrainingPapers};
use paperboy::ranking::{self, Candidates, Days, Request};
use paperboy::subscriber::Interest;
use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Town {
    papers: Vec<Paper>,
    background: Background,
    examples: Vec<Example>,
}

impl Town {
    /// Prepares a day of `papers` and picks for `readers`, each of whom likes five papers.
    fn publishes(&self, readers: usize, papers: usize) -> Duration {
        let start = Instant::now();
        let day = chrono::NaiveDate::default();
        let today = self.papers[..papers].iter().map(|paper| {
            let paper = Paper {
                announced: Some(day),
                ..paper.clone()
            };
            (Arc::new(paper), chrono::DateTime::<chrono::Utc>::default())
        });
        let candidates = Candidates::prepare(today.collect(), &self.background);
        let (days, sent) = (Days::from([(day, None)]), HashSet::new());
        let request = Request {
            days: &days,
            sent: &sent,
            max_papers: 15,
            min_papers: 0,
            min_score: 0.2,
        };
        let mut counter = TermCounter::new();
        for reader in 0..readers {
            let liked = (0..5)
                .map(|at| self.examples[(reader * 31 + at * 60) % self.examples.len()].clone())
                .collect();
            let evidence = TrainingPapers {
                liked,
                ..TrainingPapers::default()
            };
            let profile = Profile::learn(
                &Interest::default(),
                evidence,
                &self.background,
                None,
                &mut counter,
            );
            black_box(ranking::pick(&candidates, &[profile], &request));
        }
        start.elapsed()
    }

    fn fastest(&self, readers: usize, papers: usize) -> f64 {
        (0..3)
            .map(|_| self.publishes(readers, papers).as_secs_f64())
            .fold(f64::INFINITY, f64::min)
    }
}

fn main() {
    let papers = archive::papers(6_000);
    let mut counter = TermCounter::new();
    let mut background = Background::default();
    let counted: Vec<_> = papers.iter().map(|paper| counter.paper(paper)).collect();
    for terms in &counted {
        background.count(terms);
    }
    background.settle();
    let examples = counted.iter().zip(&papers).map(|(terms, paper)| Example {
        title: paper.title.clone(),
        features: Arc::new(weigh(terms, &background)),
        names: Arc::new(given_names(&paper.authors)),
        dense: None,
        weight: 1.0,
    });
    let town = Town {
        examples: examples.collect(),
        papers,
        background,
    };
    let rows = [
        ("10 × the subscribers", (100, 600), (1_000, 600)),
        ("10 × the papers", (300, 150), (300, 1_500)),
        ("10 × both together", (150, 300), (474, 949)),
    ];
    for (what, small, large) in rows {
        let (small, large) = (
            town.fastest(small.0, small.1),
            town.fastest(large.0, large.1),
        );
        println!(
            "growth: {what}: {:.0} ms to {:.0} ms: {:.1} × (bar: 12)",
            small * 1e3,
            large * 1e3,
            large / small
        );
    }
}
