//! Learned scores: how well each candidate fits the evidence of a profile.
//!
//! Each kind of evidence gives a [`Signal`]: words, people, fields, dense vectors.
//! Signals are standardised over the candidates and summed with their weights; a sum far
//! above the others' becomes a high probability. Candidates that are liked themselves are
//! left out of mean and deviation: each is more like itself than any other paper.

use super::Candidates;
use crate::profile::{Group, LinearModel, Profile, WordQuery};

/// Standard deviations above the mean of the candidates at which the probability is one
/// half, and its slope there. Fitted on `eval_arxiv_lists` and `eval_hf_submitters`.
pub(super) const HALF_AT: f32 = 3.0;
pub(super) const STEEPNESS: f32 = 1.2;

/// Cosine below which a common word may be chance, however rare it is on the day, and
/// cosine from which it is not.
const BY_CHANCE: f32 = 0.02;
const BEYOND_CHANCE: f32 = 0.06;

/// Least factor: far below the line only the order matters.
const CHANCE_MIN: f32 = 0.001;

/// Share of the asked words in the usual paper, and the share that makes one deviation:
/// fitted on some 400 questions of one to eight words and those of `eval_cranfield`, so
/// that a score of one half is right half of the time.
const ASKED_MEAN: f32 = 0.14;
const ASKED_SPREAD: f32 = 0.12;

/// Below this share a paper contains only a common word of what is asked.
const ASKED_BEYOND_CHANCE: f32 = 0.1;

/// Least standard deviations: those of a signal in which nothing matches.
const TEXT_SPREAD_MIN: f32 = 0.006;
const TRAINED_SPREAD_MIN: f32 = 0.02;
const PEOPLE_SPREAD_MIN: f32 = 0.01;
const FIELDS_SPREAD_MIN: f32 = 0.5;
const DENSE_SPREAD_MIN: f32 = 0.01;

/// Weight of categories beside words. A common category must count for little, so the
/// odds of categories are taken against the archive's.
const FIELDS_WEIGHT: f32 = 0.4;

/// Weight of people beside words for a reader whose liked papers all share authors; it
/// falls with the fourth power of that share, since a reader half of whose papers do
/// still reads by subject.
const PEOPLE_WEIGHT: f32 = 1.5;

/// Weight of dense vectors beside words.
const DENSE_WEIGHT: f32 = 0.5;

/// The same without liked papers, beside the asked words.
const ASKED_DENSE_WEIGHT: f32 = 0.1;

/// Score of a paper where the interest consists of categories alone.
const ONLY_CATEGORY: f32 = 0.5;

/// The kind of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// Words and pairs of words.
    Words,
    /// Authors of liked papers.
    People,
    /// Categories of liked papers.
    Fields,
    /// Dense vectors: similarity of meaning.
    Meaning,
}

/// One signal over all candidates.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Kind of the signal.
    pub kind: SignalKind,
    /// Its weight.
    pub weight: f32,
    /// Its value for each candidate.
    pub raw: Vec<f32>,
    /// The mean over the candidates.
    pub mean: f32,
    /// The standard deviation over the candidates, or the least one allowed.
    pub spread: f32,
}

impl Signal {
    /// `known` are the positions of liked candidates.
    fn new(kind: SignalKind, weight: f32, raw: Vec<f32>, known: &[usize], spread_min: f32) -> Self {
        let (mean, spread) = mean_and_spread(&raw, known, spread_min);
        Signal {
            kind,
            weight,
            raw,
            mean,
            spread,
        }
    }

    /// Its contribution to the sum of the candidate at `at`.
    pub fn contribution(&self, at: usize) -> f32 {
        self.weight * (self.raw[at] - self.mean) / self.spread
    }
}

/// The learned scores of all candidates for one profile, with their signals.
#[derive(Debug, Clone)]
pub struct LearnedScores {
    /// The signals.
    pub signals: Vec<Signal>,
    /// Mean of the sums over the candidates.
    pub mean: f32,
    /// Their standard deviation.
    pub spread: f32,
    /// Evidence against chance for each candidate, 0 to 1.
    pub beyond_chance: Vec<f32>,
    /// Score of each candidate, 0 to 1.
    pub scores: Vec<f32>,
}

