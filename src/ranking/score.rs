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

/// How surprising a product must be, in standard deviations above the mean of
/// the candidates, to be as likely right as wrong; and how steep the way there
/// is. On the curated lists a quarter of the papers at 3 are known to be
/// relevant, on the submitters' sets nine in ten; at 2, a tenth and a half.
const HALF_AT: f32 = 3.0;
const STEEPNESS: f32 = 1.2;

/// Below this cosine two texts share a word by chance, however rare that is on
/// the day; from the second one on, chance is out of the question.
const BY_CHANCE: f32 = 0.02;
const BEYOND_CHANCE: f32 = 0.06;

/// The least standard deviation: that of products with a profile that nothing matches.
const SPREAD_MIN: f32 = 0.006;

/// The learned score of every candidate: how surprising its product with the
/// profile is among the candidates, as a probability. Zero where there is
/// nothing to go by but the category.
fn learned_scores(candidates: &Candidates, profile: &Profile) -> Vec<f32> {
    if profile.weights.0.is_empty() {
        return vec![if profile.categories.is_empty() { 0.0 } else { ONLY_CATEGORY }; candidates.len()];
    }
    let length = profile.weights.norm().max(1e-6);
    let mut cosines = candidates.products(&profile.weights);
    for cosine in &mut cosines {
        *cosine /= length;
    }
    let count = cosines.len().max(1) as f32;
    let mean = cosines.iter().sum::<f32>() / count;
    let variance = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / count;
    let spread = variance.sqrt().max(SPREAD_MIN);
    cosines.into_iter().map(|cosine| calibrated(cosine, (cosine - mean) / spread)).collect()
}

/// The score of a paper that an interest asks for by its category alone.
const ONLY_CATEGORY: f32 = 0.5;

fn calibrated(cosine: f32, deviations: f32) -> f32 {
    let beyond_chance = ((cosine - BY_CHANCE) / (BEYOND_CHANCE - BY_CHANCE)).clamp(0.0, 1.0);
    let surprise = 1.0 / (1.0 + (-(deviations - HALF_AT) * STEEPNESS).exp());
    // Far below the line, order is all that counts.
    surprise * beyond_chance.max(0.001)
}
