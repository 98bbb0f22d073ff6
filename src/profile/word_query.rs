//! The words of an interest as a query. Before a reader likes papers it is the only signal;
//! afterwards it tells relevant papers from chance matches.
//!
//! Nothing is learned from the words: a score is the share of the query that a paper
//! contains, each word weighted by its rarity and by BM25's saturation of its frequency
//! ([`saturation`]; Robertson, Zaragoza, "The Probabilistic Relevance Framework: BM25 and
//! Beyond", 2009). So a paper has the same score whatever else was announced that day, and
//! half of a query is not a match.

use super::features::Features;
use super::{Background, TermCounter};
use std::collections::{BTreeMap, HashSet};

/// Weight of a pair of neighbouring words relative to one word.
const PAIR: f32 = 0.8;

/// Weight of a word that no paper contains: it may be misspelt.
const UNHEARD: f32 = 0.5;

/// Least total weight of an item that can be the whole query: about two rare words
/// ([`Background::rarity`]).
const ITEM_MIN: f32 = 9.0;

/// Shares of a score that one item of a list and the whole list can give.
const ITEM_COUNTS: f32 = 0.4;
const WHOLE_COUNTS: f32 = 1.0 - ITEM_COUNTS;

/// Items that suffice for a full score of a longer list.
const ITEMS_SUFFICE: f32 = 3.0;

/// Items scored one by one; further ones count in the whole only.
const ITEMS_MAX: usize = 40;

/// BM25's k₁ and b: the count at which saturation reaches one half in a text of usual
/// length, and how much of it depends on the length.
const HALF_SAID: f32 = 0.7;
const LENGTH_COUNTS: f32 = 0.7;

/// Weighted words, as a whole and by the items of the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WordQuery {
    /// The share of each word and pair in the whole query.
    pub whole: Features,
    /// The same for each item; empty if there is only one.
    pub items: Vec<Features>,
}

/// Saturation of a term that a paper contains `count` times, from 0 to 1; `length` is the
/// length of the paper's vector relative to a usual one.
pub fn saturation(count: u32, length: f32) -> f32 {
    let count = count as f32;
    count / (count + HALF_SAID * (1.0 - LENGTH_COUNTS + LENGTH_COUNTS * length))
}

impl WordQuery {
    /// Parses a text; `None` if it holds no words.
    pub fn read(
        text: &str,
        background: &Background,
        counter: &mut TermCounter,
    ) -> Option<WordQuery> {
        let items = items(text);
        let masses: Vec<BTreeMap<u32, f32>> = items
            .iter()
            .map(|item| masses(item, background, counter))
            .filter(|masses| !masses.is_empty())
            .collect();
        let mut whole: BTreeMap<u32, f32> = BTreeMap::new();
        for (&term, &mass) in masses.iter().flatten() {
            let known = whole.entry(term).or_insert(mass);
            *known = known.max(mass);
        }
        let all: f32 = whole.values().sum();
        if all <= 0.0 {
            return None;
        }
        let shares = |masses: &BTreeMap<u32, f32>, of: f32| {
            Features(masses.iter().map(|(t, m)| (*t, m / of)).collect())
        };
        let of_item = |masses: &BTreeMap<u32, f32>| {
            shares(masses, masses.values().sum::<f32>().max(ITEM_MIN.min(all)))
        };
        let largest = masses
            .iter()
            .map(|masses| masses.values().sum::<f32>())
            .fold(ITEM_MIN, f32::max);
        let suffices = all.min(ITEMS_SUFFICE * largest);
        let items = if masses.len() > 1 {
            masses.iter().take(ITEMS_MAX).map(of_item).collect()
        } else {
            Vec::new()
        };
        Some(WordQuery {
            whole: shares(&whole, suffices),
            items,
        })
    }

    /// The weight of each word for a paper with these scores of the whole and of each item: a
    /// list asks for any of its items, and several score higher.
    pub fn weights(&self, of_items: &[f32], of_whole: f32) -> Features {
        let Some((item, _)) = best(of_items).filter(|best| is_item_better(best.1, of_whole)) else {
            return self.whole.clone();
        };
        let mut weights: BTreeMap<u32, f32> = self
            .whole
            .0
            .iter()
            .map(|(t, share)| (*t, WHOLE_COUNTS * share))
            .collect();
        for (term, share) in &self.items[item].0 {
            *weights.entry(*term).or_insert(0.0) += ITEM_COUNTS * share;
        }
        Features(weights.into_iter().collect())
    }

    /// The score of a paper from its score of the whole query and the best of its items.
    pub fn score(of_item: f32, of_whole: f32) -> f32 {
        if is_item_better(of_item, of_whole) {
            ITEM_COUNTS * of_item + WHOLE_COUNTS * of_whole
        } else {
            of_whole
        }
    }
}

fn is_item_better(of_item: f32, of_whole: f32) -> bool {
    of_item > of_whole
}

