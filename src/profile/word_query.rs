//! What somebody asks for in words. Before they have liked anything it is all there is
//! to go by; then it says which papers are no chance finds.
//!
//! Words are not learned from: how much of what was asked a paper says is counted,
//! each word by how rare it is and by how plainly the paper says it ([`saturation`], as
//! BM25 does it: Robertson, Zaragoza, "The Probabilistic Relevance Framework: BM25
//! and Beyond", 2009). So it is the same for the same paper whatever else was
//! announced that day, and half of a question is not an answer to it.

use super::features::Features;
use super::{Background, TermCounter};
use std::collections::{BTreeMap, HashSet};

/// How much two neighbouring words count beside each of them.
const PAIR: f32 = 0.8;

/// How much a word counts that no paper has ever said: it may be misspelt.
const UNHEARD: f32 = 0.5;

/// What an item of a list must be made of to be all that somebody asks for: some
/// two words, rare ones ([`Background::rarity`]).
const ITEM_MIN: f32 = 9.0;

/// How much of a score one item of a list can give, and how much the whole list.
const ITEM_COUNTS: f32 = 0.4;
const WHOLE_COUNTS: f32 = 1.0 - ITEM_COUNTS;

/// So many items are as good as a whole list that is longer.
const ITEMS_SUFFICE: f32 = 3.0;

/// Items looked at one by one; of longer lists the rest counts in the whole.
const ITEMS_MAX: usize = 40;

/// How often a paper must name a word to say it plainly by half, in a text of usual
/// length, and how much of that a longer text needs more.
const HALF_SAID: f32 = 0.7;
const LENGTH_COUNTS: f32 = 0.7;

/// Words, and the items of the list that they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WordQuery {
    /// Each word's share in all of them, and each pair's; of a long list in some of its items.
    pub whole: Features,
    /// The same of each item by itself; none where there is one item only.
    pub items: Vec<Features>,
}

/// How plainly a paper says a term that it has `count` times, 0 to 1; `length` is
/// that of its vector, in lengths of a usual one.
pub fn saturation(count: u32, length: f32) -> f32 {
    let count = count as f32;
    count / (count + HALF_SAID * (1.0 - LENGTH_COUNTS + LENGTH_COUNTS * length))
}

impl WordQuery {
    /// Reads what is asked; `None` where there are no words.
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

    /// What each word counts for a paper that says so much of the whole, and so
    /// much of each item. A list asks for any of its items, and rather for several.
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

    /// How much of what is asked a paper says that says so much of the whole, and
    /// at most so much of an item.
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
    // Of equals the first.
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
    // A point ends a sentence where white space follows: `3.5` is one word.
    text.split(ends)
        .flat_map(|part| part.split(". "))
        .filter(|item| !item.trim().is_empty())
        .collect()
}

/// What the terms of an item count: by how rare they are.
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
            // Two words alone are a name, the pairs of a sentence mostly chance.
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
    fn half_a_question_is_no_answer() {
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
        // Who says the same again asks for no more.
        let said_twice = one(2).max(share(
            &WordQuery::read(&list(2).repeat(20), &background, &mut counter).unwrap(),
            "number1 case",
        ));
        assert!(said_twice <= 1.0, "{said_twice}");
    }

    #[test]
    fn what_is_counted_for_a_paper_adds_up_to_what_it_answers() {
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
    fn what_is_said_often_in_a_short_text_is_said_plainly() {
        assert!(
            saturation(1, 1.0) < saturation(3, 1.0)
                && saturation(1, 2.0) < saturation(1, 1.0)
                && saturation(100, 1.0) < 1.0
        );
    }
}
