//! The papers most like every paper of an archive, all worked out together.
//!
//! [`likeness`](super::similar::likeness) of all pairs would be some 2 billion
//! products for 60,000 papers. Most pairs share nothing that tells: so of each
//! paper only the terms are kept that weigh most, and papers meet through the
//! lists of papers that share one of them.

use super::similar::{AUTHORS, CATEGORIES};
use crate::profile::{Background, Features, Group};

/// Words and pairs of words kept of a paper: those that weigh most and are not
/// its alone. With 32 of some 250 the papers found are 96 % as like, on average, as
/// those that a search finds which compares whole texts (`tests/it/similar.rs`
/// holds 95 %); more of them take memory in proportion.
const WORDS: usize = 32;

/// Papers whose categories are looked at too: those that share most of the rest.
const CLOSER_LOOK: usize = 64;

/// One entry: a paper that has a term, and what it weighs there.
#[derive(Clone, Copy)]
struct Entry {
    term: u32,
    paper: u32,
    weight: f32,
}

/// The terms of one paper as places in the lists, with their weights.
#[derive(Clone, Copy, Default)]
struct Slot {
    list: u32,
    weight: f32,
}

/// Collects papers, all of which are then compared: [`Neighbours::settle`].
#[derive(Default)]
pub struct Archive {
    papers: u32,
    entries: Vec<Entry>,
    categories: Vec<(u32, f32)>,
    categories_end: Vec<u32>,
}

impl Archive {
    /// Adds the next paper. `background` says which terms are its alone.
    pub fn add(&mut self, features: &Features, background: &Background) {
        let is_shared = |term: u32| background.share(term) * background.papers() as f32 > 1.5;
        let paper = self.papers;
        let mut words: Vec<(u32, f32)> =
            features.group(Group::Text).iter().copied().filter(|(term, _)| is_shared(*term)).collect();
        if words.len() > WORDS {
            words.select_nth_unstable_by(WORDS, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            words.truncate(WORDS);
        }
        let authors = features.group(Group::Author).iter().copied().filter(|(term, _)| is_shared(*term));
        // Half of it on either side.
        let authors = authors.map(|(term, weight)| (term, weight * AUTHORS.sqrt()));
        self.entries.extend(words.into_iter().chain(authors).map(|(term, weight)| Entry { term, paper, weight }));
        self.categories.extend_from_slice(features.group(Group::Category));
        self.categories_end.push(self.categories.len() as u32);
        self.papers += 1;
    }

    /// Makes the lists through which papers meet.
    pub fn settle(self) -> Neighbours {
        let Archive { papers, mut entries, categories, categories_end } = self;
        entries.sort_unstable_by_key(|entry| (entry.term, entry.paper));
        let mut slots_end = vec![0_u32; papers as usize];
        for entry in &entries {
            slots_end[entry.paper as usize] += 1;
        }
        let mut total = 0;
        let mut next: Vec<u32> = Vec::with_capacity(slots_end.len());
        for end in &mut slots_end {
            next.push(total);
            total += *end;
            *end = total;
        }
        let mut slots = vec![Slot::default(); entries.len()];
        let mut lists_end = Vec::new();
        let mut at = 0;
        for list in entries.chunk_by(|a, b| a.term == b.term) {
            for entry in list {
                let slot = &mut next[entry.paper as usize];
                slots[*slot as usize] = Slot { list: lists_end.len() as u32, weight: entry.weight };
                *slot += 1;
            }
            at += list.len() as u32;
            lists_end.push(at);
        }
        Neighbours { entries, lists_end, slots, slots_end, categories, categories_end }
    }
}

/// An archive whose papers can be compared.
pub struct Neighbours {
    entries: Vec<Entry>,
    lists_end: Vec<u32>,
    slots: Vec<Slot>,
    slots_end: Vec<u32>,
    categories: Vec<(u32, f32)>,
    categories_end: Vec<u32>,
}

/// What comparing needs, kept from one paper to the next.
#[derive(Default)]
pub struct Sums {
    /// For every paper; zero between two papers.
    sums: Vec<f32>,
    touched: Vec<u32>,
}

impl Neighbours {
    /// How many papers there are.
    pub fn len(&self) -> usize {
        self.slots_end.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots_end.is_empty()
    }

    /// Up to `most` papers that share a telling term with the paper `at`, most
    /// alike first, as they were counted when they were added; ties go to the earlier one.
    pub fn of(&self, at: usize, most: usize, sums: &mut Sums) -> Vec<usize> {
        sums.sums.resize(self.len(), 0.0);
        for slot in part(&self.slots, &self.slots_end, at) {
            for entry in part(&self.entries, &self.lists_end, slot.list as usize) {
                let sum = &mut sums.sums[entry.paper as usize];
                if *sum == 0.0 {
                    sums.touched.push(entry.paper);
                }
                *sum += slot.weight * entry.weight;
            }
        }
        let mut near: Vec<(f32, usize)> = Vec::with_capacity(sums.touched.len());
        for paper in sums.touched.drain(..) {
            let sum = std::mem::take(&mut sums.sums[paper as usize]);
            if paper as usize != at {
                near.push((sum, paper as usize));
            }
        }
        let order = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let closer = CLOSER_LOOK.max(most);
        if near.len() > closer {
            near.select_nth_unstable_by(closer, order);
            near.truncate(closer);
        }
        let own = part(&self.categories, &self.categories_end, at);
        for (sum, other) in &mut near {
            for (category, weight) in part(&self.categories, &self.categories_end, *other) {
                let same = own.iter().find(|(own, _)| own == category);
                *sum += CATEGORIES * weight * same.map_or(0.0, |(_, weight)| *weight);
            }
        }
        near.sort_unstable_by(order);
        near.into_iter().take(most).map(|(_, other)| other).collect()
    }
}

/// The `at`th part of `all`, where `ends` says where each part ends.
fn part<'a, T>(all: &'a [T], ends: &[u32], at: usize) -> &'a [T] {
    let start = if at == 0 { 0 } else { ends[at - 1] as usize };
    &all[start..ends[at] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::profile::TermCounter;
    use crate::profile::features::weigh;

    #[test]
    fn what_shares_most_comes_first_and_what_shares_nothing_not_at_all() {
        let titles = [
            "Glaciers in motion",
            "Motion of glaciers and rivers",
            "Rivers and their fish",
            "Proofs of theorems",
            "Glaciers in motion",
        ];
        let mut counter = TermCounter::new();
        let terms: Vec<_> =
            titles.iter().map(|title| counter.paper(&Paper::new("x".parse().unwrap(), (*title).to_owned()))).collect();
        let mut background = Background::default();
        for terms in &terms {
            background.count(terms);
        }
        background.settle();
        let mut archive = Archive::default();
        for terms in &terms {
            archive.add(&weigh(terms, &background), &background);
        }
        let (neighbours, mut sums) = (archive.settle(), Sums::default());
        assert_eq!(neighbours.of(0, 9, &mut sums), [4, 1]);
        assert_eq!(neighbours.of(0, 1, &mut sums), [4]);
        assert_eq!(neighbours.of(2, 9, &mut sums), [1]);
        assert!(neighbours.of(3, 9, &mut sums).is_empty());
    }

    #[test]
    fn an_archive_may_be_empty() {
        assert!(Archive::default().settle().is_empty());
    }
}
