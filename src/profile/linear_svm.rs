//! A linear classifier of liked papers against a sample of the archive.
//!
//! A linear support vector machine with squared hinge loss over words and categories,
//! trained by dual coordinate descent: Hsieh, Chang, Lin, Keerthi, Sundararajan, "A dual
//! coordinate descent method for large-scale linear SVM", ICML 2008. Only terms of rated
//! papers get a weight: the others would make a profile a hundred times as long and rank
//! no better.

use super::background::fingerprint;
use super::features::weigh;
use super::learn::Example;
use super::{Background, Features, Group, TermCounts};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Least size of the sample; fewer papers do not show what is common.
const ROWS_MIN: usize = 20;

/// The cost of errors, of all liked papers together and of the whole sample (C). Half as much
/// or half as much again changes no evaluation set by more than 0.01.
const COST: f32 = 200.0;

/// Scale of categories relative to words; both groups of a paper have unit length.
const CATEGORY_SCALE: f32 = 0.3;

/// The bias feature of every paper. Since terms are centred on the sample's mean, it can be
/// this small: papers then pull in different directions, and ten rounds suffice instead of a
/// hundred.
const BIAS: f32 = 0.3;

/// The most rounds over the papers.
const ROUNDS: usize = 100;

/// Stop when no margin moves by more in a round; a tenth of it changes no order.
const SETTLED: f32 = 0.1;

/// A sample of the archive as an inverted index.
#[derive(Debug, Default)]
pub struct NegativeSample {
    /// Fingerprints of the papers.
    keys: Vec<u64>,
    /// The terms, sorted, and the end of each one's entries.
    terms: Vec<u32>,
    ends: Vec<u32>,
    /// Papers with the term, and its weight in each.
    entries: Vec<(u32, f32)>,
}

/// The trained classifier.
#[derive(Debug, Clone, Default)]
pub struct LinearModel {
    /// Weights of words.
    pub text: Features,
    /// Weights of categories.
    pub fields: Features,
    /// The amount by which each sample paper's score was lowered by being a negative example, by
    /// fingerprint; it is added back when such a paper is ranked.
    pub own: HashMap<u64, f32>,
}

/// A training example: a range of entries over the restricted terms.
struct TrainingRow {
    start: usize,
    end: usize,
    sign: f32,
    cost: f32,
    /// Its scalar product with the sample's mean.
    usual: f32,
    /// Its squared length after centring, with the bias.
    square: f32,
    alpha: f32,
    key: Option<u64>,
}

impl NegativeSample {
    /// Builds the index of a sample.
    pub fn of(kept: &BTreeMap<u64, TermCounts>, background: &Background) -> NegativeSample {
        let mut all: Vec<(u32, u32, f32)> = Vec::new();
        for (row, terms) in kept.values().enumerate() {
            all.extend(
                weigh(terms, background)
                    .0
                    .into_iter()
                    .filter(|(term, _)| counts(*term))
                    .map(|(term, w)| (term, row as u32, w)),
            );
        }
        all.sort_unstable_by_key(|(term, row, _)| (*term, *row));
        let mut sample = NegativeSample {
            keys: kept.keys().copied().collect(),
            ..NegativeSample::default()
        };
        for same in all.chunk_by(|a, b| a.0 == b.0) {
            sample.terms.push(same[0].0);
            sample
                .entries
                .extend(same.iter().map(|(_, row, weight)| (*row, *weight)));
            sample.ends.push(sample.entries.len() as u32);
        }
        sample
    }

