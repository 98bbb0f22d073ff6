//! The score of every candidate for one profile.

use super::learned::Learned;
use super::rules::{Pin, Rules, is_in_categories};
use super::{Candidates, Request};
use crate::profile::Profile;

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

/// The least score that a rule leaves a paper with.
pub(super) fn floor(pin: Option<&Pin>) -> f32 {
    match pin {
        Some(Pin::Author(_)) => AUTHOR_FLOOR,
        Some(Pin::Phrase(_)) => PHRASE_FLOOR,
        None => 0.0,
    }
}

/// The score of a paper with that learned score which that rule lifts.
pub(super) fn lifted(learned: f32, pin: Option<&Pin>) -> f32 {
    floor(pin) + (1.0 - floor(pin)) * learned
}

/// Scores every candidate that the profile does not rule out, in order of
/// position; `dense` is what [`Candidates::dense_scores`] gives for the profile.
pub fn score(
    candidates: &Candidates,
    profile: &Profile,
    dense: Option<&[f32]>,
    request: &Request<'_>,
) -> Vec<Scored> {
    score_learned(
        candidates,
        profile,
        &Learned::of(candidates, profile, dense),
        request,
    )
}

/// The same where the learned scores are known.
pub fn score_learned(
    candidates: &Candidates,
    profile: &Profile,
    learned: &Learned,
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
