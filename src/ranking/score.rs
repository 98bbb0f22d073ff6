//! The score of every candidate for one profile.

use super::{Candidates, Request};
use crate::paper::category_matches;
use crate::profile::Profile;
use std::collections::HashMap;

/// A rule that lifts a paper above the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// Followed authors, as the paper writes them.
    Author(Vec<String>),
    /// A phrase, as the interest writes it.
    Phrase(String),
}

/// A candidate with its score for one profile.
#[derive(Debug, Clone)]
pub struct Scored {
    /// Its position among the candidates.
    pub candidate: usize,
    /// 0 to 1: how likely it is to be what the interest asks for.
    pub score: f32,
    /// The learned part alone.
    pub learned: f32,
    /// The rule that lifted it, if any.
    pub pin: Option<Pin>,
}

impl Scored {
    /// Whether a followed author lifted it.
    pub fn is_author_pin(&self) -> bool {
        matches!(self.pin, Some(Pin::Author(_)))
    }
}

/// Scores of pinned papers begin here; the learned score orders them among each other.
const AUTHOR_FLOOR: f32 = 0.9;
const PHRASE_FLOOR: f32 = 0.6;

/// Scores every candidate that the profile does not rule out, in order of position.
pub fn score(candidates: &Candidates, profile: &Profile, request: &Request<'_>) -> Vec<Scored> {
    let mut pins: HashMap<usize, Pin> = HashMap::new();
    for (written, folded) in &profile.keywords {
        for at in candidates.with_phrase(folded) {
            pins.entry(at).or_insert_with(|| Pin::Phrase(written.clone()));
        }
    }
    for person in &profile.authors {
        for (at, name) in candidates.by_author(person) {
            match pins.get_mut(&at) {
                Some(Pin::Author(names)) => names.push(name),
                _ => {
                    pins.insert(at, Pin::Author(vec![name]));
                }
            }
        }
    }
    let mut vetoed = vec![false; candidates.len()];
    for phrase in &profile.must_not {
        for at in candidates.with_phrase(phrase) {
            vetoed[at] = true;
        }
    }
    let learned = learned_scores(candidates, profile);
    let scored = candidates.on_days(request.days).filter(|at| !vetoed[*at] && !request.sent.contains(at));
    scored
        .filter_map(|at| {
            let pin = pins.remove(&at);
            // A followed author is followed wherever they publish.
            if !matches!(pin, Some(Pin::Author(_))) && !in_categories(candidates, at, profile) {
                return None;
            }
            let learned = learned[at];
            let score = match &pin {
                Some(Pin::Author(_)) => AUTHOR_FLOOR + (1.0 - AUTHOR_FLOOR) * learned,
                Some(Pin::Phrase(_)) => PHRASE_FLOOR + (1.0 - PHRASE_FLOOR) * learned,
                None => learned,
            };
            Some(Scored { candidate: at, score, learned, pin })
        })
        .collect()
}

fn in_categories(candidates: &Candidates, at: usize, profile: &Profile) -> bool {
    profile.categories.is_empty()
        || candidates
            .paper(at)
            .categories
            .iter()
            .any(|category| profile.categories.iter().any(|pattern| category_matches(pattern, category)))
}

/// How surprising a paper must be, in standard deviations above the mean of the
/// candidates, to be as likely right as wrong; and how steep the way there is.
/// Fitted on `eval_arxiv_lists` and `eval_hf_submitters`.
const HALF_AT: f32 = 3.0;
const STEEPNESS: f32 = 1.2;

/// Below this cosine two texts share a word by chance, however rare that is on
/// the day; from the second one on, chance is out of the question.
const BY_CHANCE: f32 = 0.02;
const BEYOND_CHANCE: f32 = 0.06;

/// The least standard deviations: those of a group in which nothing matches.
const TEXT_SPREAD_MIN: f32 = 0.006;
const PEOPLE_SPREAD_MIN: f32 = 0.01;
const FIELDS_SPREAD_MIN: f32 = 0.5;

/// How much the fields count beside the words (research/ranking.md: a common
/// category must count for little, so their odds are taken against the archive's).
const FIELDS_WEIGHT: f32 = 0.4;

/// How much people count beside the words for whoever follows nothing but
/// people; it falls with the square of how often they do.
const PEOPLE_WEIGHT: f32 = 0.9;

/// The score of a paper that an interest asks for by its category alone.
const ONLY_CATEGORY: f32 = 0.5;

/// The learned score of every candidate: words, people and fields, each
/// standardised over the candidates; and how surprising their sum is, as a
/// probability. Zero where there is nothing to go by but the category.
fn learned_scores(candidates: &Candidates, profile: &Profile) -> Vec<f32> {
    if profile.text.0.is_empty() && profile.people.0.is_empty() {
        return vec![if profile.categories.is_empty() { 0.0 } else { ONLY_CATEGORY }; candidates.len()];
    }
    let mut text = candidates.products(&profile.text);
    for (product, common) in text.iter_mut().zip(candidates.commonness()) {
        *product -= common;
    }
    let people = candidates.products(&profile.people);
    let beyond_chance: Vec<f32> = text
        .iter()
        .zip(&people)
        .map(|(text, people)| {
            let by_words = (text - BY_CHANCE) / (BEYOND_CHANCE - BY_CHANCE);
            by_words.max(people / BEYOND_CHANCE).clamp(0.0, 1.0)
        })
        .collect();
    let mut sum = standardised(text, TEXT_SPREAD_MIN);
    add(&mut sum, PEOPLE_WEIGHT * profile.people_weight.powi(2), standardised(people, PEOPLE_SPREAD_MIN));
    add(&mut sum, FIELDS_WEIGHT, standardised(candidates.field_sums(&profile.fields), FIELDS_SPREAD_MIN));
    let deviations = standardised(sum, 1.0);
    deviations
        .into_iter()
        .zip(beyond_chance)
        .map(|(deviations, beyond_chance)| {
            let surprise = 1.0 / (1.0 + (-(deviations - HALF_AT) * STEEPNESS).exp());
            // Far below the line, order is all that counts.
            surprise * beyond_chance.max(0.001)
        })
        .collect()
}

/// Values as standard deviations above their mean; `least` is the least deviation.
fn standardised(mut values: Vec<f32>, least: f32) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
    let spread = variance.sqrt().max(least);
    for value in &mut values {
        *value = (*value - mean) / spread;
    }
    values
}

fn add(sum: &mut [f32], weight: f32, values: Vec<f32>) {
    if weight > 0.0 {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += weight * value;
        }
    }
}