    /// Trains on `liked` (and `words`, as a paper of that weight) against the sample. `None` if
    /// one of the sides is too small.
    pub fn train(&self, liked: &[Example], words: (&Features, f32)) -> Option<LinearModel> {
        let mut rated: Vec<(&Features, f32, f32)> = Vec::new();
        let total =
            |examples: &[Example]| examples.iter().map(|example| example.weight).sum::<f32>();
        let liked_weight = total(liked) + if words.0.0.is_empty() { 0.0 } else { words.1 };
        if self.keys.len() < ROWS_MIN || liked.is_empty() || liked_weight <= 0.0 {
            return None;
        }
        rated.extend(
            liked
                .iter()
                .map(|example| (&*example.features, 1.0, example.weight / liked_weight)),
        );
        if !words.0.0.is_empty() {
            rated.push((words.0, 1.0, words.1 / liked_weight));
        }
        let mut terms: Vec<u32> = rated
            .iter()
            .flat_map(|(features, ..)| {
                features
                    .0
                    .iter()
                    .filter(|(term, _)| counts(*term))
                    .map(|(term, _)| *term)
            })
            .collect();
        terms.sort_unstable();
        terms.dedup();
        let rated_keys: HashSet<u64> = rated
            .iter()
            .map(|(features, ..)| fingerprint(features.0.iter().map(|(term, _)| *term)))
            .collect();
        let (mut entries, mut rows) = (Vec::new(), Vec::new());
        let mut row = |entries: &mut Vec<(u32, f32)>, start: usize, sign: f32, cost: f32, key| {
            rows.push(TrainingRow {
                start,
                end: entries.len(),
                sign,
                cost,
                usual: 0.0,
                square: 0.0,
                alpha: 0.0,
                key,
            });
        };
        for (features, sign, share) in rated {
            let start = entries.len();
            let mut at = 0;
            for &(term, weight) in features.0.iter().filter(|(term, _)| counts(*term)) {
                at += terms[at..].partition_point(|known| *known < term);
                entries.push((at as u32, weight * scale(term)));
            }
            row(&mut entries, start, sign, share * COST, None);
        }
        let (others, ends) = self.restricted(&terms);
        let open = self
            .keys
            .iter()
            .filter(|key| !rated_keys.contains(key))
            .count()
            .max(1) as f32;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        entries.reserve(others.len());
        for (key, (from, to)) in self
            .keys
            .iter()
            .zip(starts.zip(&ends))
            .filter(|(key, _)| !rated_keys.contains(key))
        {
            let start = entries.len();
            entries.extend_from_slice(&others[from..*to]);
            row(&mut entries, start, -1.0, COST / open, Some(*key));
        }
        let mean = Mean::of(&mut rows, &entries, terms.len());
        let weights = descend(&mut rows, &entries, &mean);
        let pulling = rows.iter().filter(|row| row.alpha > 0.0);
        let own = pulling
            .filter_map(|row| Some((row.key?, row.alpha * (row.square - mean.rest(row)))))
            .collect();
        let weighed = |group: Group| {
            let of = terms
                .iter()
                .zip(&weights)
                .filter(|(term, _)| Group::of(**term) == group);
            // A category must not speak against a paper: negative weights are dropped.
            let of = of.filter(|(_, weight)| {
                if group == Group::Category {
                    **weight > 0.0
                } else {
                    **weight != 0.0
                }
            });
            Features(
                of.map(|(term, weight)| (*term, weight * scale(*term)))
                    .collect(),
            )
        };
        Some(LinearModel {
            text: weighed(Group::Text),
            fields: weighed(Group::Category),
            own,
        })
    }

    /// The sample restricted to `terms`, which are sorted: the entries of all papers one after
    /// the other, and the end of each.
    fn restricted(&self, terms: &[u32]) -> (Vec<(u32, f32)>, Vec<usize>) {
        let (mut lists, mut at) = (Vec::with_capacity(terms.len()), 0);
        for (place, term) in terms.iter().enumerate() {
            at += self.terms[at..].partition_point(|known| known < term);
            if self.terms.get(at) == Some(term) {
                let start = if at == 0 {
                    0
                } else {
                    self.ends[at - 1] as usize
                };
                lists.push((
                    place as u32,
                    scale(*term),
                    &self.entries[start..self.ends[at] as usize],
                ));
            }
        }
        // A counting sort: a list for each paper takes twice as long.
        let mut ends = vec![0_usize; self.keys.len()];
        for (row, _) in lists.iter().flat_map(|(.., list)| *list) {
            ends[*row as usize] += 1;
        }
        let mut total = 0;
        for end in &mut ends {
            // Start of the paper's entries; it grows to their end.
            total += std::mem::replace(end, total);
        }
        let mut entries = vec![(0, 0.0); total];
        for (place, scale, list) in lists {
            for &(row, weight) in list {
                let end = &mut ends[row as usize];
                entries[*end] = (place, weight * scale);
                *end += 1;
            }
        }
        (entries, ends)
    }
}

