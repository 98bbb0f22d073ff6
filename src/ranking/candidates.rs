//! Candidates: the papers of some days, prepared once for all subscribers.

use super::Days;
use crate::paper::Paper;
use crate::profile::background::fingerprint;
use crate::profile::dense::DenseDirection;
use crate::profile::features::{GivenNames, given_names, length, may_be_one, weigh};
use crate::profile::word_query::saturation;
use crate::profile::{
    Background, Features, Group, LinearModel, Profile, TermCounter, TermCounts, WordQuery,
};
use crate::text::{contains_phrase, fold_text, name_words, same_person};
use chrono::{DateTime, Utc};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

/// Papers that may be picked, with the features and indexes that every profile needs.
#[derive(Debug, Default)]
pub struct Candidates {
    papers: Vec<Arc<Paper>>,
    seen_at: Vec<DateTime<Utc>>,
    features: Vec<Features>,
    /// Titles and abstracts, folded for phrase search.
    folded: Vec<String>,
    /// Papers by term, in order.
    postings: HashMap<u32, Vec<Posting>>,
    /// Papers by folded word.
    words: HashMap<String, Vec<u32>>,
    /// The given names of their authors.
    given_names: Vec<GivenNames>,
    /// Papers by folded word of an author's name.
    names: HashMap<String, Vec<u32>>,
    /// Similarity of each paper to the mean of the archive.
    commonness: Vec<f32>,
    /// Fingerprints of their terms.
    keys: Vec<u64>,
    dense: Option<Dense>,
    /// Surface forms of terms, of the papers for which a reason was made.
    surfaces: Vec<OnceLock<Surfaces>>,
}

/// The surface forms of a paper's terms, by term.
pub type Surfaces = HashMap<u32, Box<str>>;

/// A term of a paper.
#[derive(Debug, Clone, Copy)]
struct Posting {
    at: u32,
    weight: f32,
    /// How prominently the paper uses it, 0 to 1.
    said: f32,
}

/// Dense vectors of all candidates, one after the other.
#[derive(Debug)]
struct Dense {
    maker: String,
    width: usize,
    values: Vec<f32>,
    /// Whether the embedder knows any word of the text.
    is_known: Vec<bool>,
}

impl Candidates {
    /// Prepares papers, each with the instant at which it was taken in; positions stay.
    pub fn prepare(papers: Vec<(Arc<Paper>, DateTime<Utc>)>, background: &Background) -> Self {
        let (papers, seen_at): (Vec<_>, Vec<_>) = papers.into_iter().unzip();
        let counted: Vec<(TermCounts, f32)> = papers
            .par_iter()
            .map_init(TermCounter::new, |counter, paper| {
                let terms = counter.paper(paper);
                let length = length(&terms, background);
                (terms, length)
            })
            .collect();
        let features: Vec<Features> = counted
            .par_iter()
            .map(|(terms, _)| weigh(terms, background))
            .collect();
        let folded: Vec<String> = papers
            .par_iter()
            .map(|paper| fold_text(&format!("{} | {}", paper.title, paper.abstract_text)))
            .collect();
        let given_names = papers
            .par_iter()
            .map(|paper| given_names(&paper.authors))
            .collect();
        let commonness = features
            .iter()
            .map(|features| {
                features
                    .group(Group::Text)
                    .iter()
                    .map(|&(term, w)| w * background.mean_weight(term))
                    .sum()
            })
            .collect();
        let keys = features
            .iter()
            .map(|features| fingerprint(features.0.iter().map(|(term, _)| *term)))
            .collect();
        let mut candidates = Candidates {
            papers,
            seen_at,
            features,
            folded,
            given_names,
            commonness,
            keys,
            ..Candidates::default()
        };
        candidates
            .surfaces
            .resize_with(candidates.papers.len(), OnceLock::new);
        candidates.index(&counted);
        candidates
    }

