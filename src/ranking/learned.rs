//! The learned score: how much a paper is what a profile was learned from.
//!
//! Each kind of evidence gives a [`Part`]: words, people, fields, dense vectors.
//! Parts are standardised over the candidates and summed with their weights; how
//! far a paper's sum stands above the others' becomes a probability. A candidate that
//! is liked itself is no measure for the others: it is more like itself than any of them.

use super::Candidates;
use crate::profile::{Group, LinearModel, Profile, WordQuery};

/// How surprising a paper must be, in standard deviations above the mean of the
/// candidates, to be as likely right as wrong; and how steep the way there is.
/// Fitted on `eval_arxiv_lists` and `eval_hf_submitters`.
pub(super) const HALF_AT: f32 = 3.0;
pub(super) const STEEPNESS: f32 = 1.2;

/// Below this cosine two texts share a word by chance, however rare that is on
/// the day; from the second one on, chance is out of the question.
const BY_CHANCE: f32 = 0.02;
const BEYOND_CHANCE: f32 = 0.06;

/// Far below the line, order is all that counts.
const CHANCE_MIN: f32 = 0.001;

/// How much of what is asked stands for the usual paper, and how much more of it for
/// one deviation: fitted on some 400 questions of one to eight words and those of
/// `eval_cranfield`, so that a paper that says one half is as likely right as wrong.
const ASKED_MEAN: f32 = 0.14;
const ASKED_SPREAD: f32 = 0.12;

/// Whoever says less of what is asked than this says a common word of it.
const ASKED_BEYOND_CHANCE: f32 = 0.1;

/// The least standard deviations: those of a group in which nothing matches.
const TEXT_SPREAD_MIN: f32 = 0.006;
const TRAINED_SPREAD_MIN: f32 = 0.02;
const PEOPLE_SPREAD_MIN: f32 = 0.01;
const FIELDS_SPREAD_MIN: f32 = 0.5;
const DENSE_SPREAD_MIN: f32 = 0.01;

/// How much the fields count beside the words (research/ranking.md: a common
/// category must count for little, so their odds are taken against the archive's).
const FIELDS_WEIGHT: f32 = 0.4;

/// How much people count beside the words for whoever follows nothing but
/// people; it falls steeply with how often they do: somebody half of whose papers
/// have an author in common with another one still reads by subject.
const PEOPLE_WEIGHT: f32 = 1.5;

/// How much dense vectors count beside the words.
const DENSE_WEIGHT: f32 = 0.5;

/// The same where nothing is liked yet, beside the words that are asked for.
const ASKED_DENSE_WEIGHT: f32 = 0.1;

/// The score of a paper that an interest asks for by its category alone.
const ONLY_CATEGORY: f32 = 0.5;

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Words and pairs of words.
    Words,
    /// Authors of liked papers.
    People,
    /// Categories of liked papers.
    Fields,
    /// Dense vectors: likeness of meaning.
    Meaning,
}

/// One kind of evidence over all candidates.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which kind.
    pub kind: Kind,
    /// How much it counts.
    pub weight: f32,
    /// What each candidate has of it.
    pub raw: Vec<f32>,
    /// The mean over the candidates.
    pub mean: f32,
    /// The standard deviation over the candidates, or the least that is counted with.
    pub spread: f32,
}

impl Part {
    /// `known` are the positions of those that are liked themselves.
    fn new(kind: Kind, weight: f32, raw: Vec<f32>, known: &[usize], spread_min: f32) -> Self {
        let (mean, spread) = mean_and_spread(&raw, known, spread_min);
        Part {
            kind,
            weight,
            raw,
            mean,
            spread,
        }
    }

    /// What it adds to the sum of the candidate at `at`.
    pub fn contribution(&self, at: usize) -> f32 {
        self.weight * (self.raw[at] - self.mean) / self.spread
    }
}

/// The learned scores of all candidates for one profile, and how they came about.
#[derive(Debug, Clone)]
pub struct Learned {
    /// What was added up.
    pub parts: Vec<Part>,
    /// Mean of the sums over the candidates.
    pub mean: f32,
    /// Their standard deviation.
    pub spread: f32,
    /// For each candidate from 0 to 1 whether more than chance speaks for it.
    pub beyond_chance: Vec<f32>,
    /// 0 to 1 for each candidate.
    pub scores: Vec<f32>,
}

