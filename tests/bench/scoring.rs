//! Dense scores of 1,500 papers for 100,000 interests, beside the product of the
//! same matrices alone. The bar is a ratio of 0.3.
#![expect(clippy::print_stdout, reason = "a measurement is printed")]

mod archive;

use ndarray::{Array2, linalg::general_mat_mul};
use paperboy::embedding::{Embedder, SvdEmbedder};
use paperboy::profile::features::{given_names, weigh};
use paperboy::profile::{
    Background, DenseBackground, Example, Profile, TermCounter, TrainingPapers,
};
use paperboy::ranking::Candidates;
use paperboy::subscriber::Interest;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAPERS: usize = 1_500;
const INTERESTS: usize = 100_000;
/// As many as come together in one page of subscribers.
const PAGE: usize = 512;

fn main() {
    let papers = archive::papers(6_000);
    let mut counter = TermCounter::new();
    let counted: Vec<_> = papers.iter().map(|paper| counter.paper(paper)).collect();
    let mut background = Background::default();
    for terms in &counted {
        background.count(terms);
    }
    background.settle();
    let maker = SvdEmbedder::learn(&counted).expect("the archive is large enough");
    let vectors: Vec<Vec<f32>> = counted
        .iter()
        .map(|terms| maker.embed_terms(terms))
        .collect();
    let dense = DenseBackground::learn(maker.name(), &vectors).expect("papers differ");
    let today = papers[..PAPERS]
        .iter()
        .map(|paper| (Arc::new(paper.clone()), chrono::DateTime::default()))
        .collect();
    let candidates =
        Candidates::prepare(today, &background).with_dense(maker.name(), &vectors[..PAPERS]);
    let profiles: Vec<Profile> = (0..PAGE)
        .map(|at| {
            let example = Example {
                title: String::new(),
                features: Arc::new(weigh(&counted[at], &background)),
                names: Arc::new(given_names(&papers[at].authors)),
                dense: Some(Arc::new(vectors[at].clone())),
                weight: 1.0,
            };
            let evidence = TrainingPapers {
                liked: vec![example],
                ..TrainingPapers::default()
            };
            Profile::learn(
                &Interest::default(),
                evidence,
                &background,
                Some(&dense),
                &mut counter,
            )
        })
        .collect();
    let profiles: Vec<&Profile> = profiles.iter().collect();

    let pages = INTERESTS.div_ceil(PAGE);
    let width = maker.dimensions();
    let left = Array2::from_shape_fn((PAGE, width), |(row, column)| {
        ((row * 7 + column) % 13) as f32 / 13.0
    });
    let right = Array2::from_shape_fn((width, PAPERS), |(row, column)| {
        ((row * 5 + column) % 11) as f32 / 11.0
    });
    let mut product = Array2::zeros((PAGE, PAPERS));
    // One thread each, in turns, so that whatever else runs here slows both.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("one thread can be had");
    let (mut ours, mut bare) = (Duration::ZERO, Duration::ZERO);
    pool.install(|| {
        for _ in 0..pages {
            let start = Instant::now();
            black_box(candidates.dense_scores(&profiles));
            ours += start.elapsed();
            let start = Instant::now();
            general_mat_mul(1.0, &left, &right, 0.0, &mut product);
            black_box(&product);
            bare += start.elapsed();
        }
    });
    println!(
        "scoring: {INTERESTS} interests × {PAPERS} papers × {width} numbers on one core: {:.2} s; bare sgemm: {:.2} s; ratio {:.2}",
        ours.as_secs_f64(),
        bare.as_secs_f64(),
        bare.as_secs_f64() / ours.as_secs_f64()
    );
}
