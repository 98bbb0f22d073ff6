//! Nearest neighbours of a paper in an archive, by signatures.
//!
//! Comparing a paper with every other would be some 60,000 products. Most share no
//! distinctive term with it: candidates come from the lists of papers that share such a
//! term, most of which are short.

use super::signature::{Signature, product, read};
use crate::profile::Group;

/// Papers whose categories are compared, too: those that share most of the rest.
const CLOSER_LOOK: usize = 64;

/// Most papers of an archive: their place has 24 bits.
pub const PAPERS_MAX: usize = 1 << 24;

/// Shards of the lists, by term. The allocator keeps a large freed block for later; small
/// ones are reused. And the terms of a shard, of which 60,000 papers have some 100, are
/// close together in memory.
const SHARDS: usize = 4_096;

fn shard_of(term: u32) -> usize {
    term as usize % SHARDS
}

/// Collects papers for [`NeighboursBuilder::build`].
pub struct NeighboursBuilder {
    papers: u32,
    /// Term (32 bits), paper (24), weight (8).
    entries: Vec<Vec<u64>>,
    categories: Vec<u32>,
    categories_end: Vec<u32>,
}

impl Default for NeighboursBuilder {
    fn default() -> Self {
        NeighboursBuilder {
            papers: 0,
            entries: vec![Vec::new(); SHARDS],
            categories: Vec::new(),
            categories_end: Vec::new(),
        }
    }
}

impl NeighboursBuilder {
    /// Adds the next paper, by the stored form of its signature. Papers beyond
    /// [`PAPERS_MAX`] are left out.
    pub fn add(&mut self, signature: &[u8]) {
        if self.papers as usize == PAPERS_MAX {
            return;
        }
        for telling in read(signature) {
            let weight = u32::from(telling.weight);
            match Group::of(telling.term) {
                // There are some hundreds of them: 24 bits of the hash tell them apart.
                Group::Category => self.categories.push(telling.term << 8 | weight),
                Group::Text | Group::Author => {
                    let entry =
                        u64::from(telling.term) << 32 | u64::from(self.papers << 8 | weight);
                    self.entries[shard_of(telling.term)].push(entry);
                }
            }
        }
        self.categories_end.push(self.categories.len() as u32);
        self.papers += 1;
    }

    /// Builds the lists of papers that share a term.
    pub fn build(mut self) -> Neighbours {
        self.categories.shrink_to_fit();
        self.categories_end.shrink_to_fit();
        Neighbours {
            shards: self.entries.into_iter().map(Shard::of).collect(),
            categories: self.categories,
            categories_end: self.categories_end,
        }
    }
}

/// Lists of papers that share a term.
struct Shard {
    /// The terms that at least two papers have.
    terms: Vec<u32>,
    /// End of the list of each term.
    ends: Vec<u32>,
    /// Paper (24 bits), weight (8).
    postings: Vec<u32>,
}

impl Shard {
    fn of(mut entries: Vec<u64>) -> Self {
        entries.sort_unstable();
        let is_shared = |list: &&[u64]| list.len() > 1;
        let lists = || {
            entries
                .chunk_by(|a, b| a >> 32 == b >> 32)
                .filter(is_shared)
        };
        let (count, total) = lists().fold((0, 0), |(count, total), list| {
            (count + 1, total + list.len())
        });
        let mut shard = Shard {
            terms: Vec::with_capacity(count),
            ends: Vec::with_capacity(count),
            postings: Vec::with_capacity(total),
        };
        for list in lists() {
            shard.terms.push((list[0] >> 32) as u32);
            shard
                .postings
                .extend(list.iter().map(|entry| *entry as u32));
            shard.ends.push(shard.postings.len() as u32);
        }
        shard
    }

    /// The papers that have `term`; none if only one has it.
    fn list(&self, term: u32) -> &[u32] {
        self.terms
            .binary_search(&term)
            .map_or(&[], |at| part(&self.postings, &self.ends, at))
    }
}

/// An archive whose papers can be compared: some 250 bytes a paper.
pub struct Neighbours {
    shards: Vec<Shard>,
    /// Category (24 bits), weight (8) of each paper.
    categories: Vec<u32>,
    categories_end: Vec<u32>,
}

/// Buffers of a comparison, reused from one paper to the next.
#[derive(Default)]
pub struct Scratch {
    /// Sum of every paper; zero between two comparisons.
    sums: Vec<f32>,
    /// Room for every paper, and for one that is written and not counted.
    touched: Vec<u32>,
}

/// A paper and its sum: larger sums first, of equal ones the earlier paper.
type Near = (f32, u32);

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "sorting hands over references"
)]
fn order(a: &Near, b: &Near) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Keeps the first of many.
struct First {
    most: usize,
    kept: Vec<Near>,
    /// Entries behind it are not among the first.
    last: Option<Near>,
}

impl First {
    fn new(most: usize) -> Self {
        First {
            most,
            kept: Vec::with_capacity(2 * most),
            last: None,
        }
    }

    fn add(&mut self, near: Near) {
        if self.last.is_some_and(|last| order(&near, &last).is_gt()) {
            return;
        }
        self.kept.push(near);
        if self.kept.len() == 2 * self.most {
            self.last = Some(*self.kept.select_nth_unstable_by(self.most - 1, order).1);
            self.kept.truncate(self.most);
        }
    }

    /// The first entries, in no order.
    fn into_kept(mut self) -> Vec<Near> {
        if self.kept.len() > self.most {
            self.kept.select_nth_unstable_by(self.most - 1, order);
            self.kept.truncate(self.most);
        }
        self.kept
    }
}

