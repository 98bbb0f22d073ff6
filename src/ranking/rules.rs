//! Rules: what an interest asks for by name, and what it rules out.

use super::Candidates;
use crate::paper::category_matches;
use crate::profile::Profile;
use crate::profile::expression::Condition;
use std::collections::BTreeMap;

/// A rule that lifts a paper above the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// Followed authors, as the paper writes them.
    Author(Vec<String>),
    /// The phrases of a keyword, as the interest writes them.
    Keywords(Vec<String>),
}

/// The rules of a profile, applied to each candidate, by position.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Candidates lifted above the line.
    pub pins: BTreeMap<usize, Pin>,
    /// Candidates ruled out, with the phrases that did it.
    pub vetoes: BTreeMap<usize, Vec<String>>,
}

impl Rules {
    /// Applies the rules of `profile`.
    pub fn of(candidates: &Candidates, profile: &Profile) -> Self {
        let mut rules = Rules::default();
        for keyword in &profile.keywords {
            for (at, matched) in matching(candidates, &keyword.condition) {
                rules.pins.entry(at).or_insert(Pin::Keywords(matched));
            }
        }
        for person in &profile.authors {
            for (at, name) in candidates.by_author(person) {
                match rules.pins.get_mut(&at) {
                    // Two spellings of one person are entered now and then.
                    Some(Pin::Author(names)) if names.contains(&name) => {}
                    Some(Pin::Author(names)) => names.push(name),
                    _ => {
                        rules.pins.insert(at, Pin::Author(vec![name]));
                    }
                }
            }
        }
        for veto in &profile.must_not {
            for (at, matched) in matching(candidates, &veto.condition) {
                rules.vetoes.entry(at).or_insert(matched);
            }
        }
        rules
    }
}

/// Whether a candidate is in one of the categories of `profile`, if it has any.
pub fn is_in_categories(candidates: &Candidates, at: usize, profile: &Profile) -> bool {
    let has = |pattern: &String| {
        candidates
            .paper(at)
            .categories
            .iter()
            .any(|own| category_matches(pattern, own))
    };
    profile.categories.is_empty() || profile.categories.iter().any(has)
}

/// Positions of the papers that match `tree`, in order, each with the matching phrases.
fn matching(candidates: &Candidates, tree: &Condition) -> Vec<(usize, Vec<String>)> {
    match tree {
        Condition::Phrase(written, folded) => candidates
            .with_phrase(folded)
            .into_iter()
            .map(|at| (at, vec![written.clone()]))
            .collect(),
        Condition::Author(person) => candidates
            .by_author(person)
            .into_iter()
            .map(|(at, name)| (at, vec![format!("author:{name}")]))
            .collect(),
        Condition::Category(pattern) => (0..candidates.len())
            .filter(|&at| {
                candidates
                    .paper(at)
                    .categories
                    .iter()
                    .any(|own| category_matches(pattern, own))
            })
            .map(|at| (at, vec![format!("category:{pattern}")]))
            .collect(),
        Condition::All(parts) => {
            let mut parts = parts.iter().map(|part| matching(candidates, part));
            let mut found = parts.next().unwrap_or_default();
            for part in parts {
                let mut others: BTreeMap<usize, Vec<String>> = part.into_iter().collect();
                found.retain_mut(|(at, matched)| match others.get_mut(at) {
                    Some(other) => {
                        matched.append(other);
                        true
                    }
                    None => false,
                });
            }
            found
        }
        Condition::Any(parts) => {
            let mut found = BTreeMap::new();
            for (at, matched) in parts.iter().flat_map(|part| matching(candidates, part)) {
                found.entry(at).or_insert(matched);
            }
            found.into_iter().collect()
        }
    }
}