impl Learned {
    /// Scores every candidate; `dense` is what [`Candidates::dense_scores`] gives for
    /// the profile. Zero where there is nothing to go by but the category.
    pub fn of(candidates: &Candidates, profile: &Profile, dense: Option<&[f32]>) -> Self {
        let count = candidates.len();
        if let Some(asked) = profile.words_alone() {
            return Learned::asked(candidates, profile, asked, dense);
        }
        if profile.text.0.is_empty() && profile.people.0.is_empty() {
            let score = if profile.categories.is_empty() {
                0.0
            } else {
                ONLY_CATEGORY
            };
            return Learned {
                parts: Vec::new(),
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
            // A liked paper or two have few words in common with any other: what says what
            // was asked for is there by no chance.
            for (beyond, answer) in beyond_chance
                .iter_mut()
                .zip(answers(candidates, profile, asked))
            {
                *beyond = beyond.max(answered(answer));
            }
        }
        let people_weight = PEOPLE_WEIGHT * profile.people_weight.powi(4);
        let mut parts = match &profile.trained {
            Some(trained) => trained_parts(candidates, trained, &known).to_vec(),
            None => vec![
                Part::new(Kind::Words, 1.0, words, &known, TEXT_SPREAD_MIN),
                Part::new(
                    Kind::Fields,
                    FIELDS_WEIGHT,
                    candidates.field_sums(&profile.fields),
                    &known,
                    FIELDS_SPREAD_MIN,
                ),
            ],
        };
        parts.push(Part::new(
            Kind::People,
            people_weight,
            people,
            &known,
            PEOPLE_SPREAD_MIN,
        ));
        if let Some(dense) = dense {
            parts.push(Part::new(
                Kind::Meaning,
                DENSE_WEIGHT,
                dense.to_vec(),
                &known,
                DENSE_SPREAD_MIN,
            ));
        }
        parts.retain(|part| part.weight > 0.0);
        let sums: Vec<f32> = (0..count)
            .map(|at| parts.iter().map(|part| part.contribution(at)).sum())
            .collect();
        let (mean, spread) = mean_and_spread(&sums, &known, 1.0);
        let scores = sums
            .iter()
            .zip(&beyond_chance)
            .map(|(sum, chance)| surprise((sum - mean) / spread) * chance);
        Learned {
            scores: scores.collect(),
            parts,
            mean,
            spread,
            beyond_chance,
        }
    }

    /// The same where words are all there is: they are counted, and stand for themselves.
    fn asked(
        candidates: &Candidates,
        profile: &Profile,
        asked: &WordQuery,
        dense: Option<&[f32]>,
    ) -> Self {
        let raw = answers(candidates, profile, asked);
        let beyond_chance: Vec<f32> = raw.iter().copied().map(answered).collect();
        let mut parts = vec![Part {
            kind: Kind::Words,
            weight: 1.0,
            raw,
            mean: ASKED_MEAN,
            spread: ASKED_SPREAD,
        }];
        if let Some(dense) = dense {
            // Nothing is liked, so nothing that is to be ranked is.
            parts.push(Part::new(
                Kind::Meaning,
                ASKED_DENSE_WEIGHT,
                dense.to_vec(),
                &[],
                DENSE_SPREAD_MIN,
            ));
        }
        let count = candidates.len();
        let sums: Vec<f32> = (0..count)
            .map(|at| parts.iter().map(|part| part.contribution(at)).sum())
            .collect();
        let scores = sums
            .iter()
            .zip(&beyond_chance)
            .map(|(sum, chance)| surprise(*sum) * chance)
            .collect();
        Learned {
            parts,
            mean: 0.0,
            spread: 1.0,
            beyond_chance,
            scores,
        }
    }
}

/// How much of what is asked for each candidate says, less what it says that is disliked.
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

/// How far an answer is beyond chance.
fn answered(answer: f32) -> f32 {
    (answer / ASKED_BEYOND_CHANCE).clamp(CHANCE_MIN, 1.0)
}

/// What each word adds for the candidate at `at`: its weight in the profile, and in the paper.
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

/// What is taken from the sum of these for what any paper says and for what disliked
/// ones say, or given back to a paper that stood for what nobody asked for.
pub(super) fn beside_words(candidates: &Candidates, profile: &Profile, at: usize) -> f32 {
    match (profile.words_alone(), &profile.trained) {
        (Some(_), _) => profile.refused.dot(candidates.features(at)),
        (None, Some(trained)) => candidates.given_back(trained)[at],
        (None, None) => -candidates.commonness()[at],
    }
}

/// Words and fields that were learned together are standardised together.
fn trained_parts(candidates: &Candidates, trained: &LinearModel, known: &[usize]) -> [Part; 2] {
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
    let part = |kind, raw| Part {
        spread,
        ..Part::new(kind, 1.0, raw, known, TRAINED_SPREAD_MIN)
    };
    [part(Kind::Words, words), part(Kind::Fields, fields)]
}

/// The probability of a paper that stands so many deviations above the others.
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