fn best(values: &[f32]) -> Option<(usize, f32)> {
    // Of equal values the first wins.
    values
        .iter()
        .copied()
        .enumerate()
        .rev()
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The items of a list, or the sentences of a text.
fn items(text: &str) -> Vec<&str> {
    let ends = |c: char| {
        matches!(
            c,
            ',' | ';' | ':' | '\n' | '(' | ')' | '•' | '，' | '、' | '。' | '；'
        )
    };
    // A point ends a sentence if white space follows: `3.5` is one word.
    text.split(ends)
        .flat_map(|part| part.split(". "))
        .filter(|item| !item.trim().is_empty())
        .collect()
}

/// The weights of the terms of an item, by rarity.
fn masses(item: &str, background: &Background, counter: &mut TermCounter) -> BTreeMap<u32, f32> {
    let terms = counter.query_terms(item);
    let words: HashSet<u32> = terms
        .iter()
        .filter(|(_, is_pair)| !is_pair)
        .map(|(term, _)| *term)
        .collect();
    let mut masses = BTreeMap::new();
    for (term, is_pair) in terms {
        let is_heard = background.share(term) > 0.0;
        let times = match (is_pair, is_heard) {
            (false, true) => 1.0,
            (false, false) => UNHEARD,
            (true, true) => PAIR,
            // Two words alone are a name; most pairs of a sentence are chance.
            (true, false) if words.len() == 2 => PAIR,
            (true, false) => continue,
        };
        masses.insert(term, times * background.rarity(term));
    }
    masses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Background {
        let mut background = Background::default();
        let mut counter = TermCounter::new();
        for at in 0..200 {
            let what = ["graphs", "codes", "surfaces", "tides"][at % 4];
            background.count(&counter.text(&format!("we study {what} in the case of number{at}")));
        }
        background.settle();
        background
    }

    fn share(asked: &WordQuery, text: &str) -> f32 {
        let terms: HashSet<u32> = TermCounter::new()
            .query_terms(text)
            .into_iter()
            .map(|(term, _)| term)
            .collect();
        let of = |features: &Features| -> f32 {
            features
                .0
                .iter()
                .filter(|(term, _)| terms.contains(term))
                .map(|(_, share)| share)
                .sum()
        };
        WordQuery::score(
            asked.items.iter().map(of).fold(0.0, f32::max),
            of(&asked.whole),
        )
    }

    #[test]
    fn half_of_a_query_is_not_a_match() {
        let (background, mut counter) = (archive(), TermCounter::new());
        let asked = WordQuery::read("surface codes", &background, &mut counter).unwrap();
        assert!(asked.items.is_empty());
        assert!((share(&asked, "surface codes") - 1.0).abs() < 1e-5);
        let (both, one) = (
            share(&asked, "a code, and a surface"),
            share(&asked, "a surface"),
        );
        assert!(both < 0.7 && one < 0.4 && both > one, "{both} {one}");
    }

    #[test]
    fn a_list_asks_for_any_of_its_items_and_rather_for_several() {
        let (background, mut counter) = (archive(), TermCounter::new());
        let asked =
            WordQuery::read("graphs, codes; surfaces\ntides", &background, &mut counter).unwrap();
        assert_eq!(asked.items.len(), 4);
        let (one, two, none) = (
            share(&asked, "codes"),
            share(&asked, "codes and graphs"),
            share(&asked, "nothing of that"),
        );
        assert!(
            one > 0.25 && two > one + 0.1 && none < 1e-6,
            "{one} {two} {none}"
        );
        assert_eq!(
            WordQuery::read("of the, and: ", &background, &mut counter),
            None
        );
    }

    #[test]
    fn one_item_of_a_long_list_counts_as_in_a_short_one() {
        let (background, mut counter) = (archive(), TermCounter::new());
        let list = |count: usize| -> String {
            (0..count)
                .map(|at| format!("number{at} case, "))
                .collect::<Vec<_>>()
                .concat()
        };
        let mut one = |count| {
            share(
                &WordQuery::read(&list(count), &background, &mut counter).unwrap(),
                "number1 case",
            )
        };
        let (short, long) = (one(3), one(30));
        assert!(long > 0.9 * short && long < 1.5 * short, "{short} {long}");
        // Repeating a query does not change it.
        let said_twice = one(2).max(share(
            &WordQuery::read(&list(2).repeat(20), &background, &mut counter).unwrap(),
            "number1 case",
        ));
        assert!(said_twice <= 1.0, "{said_twice}");
    }

    #[test]
    fn the_weights_of_a_paper_sum_up_to_its_score() {
        let (background, mut counter) = (archive(), TermCounter::new());
        let asked = WordQuery::read("graphs and codes, tides", &background, &mut counter).unwrap();
        for text in [
            "codes",
            "tides",
            "graphs and codes and tides",
            "nothing of that",
        ] {
            let there: HashSet<u32> = counter
                .query_terms(text)
                .into_iter()
                .map(|(term, _)| term)
                .collect();
            let of = |features: &Features| -> f32 {
                let of = features.0.iter().filter(|(term, _)| there.contains(term));
                of.map(|(term, share)| share * saturation(term % 5 + 1, 1.0))
                    .sum()
            };
            let (items, whole): (Vec<f32>, f32) =
                (asked.items.iter().map(of).collect(), of(&asked.whole));
            let answered = WordQuery::score(items.iter().copied().fold(0.0, f32::max), whole);
            assert!(
                (of(&asked.weights(&items, whole)) - answered).abs() < 1e-6,
                "{text}: {answered}"
            );
        }
    }

    #[test]
    fn saturation_grows_with_the_count_and_falls_with_the_length() {
        assert!(
            saturation(1, 1.0) < saturation(3, 1.0)
                && saturation(1, 2.0) < saturation(1, 1.0)
                && saturation(100, 1.0) < 1.0
        );
    }
}
