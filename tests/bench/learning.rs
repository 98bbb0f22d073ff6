//! Learning one interest from 20 liked papers, beside training arxiv-sanity-lite's
//! SVM (our own writing of it) on the same papers. `learning.py` runs this beside
//! scikit-learn's.
#![expect(clippy::print_stdout, reason = "a measurement is printed")]

mod archive;

use paperboy::embedding::{Embedder, SvdEmbedder};
use paperboy::profile::features::{given_names, weigh};
use paperboy::profile::{
    Background, DenseBackground, Example, Profile, TermCounter, TrainingPapers,
};
use paperboy::ranking::evaluation::Ranker;
use paperboy::ranking::evaluation::references::SanitySvm;
use paperboy::subscriber::Interest;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const LIKED: usize = 20;
const ROUNDS: u32 = 2_000;

fn main() {
    let papers = archive::papers(75_000);
    let mut counter = TermCounter::new();
    let counted: Vec<_> = papers.iter().map(|paper| counter.paper(paper)).collect();
    let mut background = Background::default();
    for terms in &counted {
        background.count(terms);
    }
    background.settle();
    let sample: Vec<_> = counted
        .iter()
        .step_by(counted.len().div_ceil(20_000))
        .cloned()
        .collect();
    let start = Instant::now();
    let maker = SvdEmbedder::learn(&sample).expect("the archive is large enough");
    let of_maker = start.elapsed();
    let vectors: Vec<Vec<f32>> = sample
        .iter()
        .map(|terms| maker.embed_terms(terms))
        .collect();
    let dense = DenseBackground::learn(maker.name(), &vectors).expect("papers differ");

    let liked: Vec<usize> = (0..LIKED).map(|at| at * 60 % papers.len()).collect();
    let examples: Vec<Example> = liked
        .iter()
        .map(|&at| Example {
            title: papers[at].title.clone(),
            features: Arc::new(weigh(&counted[at], &background)),
            names: Arc::new(given_names(&papers[at].authors)),
            dense: Some(Arc::new(maker.embed_terms(&counted[at]))),
            weight: 1.0,
        })
        .collect();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let evidence = TrainingPapers {
            liked: examples.clone(),
            ..TrainingPapers::default()
        };
        black_box(Profile::learn(
            &Interest::default(),
            evidence,
            &background,
            Some(&dense),
            &mut counter,
        ));
    }
    let ours = start.elapsed() / ROUNDS;

    let papers: Vec<Arc<_>> = papers.into_iter().map(Arc::new).collect();
    let svm = SanitySvm::new(&papers);
    let start = Instant::now();
    black_box(svm.score(&[0], &[&liked]));
    let theirs = start.elapsed();
    println!(
        "learning: {} papers, {LIKED} liked: {:.1} µs; our SVM: {:.1} ms; {:.0} × faster (learning the vectors of the archive, once: {:.1} s)",
        papers.len(),
        ours.as_secs_f64() * 1e6,
        theirs.as_secs_f64() * 1e3,
        theirs.as_secs_f64() / ours.as_secs_f64(),
        of_maker.as_secs_f64()
    );
}
