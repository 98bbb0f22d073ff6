//! The score of every candidate for one profile.

use super::learned::Learned;
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
    let learned = Learned::of(candidates, profile).scores;
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
