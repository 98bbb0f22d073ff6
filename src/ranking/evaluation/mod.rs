//! Evaluation of rankings on people whose choices are known. Pure.
//!
//! A [`Case`] is one ranking task (a day's candidates, a query's), a [`Ranker`] gives
//! each candidate a score, and [`metrics`] compare the order with the person's choices.
//! The production ranker is the code that `publish` runs; the [`references`] are our own
//! implementations of published rankers.

pub mod metrics;
pub mod references;
mod svm;

use super::{Candidates, Days, Request, score};
use crate::embedding::svd::LEARN_MAX;
use crate::embedding::{Embedder, SvdEmbedder};
use crate::paper::{Paper, PaperId};
use crate::profile::features::given_names;
use crate::profile::{Background, DenseBackground, Example, Profile, TermCounter, TrainingPapers};
use crate::subscriber::Interest;
use chrono::{DateTime, NaiveDate, Utc};
use metrics::Metrics;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// One person of a dataset.
#[derive(Debug, Clone)]
pub struct User {
    /// A pseudonym.
    pub name: String,
    /// Positions of the papers that they liked before.
    pub profile: Vec<PaperId>,
    /// Their ranking tasks.
    pub cases: Vec<Case>,
}

/// One ranking task.
#[derive(Debug, Clone)]
pub struct Case {
    /// The candidates.
    pub pool: Pool,
    /// Grades of the chosen papers; all others have grade 0.
    pub relevance: HashMap<PaperId, f64>,
}

/// The candidates of a case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pool {
    /// All papers that are no queries.
    All,
    /// Those announced on a day.
    Day(NaiveDate),
    /// A list, as positions among the papers.
    These(Vec<usize>),
}

/// Papers and people.
#[derive(Debug, Default)]
pub struct Dataset {
    /// Every paper.
    pub papers: Vec<Arc<Paper>>,
    /// Positions of pseudo-papers that are queries: never candidates.
    pub queries: HashSet<usize>,
    /// The people.
    pub users: Vec<User>,
}

impl Dataset {
    /// Positions of the candidates of a pool, in order.
    fn members(&self, pool: &Pool) -> Vec<usize> {
        match pool {
            Pool::All => (0..self.papers.len())
                .filter(|at| !self.queries.contains(at))
                .collect(),
            Pool::Day(day) => (0..self.papers.len())
                .filter(|&at| self.papers[at].announced == Some(*day))
                .collect(),
            Pool::These(members) => members.clone(),
        }
    }
}

/// Gives scores: higher is better.
pub trait Ranker: Sync {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Prepares the data that all people share of one pool, then scores it for each person,
    /// who likes the papers at `liked`. Positions are those of the dataset.
    fn score(&self, pool: &[usize], people: &[&[usize]]) -> Vec<Vec<f32>>;
}

/// The result of a ranker.
#[derive(Debug, Clone)]
pub struct RankerResult {
    /// The ranker's name.
    pub ranker: &'static str,
    /// Means over the people.
    pub mean: Metrics,
    /// The values of each person, in their order.
    pub people: Vec<Metrics>,
}

/// Runs `ranker` on every case; means over cases first, then over people.
pub fn evaluate(dataset: &Dataset, ranker: &dyn Ranker, mut step: impl FnMut(u64)) -> RankerResult {
    let by_id: HashMap<&PaperId, usize> = dataset
        .papers
        .iter()
        .enumerate()
        .map(|(at, p)| (&p.id, at))
        .collect();
    let liked: Vec<Vec<usize>> = dataset
        .users
        .iter()
        .map(|user| {
            user.profile
                .iter()
                .filter_map(|id| by_id.get(id).copied())
                .collect()
        })
        .collect();
    // Pool by pool: the prepared data serves everybody and is dropped afterwards.
    let mut pools: BTreeMap<&Pool, Vec<(usize, &Case)>> = BTreeMap::new();
    for (at, user) in dataset.users.iter().enumerate() {
        for case in &user.cases {
            pools.entry(&case.pool).or_default().push((at, case));
        }
    }
    let mut reached: Vec<Vec<Metrics>> = vec![Vec::new(); dataset.users.len()];
    let mut done = 0;
    for (pool, cases) in pools {
        let members = dataset.members(pool);
        let people: Vec<&[usize]> = cases.iter().map(|(at, _)| liked[*at].as_slice()).collect();
        let scores = ranker.score(&members, &people);
        for ((at, case), scores) in cases.iter().zip(scores) {
            let known: HashSet<usize> = liked[*at].iter().copied().collect();
            let graded: Vec<(f32, f64)> = members
                .iter()
                .zip(scores)
                .filter(|(member, _)| !known.contains(member))
                .map(|(&member, score)| {
                    (
                        score,
                        case.relevance
                            .get(&dataset.papers[member].id)
                            .copied()
                            .unwrap_or(0.0),
                    )
                })
                .collect();
            reached[*at].push(metrics::measure(&graded));
            done += 1;
            step(done);
        }
    }
    let people: Vec<Metrics> = reached.iter().map(|cases| Metrics::mean(cases)).collect();
    RankerResult {
        ranker: ranker.name(),
        mean: Metrics::mean(&people),
        people,
    }
}

/// The ranker that `publish` uses.
pub struct Production<'a> {
    papers: &'a [Arc<Paper>],
    background: Background,
    dense: Option<(DenseBackground, Vec<Vec<f32>>)>,
    /// Whether liked papers are taken for words that were typed.
    by_words: bool,
    /// Positions of papers that are words.
    queries: HashSet<usize>,
}