impl Neighbours {
    /// Number of papers.
    pub fn len(&self) -> usize {
        self.categories_end.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.categories_end.is_empty()
    }

    /// The places of up to `most` papers that share a distinctive term with a paper, most
    /// similar first; ties go to the earlier one. `itself` is left out.
    pub fn of(
        &self,
        own: &Signature,
        itself: Option<usize>,
        most: usize,
        sums: &mut Scratch,
    ) -> Vec<usize> {
        let Scratch { sums, touched } = sums;
        sums.resize(self.len(), 0.0);
        touched.resize(self.len() + 1, 0);
        let mut count = 0;
        for telling in own.terms() {
            for posting in self.shards[shard_of(telling.term)].list(telling.term) {
                let paper = posting >> 8;
                let sum = &mut sums[paper as usize];
                // Written unconditionally: a branch that cannot be predicted costs more.
                touched[count] = paper;
                count += usize::from(*sum == 0.0);
                *sum += product(telling.weight, *posting as u8);
            }
        }
        let mut first = First::new(CLOSER_LOOK.max(most));
        for paper in &touched[..count] {
            let sum = std::mem::take(&mut sums[*paper as usize]);
            if itself != Some(*paper as usize) {
                first.add((sum, *paper));
            }
        }
        let mut near = first.into_kept();
        let categories: Vec<u32> = own
            .terms()
            .iter()
            .filter(|telling| Group::of(telling.term) == Group::Category)
            .map(|telling| telling.term << 8 | u32::from(telling.weight))
            .collect();
        for (sum, other) in &mut near {
            for theirs in part(&self.categories, &self.categories_end, *other as usize) {
                let same = categories.iter().find(|ours| *ours >> 8 == theirs >> 8);
                *sum += same.map_or(0.0, |ours| product(*ours as u8, *theirs as u8));
            }
        }
        near.sort_unstable_by(order);
        near.into_iter()
            .take(most)
            .map(|(_, other)| other as usize)
            .collect()
    }
}

/// The `at`th part of `all`, where `ends` holds the end of each part.
fn part<'a>(all: &'a [u32], ends: &[u32], at: usize) -> &'a [u32] {
    let start = if at == 0 { 0 } else { ends[at - 1] as usize };
    &all[start..ends[at] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::profile::features::weigh;
    use crate::profile::{Background, TermCounter};

    fn signatures(papers: &[(&str, &str)]) -> Vec<Signature> {
        let mut counter = TermCounter::new();
        let paper = |(title, category): &(&str, &str)| Paper {
            categories: vec![(*category).to_owned()],
            ..Paper::new("x".parse().unwrap(), (*title).to_owned())
        };
        let terms: Vec<_> = papers
            .iter()
            .map(|asked| counter.paper(&paper(asked)))
            .collect();
        let mut background = Background::default();
        for terms in &terms {
            background.count(terms);
        }
        background.settle();
        terms
            .iter()
            .map(|terms| Signature::of(&weigh(terms, &background), &[], &background))
            .collect()
    }

    fn archive(signatures: &[Signature]) -> Neighbours {
        let mut archive = NeighboursBuilder::default();
        for signature in signatures {
            archive.add(&signature.to_bytes());
        }
        archive.build()
    }

    #[test]
    fn papers_that_share_most_come_first_and_others_not_at_all() {
        let signatures = signatures(&[
            ("Glaciers in motion", "a"),
            ("Motion of glaciers and rivers", "a"),
            ("Rivers and their fish", "a"),
            ("Proofs of theorems", "a"),
            ("Glaciers in motion", "a"),
        ]);
        let (neighbours, mut sums) = (archive(&signatures), Scratch::default());
        let mut of = |at: usize, most| neighbours.of(&signatures[at], Some(at), most, &mut sums);
        assert_eq!(of(0, 9), [4, 1]);
        assert_eq!(of(0, 1), [4]);
        assert_eq!(of(2, 9), [1]);
        assert!(of(3, 9).is_empty());
        assert_eq!(
            neighbours.of(&signatures[0], None, 9, &mut sums),
            [0, 4, 1],
            "nothing is left of the last one"
        );
    }

    #[test]
    fn of_equal_papers_those_of_the_same_category_come_first() {
        let signatures = signatures(&[
            ("On ice", "a"),
            ("On ice", "b"),
            ("On ice", "b"),
            ("On ice", "a"),
            ("Rings", "a"),
        ]);
        let neighbours = archive(&signatures);
        assert_eq!(
            neighbours.of(&signatures[2], Some(2), 3, &mut Scratch::default()),
            [1, 0, 3]
        );
    }

    #[test]
    fn an_archive_may_be_empty() {
        let empty = NeighboursBuilder::default().build();
        assert!(
            empty.is_empty()
                && empty
                    .of(&Signature::default(), None, 8, &mut Scratch::default())
                    .is_empty()
        );
    }

    proptest::proptest! {
        #[test]
        fn the_kept_entries_are_the_first_ones(sums in proptest::collection::vec(0_u8..9, 0..60), most in 1_usize..9) {
            let mut all: Vec<Near> = sums.iter().enumerate().map(|(at, sum)| (f32::from(*sum), at as u32)).collect();
            let mut first = First::new(most);
            for near in &all {
                first.add(*near);
            }
            let mut kept = first.into_kept();
            kept.sort_unstable_by(order);
            all.sort_unstable_by(order);
            all.truncate(most);
            proptest::prop_assert_eq!(kept, all);
        }
    }
}