/// The mean of the sample, which is subtracted from every paper.
struct Mean {
    weights: Vec<f32>,
    square: f32,
}

impl Mean {
    /// Computes the mean and the centred length of each row.
    fn of(rows: &mut [TrainingRow], entries: &[(u32, f32)], width: usize) -> Mean {
        let others = rows.iter().filter(|row| row.sign < 0.0);
        let share = 1.0 / others.clone().count().max(1) as f32;
        let mut weights = vec![0.0_f32; width];
        for (place, weight) in others.flat_map(|row| &entries[row.start..row.end]) {
            weights[*place as usize] += share * weight;
        }
        let mean = Mean {
            square: weights.iter().map(|weight| weight * weight).sum(),
            weights,
        };
        for row in rows {
            let part = &entries[row.start..row.end];
            row.usual = product(part, &mean.weights);
            row.square = part.iter().map(|(_, weight)| weight * weight).sum::<f32>() - row.usual
                + mean.rest(row);
        }
        mean
    }

    /// The part of a row's squared length that comes from the mean and the bias.
    fn rest(&self, row: &TrainingRow) -> f32 {
        BIAS * BIAS + self.square - row.usual
    }
}

/// Runs dual coordinate descent; updates each row's dual variable and returns the weights.
/// The bias changes no order and is dropped.
///
/// A centred paper is dense, so it is never written down: `pulled` is the sum of all
/// signed steps, `along` the scalar product of the weights with the mean.
fn descend(rows: &mut [TrainingRow], entries: &[(u32, f32)], mean: &Mean) -> Vec<f32> {
    let (mut weights, mut bias) = (vec![0.0_f32; mean.weights.len()], 0.0_f32);
    let (mut pulled, mut along) = (0.0_f32, 0.0_f32);
    let order = mixed(rows.len());
    for _ in 0..ROUNDS {
        let mut most = 0.0_f32;
        for &at in &order {
            let row = &mut rows[at];
            let part = &entries[row.start..row.end];
            let sum = product(part, &weights);
            let slack = 0.5 / row.cost;
            let sum = sum - along - pulled * (row.usual - mean.square) + BIAS * bias;
            let gradient = row.sign * sum - 1.0 + slack * row.alpha;
            let alpha = (row.alpha - gradient / (row.square + slack)).max(0.0);
            let step = alpha - row.alpha;
            if step == 0.0 {
                continue;
            }
            // The distance that its margin moves.
            most = most.max(step.abs() * (row.square + slack));
            row.alpha = alpha;
            let times = step * row.sign;
            for (place, weight) in part {
                weights[*place as usize] += times * weight;
            }
            bias += BIAS * times;
            pulled += times;
            along += times * row.usual;
        }
        if most < SETTLED {
            break;
        }
    }
    for (weight, mean) in weights.iter_mut().zip(&mean.weights) {
        *weight -= pulled * mean;
    }
    weights
}

/// The scalar product of a row with the weights, in four sums, so that additions do not wait
/// for each other.
fn product(part: &[(u32, f32)], weights: &[f32]) -> f32 {
    let (fours, rest) = part.as_chunks::<4>();
    let mut sums = [0.0_f32; 4];
    for four in fours {
        for (sum, (place, weight)) in sums.iter_mut().zip(four) {
            *sum += weights[*place as usize] * weight;
        }
    }
    for (sum, (place, weight)) in sums.iter_mut().zip(rest) {
        *sum += weights[*place as usize] * weight;
    }
    sums.iter().sum()
}