impl<'a> Production<'a> {
    /// Learns the background from all of `papers`. Dense vectors are by `embedder`, or
    /// without one learned from the papers themselves.
    pub fn new(papers: &'a [Arc<Paper>], embedder: Option<&dyn Embedder>) -> Self {
        let mut background = Background::default();
        let counted: Vec<_> = papers
            .par_iter()
            .map_init(TermCounter::new, |counter, paper| counter.paper(paper))
            .collect();
        for terms in &counted {
            background.count(terms);
        }
        background.settle();
        let learned = if embedder.is_none() {
            SvdEmbedder::learn(&sample(&counted))
        } else {
            None
        };
        let dense = embedder
            .or(learned.as_ref().map(|learned| learned as &dyn Embedder))
            .and_then(|embedder| {
                let vectors =
                    embedder.embed(&papers.iter().map(|paper| &**paper).collect::<Vec<_>>());
                Some((
                    DenseBackground::learn(embedder.name(), &sample(&vectors))?,
                    vectors,
                ))
            });
        Production {
            papers,
            background,
            dense,
            by_words: false,
            queries: HashSet::new(),
        }
    }

    /// The ranker for people who typed the texts of their profile: interests with words and
    /// without papers.
    #[must_use]
    pub fn by_words(self) -> Self {
        Production {
            by_words: true,
            ..self
        }
    }

    /// The ranker for people who typed the texts of the papers at `queries`.
    #[must_use]
    pub fn with_queries(self, queries: HashSet<usize>) -> Self {
        Production { queries, ..self }
    }

    /// The interest and the evidence of a person who likes the papers at `liked`.
    fn taught(&self, liked: &[usize]) -> (Interest, TrainingPapers) {
        let named = Interest {
            name: "the profile".to_owned(),
            ..Interest::default()
        };
        if self.by_words || !liked.is_empty() && liked.iter().all(|at| self.queries.contains(at)) {
            let text = |at: &usize| {
                let paper = &self.papers[*at];
                format!("{}. {}", paper.title, paper.abstract_text)
            };
            let description = liked.iter().map(text).collect::<Vec<_>>().join("\n");
            // Embedders treat words like a paper with that title.
            let mean = self
                .dense
                .as_ref()
                .map(|(_, vectors)| mean_of(liked.iter().map(|at| &vectors[*at])));
            return (
                Interest {
                    description,
                    ..named
                },
                TrainingPapers {
                    words: mean,
                    ..TrainingPapers::default()
                },
            );
        }
        let liked_ids = liked.iter().map(|&at| self.papers[at].id.clone()).collect();
        (
            Interest {
                liked: liked_ids,
                ..named
            },
            TrainingPapers {
                liked: self.examples(liked),
                ..TrainingPapers::default()
            },
        )
    }

    fn examples(&self, liked: &[usize]) -> Vec<Example> {
        let mut counter = TermCounter::new();
        let features = |at: usize, counter: &mut TermCounter| {
            crate::profile::features::weigh(&counter.paper(&self.papers[at]), &self.background)
        };
        liked
            .iter()
            .map(|&at| Example {
                title: self.papers[at].title.clone(),
                features: Arc::new(features(at, &mut counter)),
                names: Arc::new(given_names(&self.papers[at].authors)),
                dense: self
                    .dense
                    .as_ref()
                    .map(|(_, vectors)| Arc::new(vectors[at].clone())),
                weight: 1.0,
            })
            .collect()
    }
}

fn mean_of<'a>(vectors: impl Iterator<Item = &'a Vec<f32>> + Clone) -> Vec<f32> {
    let count = vectors.clone().count().max(1) as f32;
    let mut mean = vec![0.0; vectors.clone().next().map_or(0, Vec::len)];
    for vector in vectors {
        for (sum, value) in mean.iter_mut().zip(vector) {
            *sum += value / count;
        }
    }
    mean
}

/// Every n-th item, as many as are learned from.
fn sample<T: Clone>(all: &[T]) -> Vec<T> {
    all.iter()
        .step_by(all.len().div_ceil(LEARN_MAX).max(1))
        .cloned()
        .collect()
}

impl Ranker for Production<'_> {
    fn name(&self) -> &'static str {
        "paperboy"
    }

    fn score(&self, pool: &[usize], people: &[&[usize]]) -> Vec<Vec<f32>> {
        // The day does not matter here: the pool is the day.
        let (day, seen_at) = (NaiveDate::default(), DateTime::<Utc>::default());
        let papers = pool.iter().map(|&at| {
            let paper = Paper {
                announced: Some(day),
                ..(*self.papers[at]).clone()
            };
            (Arc::new(paper), seen_at)
        });
        let mut candidates = Candidates::prepare(papers.collect(), &self.background);
        if let Some((background, vectors)) = &self.dense {
            let vectors: Vec<Vec<f32>> = pool.iter().map(|&at| vectors[at].clone()).collect();
            candidates = candidates.with_dense(&background.maker, &vectors);
        }
        let days = Days::from([(day, None)]);
        people
            .par_iter()
            .map_init(TermCounter::new, |counter, liked| {
                let (interest, evidence) = self.taught(liked);
                let dense = self.dense.as_ref().map(|(background, _)| background);
                let profile = Profile::learn(&interest, evidence, &self.background, dense, counter);
                let sent = HashSet::new();
                let request = Request {
                    days: &days,
                    sent: &sent,
                    max_papers: pool.len(),
                    min_score: 0.0,
                    min_papers: 0,
                };
                let mut scores = vec![f32::MIN; pool.len()];
                let dense = candidates.dense_scores(&[&profile]).remove(0);
                for scored in score::score(&candidates, &profile, dense.as_deref(), &request) {
                    scores[scored.candidate] = scored.score;
                }
                scores
            })
            .collect()
    }
}