impl LearnedScores {
    /// Scores every candidate; `dense` is the result of [`Candidates::dense_scores`] for the
    /// profile. Without anything to learn from, scores are zero or those of the category.
    pub fn of(candidates: &Candidates, profile: &Profile, dense: Option<&[f32]>) -> Self {
        let count = candidates.len();
        if let Some(asked) = profile.words_alone() {
            return LearnedScores::asked(candidates, profile, asked, dense);
        }
        if profile.text.0.is_empty() && profile.people.0.is_empty() {
            let score = if profile.categories.is_empty() {
                0.0
            } else {
                ONLY_CATEGORY
            };
            return LearnedScores {
                signals: Vec::new(),
                mean: 0.0,
                spread: 1.0,
                beyond_chance: vec![1.0; count],
                scores: vec![score; count],
            };
        }
        let known = candidates.with_keys(&profile.known);
        let mut words = candidates.products(&profile.text);
        for (product, common) in words.iter_mut().zip(candidates.commonness()) {
            *product -= common;
        }
        let people = candidates.people_products(profile);
        let mut beyond_chance: Vec<f32> = words
            .iter()
            .zip(&people)
            .map(|(words, people)| {
                let by_words = (words - BY_CHANCE) / (BEYOND_CHANCE - BY_CHANCE);
                by_words.max(people / BEYOND_CHANCE).clamp(CHANCE_MIN, 1.0)
            })
            .collect();
        if let Some(asked) = &profile.asked {
            // One or two liked papers share few words with any other, so the asked words count as
            // evidence against chance, too.
            for (beyond, answer) in beyond_chance
                .iter_mut()
                .zip(answers(candidates, profile, asked))
            {
                *beyond = beyond.max(answered(answer));
            }
        }
        let people_weight = PEOPLE_WEIGHT * profile.people_weight.powi(4);
        let mut signals = match &profile.trained {
            Some(trained) => trained_parts(candidates, trained, &known).to_vec(),
            None => vec![
                Signal::new(SignalKind::Words, 1.0, words, &known, TEXT_SPREAD_MIN),
                Signal::new(
                    SignalKind::Fields,
                    FIELDS_WEIGHT,
                    candidates.field_sums(&profile.fields),
                    &known,
                    FIELDS_SPREAD_MIN,
                ),
            ],
        };
        signals.push(Signal::new(
            SignalKind::People,
            people_weight,
            people,
            &known,
            PEOPLE_SPREAD_MIN,
        ));
        if let Some(dense) = dense {
            signals.push(Signal::new(
                SignalKind::Meaning,
                DENSE_WEIGHT,
                dense.to_vec(),
                &known,
                DENSE_SPREAD_MIN,
            ));
        }
        signals.retain(|signal| signal.weight > 0.0);
        let sums: Vec<f32> = (0..count)
            .map(|at| signals.iter().map(|signal| signal.contribution(at)).sum())
            .collect();
        let (mean, spread) = mean_and_spread(&sums, &known, 1.0);
        let scores = sums
            .iter()
            .zip(&beyond_chance)
            .map(|(sum, chance)| surprise((sum - mean) / spread) * chance);
        LearnedScores {
            scores: scores.collect(),
            signals,
            mean,
            spread,
            beyond_chance,
        }
    }

