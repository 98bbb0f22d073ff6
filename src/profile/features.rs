//! Papers as sparse vectors.
//!
//! Terms are 32-bit hashes, so that no dictionary has to be stored. The top two bits are the
//! group: words, authors and categories are weighted and normalised separately, since
//! readers follow people and fields differently from words.

use super::Background;
use crate::paper::Paper;
use crate::text::{Tokenizer, fold};
use std::sync::Arc;

/// How often a title counts: it says in a dozen words what the abstract says in two hundred.
/// Of the forms tried on our evaluation sets, stemmed title twice and abstract ranked best.
const TITLE_COUNTS: u32 = 2;

/// Authors counted at most: papers by large collaborations say little about one member.
const AUTHORS_MAX: usize = 60;

/// The kind of a term: the two highest bits of its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A word or a pair of words.
    Text,
    /// A category.
    Category,
    /// An author.
    Author,
}

const GROUP_SHIFT: u32 = 30;

impl Group {
    /// The group of a term.
    pub fn of(term: u32) -> Group {
        match term >> GROUP_SHIFT {
            0 => Group::Text,
            1 => Group::Category,
            _ => Group::Author,
        }
    }

    fn term(self, bytes: &[u8]) -> u32 {
        let group = match self {
            Group::Text => 0,
            Group::Category => 1,
            Group::Author => 2,
        };
        (hash(bytes) & ((1 << GROUP_SHIFT) - 1)) | (group << GROUP_SHIFT)
    }
}

/// The counted terms of a paper or a text: hash and count, sorted by hash.
pub type TermCounts = Vec<(u32, u32)>;

/// A sparse vector: hash and weight, sorted by hash, so that groups are contiguous. In the
/// vector of a paper each group has unit length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features(pub Vec<(u32, f32)>);

impl Features {
    /// The scalar product.
    pub fn dot(&self, other: &Features) -> f32 {
        dot(&self.0, &other.0)
    }

    /// The slice of one group.
    pub fn group(&self, group: Group) -> &[(u32, f32)] {
        let start = self.0.partition_point(|&(term, _)| Group::of(term) < group);
        let end = self
            .0
            .partition_point(|&(term, _)| Group::of(term) <= group);
        &self.0[start..end]
    }

    /// Its length.
    pub fn norm(&self) -> f32 {
        self.0
            .iter()
            .map(|(_, weight)| weight * weight)
            .sum::<f32>()
            .sqrt()
    }

    /// The weight of one term.
    pub fn weight(&self, term: u32) -> f32 {
        self.0
            .binary_search_by_key(&term, |&(hash, _)| hash)
            .map_or(0.0, |at| self.0[at].1)
    }
}

/// The scalar product of parts of vectors.
pub fn dot(left: &[(u32, f32)], right: &[(u32, f32)]) -> f32 {
    let (mut a, mut b, mut sum) = (0, 0, 0.0);
    while let (Some(&(term, x)), Some(&(other, y))) = (left.get(a), right.get(b)) {
        match term.cmp(&other) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                sum += x * y;
                a += 1;
                b += 1;
            }
        }
    }
    sum
}

/// Counts terms. Make one for each thread: it caches the stems of words.
#[derive(Default)]
pub struct TermCounter {
    tokenizer: Tokenizer,
    hashes: Vec<u32>,
}

impl TermCounter {
    /// A counter with an empty cache.
    pub fn new() -> Self {
        TermCounter::default()
    }

    /// The terms of a paper: words and pairs of its title and abstract, authors, categories.
    pub fn paper(&mut self, paper: &Paper) -> TermCounts {
        self.hashes.clear();
        for _ in 0..TITLE_COUNTS {
            self.add_text(&paper.title);
        }
        self.add_text(&paper.abstract_text);
        self.hashes.extend(
            paper
                .authors
                .iter()
                .take(AUTHORS_MAX)
                .map(|name| author_term(name)),
        );
        self.hashes.extend(
            paper
                .categories
                .iter()
                .map(|category| category_term(category)),
        );
        self.counted()
    }

    /// The terms of a text: a description, keywords, a search.
    pub fn text(&mut self, text: &str) -> TermCounts {
        self.hashes.clear();
        self.add_text(text);
        self.counted()
    }