/// A fixed permutation that separates neighbours: liked papers in sequence would take many
/// more rounds.
fn mixed(count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    // The multiplier of Knuth's multiplicative hashing, TAOCP volume 3, section 6.4.
    places.sort_by_key(|place| ((*place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15), *place));
    places
}

/// Whether a term is trained here; authors are learned elsewhere.
fn counts(term: u32) -> bool {
    Group::of(term) != Group::Author
}

fn scale(term: u32) -> f32 {
    if Group::of(term) == Group::Category {
        CATEGORY_SCALE
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::TermCounter;
    use crate::profile::features::category_term;
    use std::sync::Arc;

    fn terms(text: &str, category: &str) -> TermCounts {
        let mut terms = TermCounter::new().text(text);
        terms.push((category_term(category), 1));
        terms.sort_unstable();
        terms
    }

    /// Forty papers on four subjects, in two fields.
    fn archive() -> Background {
        let subjects = [
            ("glaciers", "physics"),
            ("rivers", "physics"),
            ("proofs", "math"),
            ("lattices", "math"),
        ];
        let mut background = Background::default();
        for part in [
            "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "kappa", "lambda", "sigma",
            "omega",
        ] {
            for (subject, category) in subjects {
                background.count(&terms(
                    &format!("{subject} in the long run, part {part}"),
                    category,
                ));
            }
        }
        background.settle();
        background
    }

    fn liked(text: &str, category: &str, background: &Background) -> Example {
        let features = Arc::new(weigh(&terms(text, category), background));
        Example {
            title: text.to_owned(),
            features,
            names: Arc::default(),
            dense: None,
            weight: 1.0,
        }
    }

    #[test]
    fn words_that_separate_likes_from_the_archive_get_weight() {
        let background = archive();
        let likes = [liked(
            "glaciers in the long run, part theta",
            "physics",
            &background,
        )];
        let no_words = Features::default();
        let trained = background
            .negative_sample()
            .train(&likes, (&no_words, 2.0))
            .unwrap();
        let mut counter = TermCounter::new();
        let mut weight = |word: &str| trained.text.weight(counter.text(word)[0].0);
        assert!(
            weight("glaciers") > 2.0 * weight("run"),
            "{} {}",
            weight("glaciers"),
            weight("run")
        );
        assert!(
            weight("proofs").abs() < f32::EPSILON,
            "no paper that was rated has it"
        );
        assert!(trained.fields.weight(category_term("physics")) >= 0.0);
    }

    #[test]
    fn a_liked_paper_of_the_sample_does_not_speak_against_itself() {
        let background = archive();
        let likes = [liked(
            "glaciers in the long run, part gamma",
            "physics",
            &background,
        )];
        let trained = background
            .negative_sample()
            .train(&likes, (&Features::default(), 2.0))
            .unwrap();
        let own = fingerprint(
            terms("glaciers in the long run, part gamma", "physics")
                .iter()
                .map(|(term, _)| *term),
        );
        assert!(
            background.negative_sample().keys.contains(&own) && !trained.own.contains_key(&own)
        );
        assert!(trained.own.values().all(|back| *back > 0.0) && !trained.own.is_empty());
    }

    #[test]
    fn the_sample_does_not_depend_on_the_order_of_papers() {
        let texts: Vec<TermCounts> = (0..2_000)
            .map(|number| terms(&format!("paper {number}"), "math"))
            .collect();
        let mut backgrounds = [Background::default(), Background::default()];
        for (there, back) in texts.iter().zip(texts.iter().rev()) {
            backgrounds[0].count(there);
            backgrounds[1].count(back);
        }
        let [there, back] = backgrounds.map(|mut background| {
            background.settle();
            background.negative_sample().keys.clone()
        });
        assert!(there == back && there.len() < 1_000);
        let nothing = NegativeSample::default().train(&[], (&Features::default(), 2.0));
        assert!(
            nothing.is_none(),
            "nobody likes anything, and there is no archive"
        );
    }
}