    /// Adds dense vectors by `maker`, one for each paper in order; zero where it knows no
    /// word of the text.
    #[must_use]
    pub fn with_dense(mut self, maker: &str, vectors: &[Vec<f32>]) -> Self {
        let width = vectors.first().map_or(0, Vec::len);
        let fits = vectors.len() == self.papers.len()
            && vectors.iter().all(|vector| vector.len() == width);
        assert!(
            fits,
            "there is one vector of the same length for each paper"
        );
        let is_known = vectors
            .iter()
            .map(|vector| vector.iter().any(|value| *value != 0.0))
            .collect();
        self.dense = (width > 0).then(|| Dense {
            maker: maker.to_owned(),
            width,
            values: vectors.concat(),
            is_known,
        });
        self
    }

    fn index(&mut self, counted: &[(TermCounts, f32)]) {
        for (at, (features, (terms, length))) in self.features.iter().zip(counted).enumerate() {
            for (&(term, weight), &(_, count)) in features.0.iter().zip(terms) {
                let posting = Posting {
                    at: at as u32,
                    weight,
                    said: saturation(count, *length),
                };
                self.postings.entry(term).or_default().push(posting);
            }
        }
        for (at, text) in self.folded.iter().enumerate() {
            let words: BTreeSet<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
            for word in words {
                push(&mut self.words, word, at as u32);
            }
        }
        for (at, paper) in self.papers.iter().enumerate() {
            let names: BTreeSet<String> = paper
                .authors
                .iter()
                .flat_map(|name| name_words(name))
                .collect();
            for word in names {
                push(&mut self.names, &word, at as u32);
            }
        }
    }

    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.papers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.papers.is_empty()
    }

    /// The paper at a position.
    pub fn paper(&self, at: usize) -> &Arc<Paper> {
        &self.papers[at]
    }

    /// Its features.
    pub fn features(&self, at: usize) -> &Features {
        &self.features[at]
    }

    /// The surface forms of its terms.
    pub fn surfaces(&self, at: usize) -> &Surfaces {
        self.surfaces[at].get_or_init(|| surfaces(&self.papers[at]))
    }

    /// The positions of candidates announced on one of `days`.
    pub fn on_days<'a>(&'a self, days: &'a Days) -> impl Iterator<Item = usize> + 'a {
        (0..self.papers.len()).filter(|&at| {
            let since = self.papers[at].announced.and_then(|day| days.get(&day));
            since.is_some_and(|since| since.is_none_or(|since| self.seen_at[at] > since))
        })
    }

    /// The scalar product of `weights` with every candidate.
    pub fn products(&self, weights: &Features) -> Vec<f32> {
        let mut sums = vec![0.0; self.papers.len()];
        for &(term, weight) in &weights.0 {
            if let Some(postings) = self.postings.get(&term) {
                for posting in postings {
                    sums[posting.at as usize] += weight * posting.weight;
                }
            }
        }
        sums
    }

    /// The share of the asked words that every candidate contains, 0 to 1.
    pub fn answers(&self, asked: &WordQuery) -> Vec<f32> {
        let mut of_items = vec![0.0_f32; self.papers.len()];
        for item in &asked.items {
            for (best, of_item) in of_items.iter_mut().zip(self.shares_said(item)) {
                *best = best.max(of_item);
            }
        }
        let whole = self.shares_said(&asked.whole);
        of_items
            .into_iter()
            .zip(whole)
            .map(|(of_item, of_whole)| WordQuery::score(of_item, of_whole))
            .collect()
    }

    /// The weight of each asked term for a candidate, and how prominently it uses the term.
    pub fn asked_of(&self, asked: &WordQuery, at: usize) -> Vec<(u32, f32, f32)> {
        let said = |term: u32| {
            let postings = self.postings.get(&term)?;
            let found = postings
                .binary_search_by_key(&(at as u32), |posting| posting.at)
                .ok()?;
            Some(postings[found].said)
        };
        let sum = |of: &Features| {
            of.0.iter()
                .filter_map(|(term, share)| Some(share * said(*term)?))
                .sum::<f32>()
        };
        let of_items: Vec<f32> = asked.items.iter().map(sum).collect();
        let weights = asked.weights(&of_items, sum(&asked.whole));
        weights
            .0
            .into_iter()
            .filter_map(|(term, share)| Some((term, share, said(term)?)))
            .collect()
    }

    fn shares_said(&self, shares: &Features) -> Vec<f32> {
        let mut sums = vec![0.0; self.papers.len()];
        for (term, share) in &shares.0 {
            for posting in self.postings.get(term).map_or(&[][..], Vec::as_slice) {
                sums[posting.at as usize] += share * posting.said;
            }
        }
        sums
    }

    /// For every candidate the sum of the weights of `profile` for its authors, without
    /// namesakes.
    pub fn people_products(&self, profile: &Profile) -> Vec<f32> {
        let mut sums = vec![0.0; self.papers.len()];
        for &(term, weight) in &profile.people.0 {
            let Some(postings) = self.postings.get(&term) else {
                continue;
            };
            for posting in postings {
                if self.may_be_by(posting.at as usize, term, &profile.names) {
                    sums[posting.at as usize] += weight * posting.weight;
                }
            }
        }
        sums
    }

    /// Whether the author behind that term of a candidate may be one of `known`.
    pub fn may_be_by(&self, at: usize, term: u32, known: &[(u32, Arc<str>)]) -> bool {
        let (own, known) = (of_term(&self.given_names[at], term), of_term(known, term));
        own.iter()
            .any(|(_, own)| known.iter().any(|(_, known)| may_be_one(own, known)))
    }

    /// The dense vector of a candidate; `None` without vectors, or where the embedder knows
    /// no word of the text.
    pub fn dense(&self, at: usize) -> Option<&[f32]> {
        let dense = self.dense.as_ref()?;
        dense.is_known[at].then(|| &dense.values[at * dense.width..(at + 1) * dense.width])
    }

    /// The product of each profile's dense direction with every candidate, above its product
    /// with the mean of the archive; 0 where the embedder knows no word of the text. `None`
    /// for a profile without a direction, or with one of another embedder.
    pub fn dense_scores(&self, profiles: &[&Profile]) -> Vec<Option<Vec<f32>>> {
        let Some(dense) = &self.dense else {
            return vec![None; profiles.len()];
        };
        let directions: Vec<(usize, &DenseDirection)> = profiles
            .iter()
            .enumerate()
            .filter_map(|(at, profile)| Some((at, profile.dense.as_ref()?)))
            .filter(|(_, direction)| {
                direction.maker == dense.maker && direction.weights.len() == dense.width
            })
            .collect();
        let weights: Vec<&[f32]> = directions
            .iter()
            .map(|(_, direction)| direction.weights.as_slice())
            .collect();
        let products = products_of(&weights, &dense.values, dense.width);
        let mut scores = vec![None; profiles.len()];
        for ((at, direction), mut products) in directions.into_iter().zip(products) {
            for (product, is_known) in products.iter_mut().zip(&dense.is_known) {
                *product = if *is_known {
                    *product - direction.at_mean
                } else {
                    0.0
                };
            }
            scores[at] = Some(products);
        }
        scores
    }

    /// The product of each candidate with the mean of the archive: high for common words.
    pub fn commonness(&self) -> &[f32] {
        &self.commonness
    }

    /// The correction of candidates that served as negative examples when `trained` was learned.
    pub fn given_back(&self, trained: &LinearModel) -> Vec<f32> {
        self.keys
            .iter()
            .map(|key| trained.own.get(key).copied().unwrap_or(0.0))
            .collect()
    }

    /// Positions of the candidates with one of these sorted fingerprints.
    pub fn with_keys(&self, keys: &[u64]) -> Vec<usize> {
        (0..self.papers.len())
            .filter(|&at| keys.binary_search(&self.keys[at]).is_ok())
            .collect()
    }

    /// For every candidate the sum of the weights of its categories.
    pub fn field_sums(&self, weights: &Features) -> Vec<f32> {
        let mut sums = vec![0.0; self.papers.len()];
        for (term, weight) in weights.group(Group::Category) {
            for posting in self.postings.get(term).map_or(&[][..], Vec::as_slice) {
                sums[posting.at as usize] += weight;
            }
        }
        sums
    }

    /// Positions of the papers that contain one of the spellings of a phrase
    /// ([`fold_phrase`](crate::text::fold_phrase)), or its plural; in order.
    pub fn with_phrase(&self, spellings: &[String]) -> Vec<usize> {
        let mut holding = Vec::new();
        for phrase in spellings {
            holding.extend(self.holding(phrase));
            if phrase.ends_with(|c: char| c.is_ascii_alphabetic()) {
                holding.extend(self.holding(&format!("{phrase}s")));
            }
        }
        holding.sort_unstable();
        holding.dedup();
        holding
    }

    fn holding(&self, phrase: &str) -> Vec<usize> {
        let holds = |at: &usize| contains_phrase(&self.folded[*at], phrase);
        // A whole ASCII word of the phrase narrows the search; without one, every text is read.
        let whole_words = phrase
            .split(' ')
            .filter(|word| !word.ends_with('*') && word.is_ascii());
        let rarest = whole_words
            .map(|word| self.words.get(word).map_or(&[][..], Vec::as_slice))
            .min_by_key(|papers| papers.len());
        match rarest {
            Some(papers) => papers.iter().map(|&at| at as usize).filter(holds).collect(),
            None => (0..self.papers.len()).filter(holds).collect(),
        }
    }

    /// Positions of the papers by `person`, with the name as each paper writes it, in order.
    pub fn by_author(&self, person: &str) -> Vec<(usize, String)> {
        let papers: BTreeSet<u32> = name_words(person)
            .filter_map(|word| self.names.get(&word))
            .flatten()
            .copied()
            .collect();
        papers
            .into_iter()
            .filter_map(|at| {
                let name = self.papers[at as usize]
                    .authors
                    .iter()
                    .find(|name| same_person(name, person))?;
                Some((at as usize, name.clone()))
            })
            .collect()
    }
}