    /// The terms of a text, each once and in the order of the text, and whether each is a pair of
    /// words. A hyphenated word gives its parts and their pairs, not the joined word.
    pub fn query_terms(&mut self, text: &str) -> Vec<(u32, bool)> {
        let mut terms: Vec<(u32, bool)> = Vec::new();
        self.tokenizer.for_each_term(text, |term| {
            let hash = Group::Text.term(term.key.as_bytes());
            if !term.is_joined && !terms.iter().any(|(known, _)| *known == hash) {
                terms.push((hash, term.is_bigram));
            }
        });
        terms
    }

    /// Calls `each` with the hash and the surface form of every term of `text`.
    pub fn for_each_surface(&mut self, text: &str, mut each: impl FnMut(u32, &str)) {
        self.tokenizer.for_each_term(text, |term| {
            each(Group::Text.term(term.key.as_bytes()), term.surface);
        });
    }

    fn add_text(&mut self, text: &str) {
        let hashes = &mut self.hashes;
        self.tokenizer.for_each_term(text, |term| {
            hashes.push(Group::Text.term(term.key.as_bytes()));
        });
    }

    fn counted(&mut self) -> TermCounts {
        self.hashes.sort_unstable();
        self.hashes
            .chunk_by(|a, b| a == b)
            .map(|same| (same[0], same.len() as u32))
            .collect()
    }
}

/// Weights counted terms: sublinear count times rarity, each group of unit length.
pub fn weigh(terms: &TermCounts, background: &Background) -> Features {
    let mut features: Vec<(u32, f32)> = terms
        .iter()
        .map(|&(term, count)| (term, (1.0 + (count as f32).ln()) * background.rarity(term)))
        .collect();
    features
        .chunk_by_mut(|a, b| Group::of(a.0) == Group::of(b.0))
        .for_each(scale_to_one);
    Features(features)
}

/// The length of a paper's word vector before normalisation, relative to the archive's usual
/// length.
pub fn length(terms: &TermCounts, background: &Background) -> f32 {
    let square = |&(term, count): &(u32, u32)| {
        ((1.0 + (count as f32).ln()) * background.rarity(term)).powi(2)
    };
    let all: f32 = terms
        .iter()
        .filter(|(term, _)| Group::of(*term) == Group::Text)
        .map(square)
        .sum();
    if background.papers() > 0 {
        all.sqrt() / background.typical_length()
    } else {
        1.0
    }
}

fn scale_to_one(group: &mut [(u32, f32)]) {
    let norm = group
        .iter()
        .map(|(_, weight)| weight * weight)
        .sum::<f32>()
        .sqrt();
    if norm > 0.0 {
        for (_, weight) in group {
            *weight /= norm;
        }
    }
}

/// The term of an author: family name and first initial, which all spellings of a name share.
pub fn author_term(name: &str) -> u32 {
    let folded = fold(name);
    let mut words = folded.split(' ');
    let (first, last) = (
        words.next().unwrap_or_default(),
        words.next_back().unwrap_or_default(),
    );
    let initial = first.chars().next().unwrap_or(' ');
    Group::Author
        .term(format!("{initial} {}", if last.is_empty() { first } else { last }).as_bytes())
}

/// The folded given names of a paper's authors with the authors' terms, sorted by term.
pub type GivenNames = Vec<(u32, Arc<str>)>;

/// The given names of those of `authors` that are counted.
pub fn given_names(authors: &[String]) -> GivenNames {
    let given = |name: &String| {
        let folded = fold(name);
        let given = folded.rsplit_once(' ').map_or("", |(given, _)| given);
        (author_term(name), Arc::from(given))
    };
    let mut names: GivenNames = authors.iter().take(AUTHORS_MAX).map(given).collect();
    names.sort_unstable();
    names
}

/// The terms of a paper's authors, each with one that includes all written given names, so
/// that namesakes differ. For an author with initials only both are the same.
pub type People = Vec<(u32, u32)>;

