//! Similarity of two papers, and rank fusion.

use crate::paper::Paper;
use crate::profile::{Features, Group};
use crate::text::{fold, same_person};
use std::collections::HashMap;
use std::hash::Hash;

/// Weights of a shared author and of a shared category beside the words, whose cosine is
/// between 0 and 1: people often write about one thing twice, and a category says little
/// that the words do not.
pub(super) const AUTHORS: f32 = 0.25;
pub(super) const CATEGORIES: f32 = 0.03;

/// The similarity of two papers, by the features of the ranking; more is more similar.
pub fn likeness(a: &Features, b: &Features) -> f32 {
    let product = |group: Group| {
        let part = |features: &Features| Features(features.group(group).to_vec());
        part(a).dot(&part(b))
    };
    product(Group::Text) + AUTHORS * product(Group::Author) + CATEGORIES * product(Group::Category)
}

/// The key by which two papers are recognised as one work.
#[derive(Debug)]
pub struct WorkKey {
    /// Names of the work, sorted.
    names: Vec<String>,
    title: String,
    first_author: Option<String>,
}

impl WorkKey {
    /// The key of a paper.
    pub fn of(paper: &Paper) -> Self {
        let others = paper.same_as.iter().map(ToString::to_string);
        let doi = paper.doi.iter().map(|doi| doi.to_lowercase());
        let mut names: Vec<String> = others.chain(doi).chain([paper.id.to_string()]).collect();
        names.sort_unstable();
        WorkKey {
            names,
            title: fold(&paper.title),
            first_author: paper.authors.first().cloned(),
        }
    }

    /// Whether both are one work: a name in common, or the title and the first author.
    pub fn is_same(&self, other: &WorkKey) -> bool {
        if self
            .names
            .iter()
            .any(|name| other.names.binary_search(name).is_ok())
        {
            return true;
        }
        let (Some(first), Some(theirs)) = (&self.first_author, &other.first_author) else {
            return false;
        };
        self.title == other.title && same_person(first, theirs)
    }
}

/// The constant of reciprocal rank fusion: 60 in Cormack, Clarke, Büttcher, "Reciprocal
/// rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
const FUSION: f32 = 60.0;

/// Merges rankings by reciprocal rank fusion; ties go to the earlier list.
pub fn fuse<T: Copy + Eq + Hash>(lists: &[Vec<T>]) -> Vec<T> {
    let mut scores: HashMap<T, f32> = HashMap::new();
    let mut all = Vec::new();
    for list in lists {
        for (at, thing) in list.iter().enumerate() {
            let score = scores.entry(*thing).or_insert_with(|| {
                all.push(*thing);
                0.0
            });
            *score += 1.0 / (FUSION + 1.0 + at as f32);
        }
    }
    all.sort_by(|a, b| scores[b].total_cmp(&scores[a]));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_both_rankings_comes_first() {
        assert_eq!(fuse(&[vec![1, 2, 3], vec![3, 4]]), [3, 1, 2, 4]);
        assert_eq!(fuse(&[vec![7, 8], Vec::new()]), [7, 8]);
    }

    #[test]
    fn a_work_is_recognised_by_its_names_or_by_title_and_first_author() {
        let paper = |id: &str, title: &str, author: &str| Paper {
            authors: vec![author.to_owned()],
            ..Paper::new(id.parse().unwrap(), title.to_owned())
        };
        let arxiv = Paper {
            doi: Some("10.1000/AB".to_owned()),
            ..paper("2608.00001", "On rings", "Emmy Noether")
        };
        let is_same = |other: &Paper| WorkKey::of(&arxiv).is_same(&WorkKey::of(other));
        assert!(is_same(&paper("10.1000/ab", "About rings", "X Y")));
        assert!(is_same(&paper("x1", "On Rings.", "E. Noether")));
        assert!(!is_same(&paper("x2", "On rings", "Max Noether")));
    }
}