    /// Scores by the asked words alone, which are not compared with the day's papers.
    fn asked(
        candidates: &Candidates,
        profile: &Profile,
        asked: &WordQuery,
        dense: Option<&[f32]>,
    ) -> Self {
        let raw = answers(candidates, profile, asked);
        let beyond_chance: Vec<f32> = raw.iter().copied().map(answered).collect();
        let mut signals = vec![Signal {
            kind: SignalKind::Words,
            weight: 1.0,
            raw,
            mean: ASKED_MEAN,
            spread: ASKED_SPREAD,
        }];
        if let Some(dense) = dense {
            // Nothing is liked, so no candidate is.
            signals.push(Signal::new(
                SignalKind::Meaning,
                ASKED_DENSE_WEIGHT,
                dense.to_vec(),
                &[],
                DENSE_SPREAD_MIN,
            ));
        }
        let count = candidates.len();
        let sums: Vec<f32> = (0..count)
            .map(|at| signals.iter().map(|signal| signal.contribution(at)).sum())
            .collect();
        let scores = sums
            .iter()
            .zip(&beyond_chance)
            .map(|(sum, chance)| surprise(*sum) * chance)
            .collect();
        LearnedScores {
            signals,
            mean: 0.0,
            spread: 1.0,
            beyond_chance,
            scores,
        }
    }
}

/// The share of the asked words in each candidate, less its share of disliked words.
fn answers(candidates: &Candidates, profile: &Profile, asked: &WordQuery) -> Vec<f32> {
    let mut answers = candidates.answers(asked);
    if !profile.refused.0.is_empty() {
        for (answer, refused) in answers
            .iter_mut()
            .zip(candidates.products(&profile.refused))
        {
            *answer += refused;
        }
    }
    answers
}

/// Evidence against chance of such a share.
fn answered(answer: f32) -> f32 {
    (answer / ASKED_BEYOND_CHANCE).clamp(CHANCE_MIN, 1.0)
}

/// The weight of each word of the candidate at `at` in the profile, and in the paper.
pub(super) fn word_shares(
    candidates: &Candidates,
    profile: &Profile,
    at: usize,
) -> Vec<(u32, f32, f32)> {
    if let Some(asked) = profile.words_alone() {
        return candidates.asked_of(asked, at);
    }
    let group = candidates.features(at).group(Group::Text).iter();
    let shares = group.map(|&(term, weight)| (term, profile.words().weight(term), weight));
    shares.filter(|(_, weight, _)| *weight != 0.0).collect()
}

/// The correction of the word signal: for common words, for disliked words, or for a
/// paper that served as a negative example.
pub(super) fn beside_words(candidates: &Candidates, profile: &Profile, at: usize) -> f32 {
    match (profile.words_alone(), &profile.trained) {
        (Some(_), _) => profile.refused.dot(candidates.features(at)),
        (None, Some(trained)) => candidates.given_back(trained)[at],
        (None, None) => -candidates.commonness()[at],
    }
}

/// Words and categories that were learned together are standardised together.
fn trained_parts(candidates: &Candidates, trained: &LinearModel, known: &[usize]) -> [Signal; 2] {
    let mut words = candidates.products(&trained.text);
    for (sum, back) in words.iter_mut().zip(candidates.given_back(trained)) {
        *sum += back;
    }
    let fields = candidates.field_sums(&trained.fields);
    let both: Vec<f32> = words
        .iter()
        .zip(&fields)
        .map(|(words, fields)| words + fields)
        .collect();
    let (_, spread) = mean_and_spread(&both, known, TRAINED_SPREAD_MIN);
    let signal = |kind, raw| Signal {
        spread,
        ..Signal::new(kind, 1.0, raw, known, TRAINED_SPREAD_MIN)
    };
    [
        signal(SignalKind::Words, words),
        signal(SignalKind::Fields, fields),
    ]
}

/// The probability at this number of deviations.
pub(super) fn surprise(deviations: f32) -> f32 {
    1.0 / (1.0 + (-(deviations - HALF_AT) * STEEPNESS).exp())
}

/// Mean and standard deviation of all but the values at `known`.
fn mean_and_spread(values: &[f32], known: &[usize], least: f32) -> (f32, f32) {
    let usual = || {
        values
            .iter()
            .enumerate()
            .filter(|(at, _)| !known.contains(at))
            .map(|(_, value)| *value)
    };
    let count = (values.len() - known.len()).max(1) as f32;
    let mean = usual().sum::<f32>() / count;
    let variance = usual().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
    (mean, variance.sqrt().max(least))
}