/// The terms of those of `authors` that are counted, sorted.
pub fn people(authors: &[String]) -> People {
    let person = |name: &String| {
        let (term, folded) = (author_term(name), fold(name));
        let (given, family) = folded.rsplit_once(' ').unwrap_or_default();
        // `Jun-Yan` is also written `Junyan`.
        let whole: String = given
            .split(' ')
            .filter(|word| word.chars().nth(1).is_some())
            .collect();
        let own = if whole.is_empty() {
            term
        } else {
            Group::Author.term(format!("{whole} {family}").as_bytes())
        };
        (term, own)
    };
    let mut people: People = authors.iter().take(AUTHORS_MAX).map(person).collect();
    people.sort_unstable();
    people
}

/// The term of one of `people` that namesakes do not share.
pub fn own_term(people: &[(u32, u32)], term: u32) -> u32 {
    people
        .binary_search_by_key(&term, |(known, _)| *known)
        .map_or(term, |at| people[at].1)
}

/// Whether two people of one term may be the same person: an initial stands for any name
/// with it, but Yifan Huang is not Yiming Huang.
pub fn may_be_one(given: &str, other: &str) -> bool {
    let (left, right) = (
        given.split(' ').next().unwrap_or_default(),
        other.split(' ').next().unwrap_or_default(),
    );
    let is_initial = |name: &str| name.chars().nth(1).is_none();
    // `Jun-Yan` is also written `Junyan`.
    is_initial(left)
        || is_initial(right)
        || left == right
        || given
            .chars()
            .filter(|c| *c != ' ')
            .eq(other.chars().filter(|c| *c != ' '))
}

/// The term of a category.
pub fn category_term(category: &str) -> u32 {
    Group::Category.term(category.to_lowercase().as_bytes())
}

/// FNV-1a in 64 bits, folded to 32 (<http://www.isthe.com/chongo/tech/comp/fnv/>).
/// Hashes are stored in the database, so this must never change.
fn hash(bytes: &[u8]) -> u32 {
    let wide = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (wide ^ (wide >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_one_term() {
        assert_eq!(author_term("Emmy Noether"), author_term("E. Noether"));
        let own = |name: &str| people(&[name.to_owned()])[0].1;
        assert_eq!(own("Emmy Noether"), own("Emmy A. Noether"));
        assert_eq!(own("Jun-Yan Zhu"), own("Junyan Zhu"));
        assert_ne!(own("Emmy Noether"), own("Ellen Noether"));
        assert_eq!(own("E. Noether"), author_term("Emmy Noether"));
        assert_eq!(author_term("Henri Poincaré"), author_term("H. Poincare"));
        assert_ne!(author_term("Emmy Noether"), author_term("Max Noether"));
    }

    #[test]
    fn namesakes_are_told_apart_by_whole_given_names() {
        let given = |name: &str| given_names(&[name.to_owned()])[0].clone();
        for (a, b, expected) in [
            ("Yifan Huang", "Yiming Huang", false),
            ("Yifan Huang", "Y. Huang", true),
            ("Emmy A. Noether", "Emmy Noether", true),
            ("Jun-Yan Zhu", "Junyan Zhu", true),
            ("J.-Y. Zhu", "Junyan Zhu", true),
            ("王小明", "王小明", true),
        ] {
            let ((left, a_given), (right, b_given)) = (given(a), given(b));
            assert_eq!(left, right, "{a} and {b} are one term");
            assert_eq!(may_be_one(&a_given, &b_given), expected, "{a} and {b}");
        }
    }

    #[test]
    fn every_group_has_unit_length() {
        let mut counter = TermCounter::new();
        let mut terms = counter.text("low-rank adaptation of large language models");
        terms.extend([
            (category_term("cs.LG"), 1),
            (category_term("cs.CL"), 1),
            (author_term("Emmy Noether"), 1),
        ]);
        terms.sort_unstable();
        let features = weigh(&terms, &Background::default());
        for group in [Group::Text, Group::Category, Group::Author] {
            let square: f32 = features
                .group(group)
                .iter()
                .map(|(_, weight)| weight * weight)
                .sum();
            assert!((square - 1.0).abs() < 1e-5, "{group:?}");
        }
    }

    #[test]
    fn hashes_stay_as_they_are() {
        assert_eq!(hash(b"low rank"), 0x6e0d_6232_u32);
    }
}