/// Scalar products of each of `left` with each row of `width` numbers in `right`, as one
/// matrix product for many of `left`, which is fastest. Each product is the same,
/// whatever others are computed with it.
pub fn products_of(left: &[&[f32]], right: &[f32], width: usize) -> Vec<Vec<f32>> {
    /// Rows of one block: enough blocks for every core.
    const TOGETHER: usize = 64;
    let height = right.len() / width.max(1);
    let right = ArrayView2::from_shape((height, width), right).expect("rows have one length");
    let products = left.par_chunks(TOGETHER).flat_map_iter(|left| {
        let left = Array2::from_shape_vec((left.len(), width), left.concat())
            .expect("all have one length");
        let products = left.dot(&right.t());
        products
            .rows()
            .into_iter()
            .map(|row| row.to_vec())
            .collect::<Vec<_>>()
    });
    products.collect()
}

fn surfaces(paper: &Paper) -> Surfaces {
    let mut surfaces = Surfaces::new();
    let mut counter = TermCounter::new();
    counter.for_each_surface(
        &format!("{}.\n{}", paper.title, paper.abstract_text),
        |term, surface| {
            // Titles and starts of sentences have capitals that the word itself lacks.
            let capitals = |text: &str| text.chars().filter(|c| c.is_uppercase()).count();
            if surfaces
                .get(&term)
                .is_none_or(|known| capitals(surface) < capitals(known))
            {
                surfaces.insert(
                    term,
                    surface
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                        .into(),
                );
            }
        },
    );
    surfaces
}

fn of_term(names: &[(u32, Arc<str>)], term: u32) -> &[(u32, Arc<str>)] {
    let start = names.partition_point(|(other, _)| *other < term);
    let end = names.partition_point(|(other, _)| *other <= term);
    &names[start..end]
}

fn push(index: &mut HashMap<String, Vec<u32>>, word: &str, at: u32) {
    if let Some(papers) = index.get_mut(word) {
        papers.push(at);
    } else {
        index.insert(word.to_owned(), vec![at]);
    }
}
