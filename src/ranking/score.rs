//! The score of every candidate for one profile.

use super::learned::LearnedScores;
use super::rules::{Pin, Rules, is_in_categories};
use super::{Candidates, Request};
use crate::profile::Profile;

/// A candidate with its score for one profile.
#[derive(Debug, Clone)]
pub struct Scored {
    /// Its position among the candidates.
    pub candidate: usize,
    /// Probability that the paper is what the interest asks for, 0 to 1.
    pub score: f32,
    /// The learned part of it.
    pub learned: f32,
    /// The rule that pinned it.
    pub pin: Option<Pin>,
}

impl Scored {
    /// Whether a followed author pinned it.
    pub fn is_author_pin(&self) -> bool {
        matches!(self.pin, Some(Pin::Author(_)))
    }
}

/// Least scores of pinned papers; the learned score orders them among each other.
const AUTHOR_FLOOR: f32 = 0.9;
const PHRASE_FLOOR: f32 = 0.6;

/// The least score that a rule gives.
pub(super) fn floor(pin: Option<&Pin>) -> f32 {
    match pin {
        Some(Pin::Author(_)) => AUTHOR_FLOOR,
        Some(Pin::Keywords(_)) => PHRASE_FLOOR,
        None => 0.0,
    }
}

/// The score of a paper with this learned score under that rule.
pub(super) fn lifted(learned: f32, pin: Option<&Pin>) -> f32 {
    floor(pin) + (1.0 - floor(pin)) * learned
}

/// Scores every candidate that the profile does not rule out, in order of position;
/// `dense` is the result of [`Candidates::dense_scores`] for the profile.
pub fn score(
    candidates: &Candidates,
    profile: &Profile,
    dense: Option<&[f32]>,
    request: &Request<'_>,
) -> Vec<Scored> {
    score_learned(
        candidates,
        profile,
        &LearnedScores::of(candidates, profile, dense),
        request,
    )
}

/// [`score`] with known learned scores.
pub fn score_learned(
    candidates: &Candidates,
    profile: &Profile,
    learned: &LearnedScores,
    request: &Request<'_>,
) -> Vec<Scored> {
    let rules = Rules::of(candidates, profile);
    candidates
        .on_days(request.days)
        .filter(|at| !request.sent.contains(at) && !rules.vetoes.contains_key(at))
        .filter_map(|at| {
            let pin = rules.pins.get(&at);
            // A followed author is followed wherever they publish.
            if !matches!(pin, Some(Pin::Author(_))) && !is_in_categories(candidates, at, profile) {
                return None;
            }
            let learned = learned.scores[at];
            Some(Scored {
                candidate: at,
                score: lifted(learned, pin),
                learned,
                pin: pin.cloned(),
            })
        })
        .collect()
}
