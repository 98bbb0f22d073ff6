//! Signatures: the few distinctive terms of each paper, small enough that those of a whole
//! archive fit into memory.

use super::similar::{AUTHORS, CATEGORIES};
use crate::profile::features::own_term;
use crate::profile::{Background, Features, Group};

/// Words and pairs of words in a signature: those that weigh most and occur in another
/// paper, too. The papers found with them are 93 % as similar, on average, as the most
/// similar ones (`tests/it/ranking/similar.rs` holds 92 %).
const WORDS: usize = 32;

/// Authors in a signature.
const NAMES: usize = 12;

/// Bytes of a term in the stored form: its hash and its weight.
const TERM_BYTES: usize = 5;

/// A term and its weight on a scale from 1 to 255, by square roots: most weights are
/// small, and are best told apart there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Telling {
    /// Its hash.
    pub term: u32,
    /// Its weight.
    pub weight: u8,
}

/// The distinctive terms of a paper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature(Vec<Telling>);

impl Signature {
    /// The signature of a paper with these features. The products of two papers' weights,
    /// summed over their shared terms, approximate [`likeness`](super::similar::likeness):
    /// the weights contain half of the weight of an author or a category on either side.
    /// `people` tells namesakes apart: two papers that share a family name and an initial
    /// share nothing.
    pub fn of(features: &Features, people: &[(u32, u32)], background: &Background) -> Self {
        let is_shared = |term: u32| background.share(term) * background.papers() as f32 > 1.5;
        let mut terms = Vec::with_capacity(WORDS + NAMES + 4);
        let mut keep = |group: Group, most: usize, counts: f32| {
            let mut group: Vec<(u32, f32)> = features
                .group(group)
                .iter()
                .copied()
                .filter(|(term, _)| is_shared(*term))
                .collect();
            if group.len() > most {
                group.select_nth_unstable_by(most, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                group.truncate(most);
            }
            let scale = counts.sqrt();
            let telling = |(term, weight)| Telling {
                term: own_term(people, term),
                weight: coarse(weight * scale),
            };
            terms.extend(group.into_iter().map(telling));
        };
        keep(Group::Text, WORDS, 1.0);
        keep(Group::Author, NAMES, AUTHORS);
        keep(Group::Category, usize::MAX, CATEGORIES);
        terms.sort_unstable();
        Signature(terms)
    }

    /// Its terms, by hash.
    pub fn terms(&self) -> &[Telling] {
        &self.0
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TERM_BYTES * self.0.len());
        for telling in &self.0 {
            bytes.extend_from_slice(&telling.term.to_le_bytes());
            bytes.push(telling.weight);
        }
        bytes
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Signature(read(bytes).collect())
    }
}

/// The terms in the stored form of a signature.
pub(super) fn read(bytes: &[u8]) -> impl Iterator<Item = Telling> {
    bytes.chunks_exact(TERM_BYTES).map(|five| Telling {
        term: u32::from_le_bytes([five[0], five[1], five[2], five[3]]),
        weight: five[4],
    })
}

fn coarse(weight: f32) -> u8 {
    (255.0 * weight.sqrt()).round().clamp(1.0, 255.0) as u8
}

/// The product of two weights, times a number that is the same for all.
pub(super) fn product(a: u8, b: u8) -> f32 {
    let roots = f32::from(u16::from(a) * u16::from(b));
    roots * roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::profile::TermCounter;
    use crate::profile::features::weigh;

    #[test]
    fn products_are_in_proportion() {
        for (a, b) in [(0.2_f32, 0.3_f32), (0.05, 0.05), (0.01, 0.5), (1.0, 1.0)] {
            let found = product(coarse(a), coarse(b)) / product(255, 255);
            assert!(
                (found / (a * b) - 1.0).abs() < 0.05,
                "{a} times {b} is not {found}"
            );
        }
    }

    #[test]
    fn a_signature_is_small_and_has_no_term_of_one_paper_alone() {
        let word = |at: usize| {
            format!(
                "{}{}",
                ["alp", "bet", "gam", "del"][at % 4],
                "xyzuvw".repeat(at / 4 + 1)
            )
        };
        let text: Vec<String> = (0..60).map(word).collect();
        let paper = |unique: &str| Paper {
            authors: (0..40).map(|at| format!("A {}", word(at))).collect(),
            categories: vec!["cs.LG".to_owned(), "cs.CL".to_owned()],
            ..Paper::new("x".parse().unwrap(), format!("{} {unique}", text.join(" ")))
        };
        let mut counter = TermCounter::new();
        let terms = [
            counter.paper(&paper("quixotic")),
            counter.paper(&paper("glacial")),
        ];
        let mut background = Background::default();
        for terms in &terms {
            background.count(terms);
        }
        background.settle();
        let signature = Signature::of(&weigh(&terms[0], &background), &[], &background);
        assert_eq!(signature.terms().len(), WORDS + NAMES + 2);
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), signature);
        let own = counter.text("quixotic");
        assert!(
            signature
                .terms()
                .iter()
                .all(|telling| telling.term != own[0].0)
        );
    }
}
