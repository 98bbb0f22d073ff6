//! An interest becomes a profile.

use super::features::weigh;
use super::{Background, Features, TermCounter};
use crate::subscriber::Interest;
use crate::text::{fold, fold_phrase};
use std::collections::HashMap;
use std::sync::Arc;

/// How much of what disliked papers have in common is taken away again
/// (Rocchio's γ; Manning, Raghavan, Schütze, "Introduction to Information
/// Retrieval", section 9.1.1 has the formula).
const DISLIKED_WEIGHT: f32 = 0.5;

/// Words count like this many liked papers: all there is at first, a reminder later.
const WORDS_WEIGHT: f32 = 2.0;

/// From so many papers on, the archive knows which words are in use.
const ARCHIVE_MIN: u32 = 50;

/// A paper that was liked or disliked.
#[derive(Debug, Clone)]
pub struct Example {
    /// Its title, for reasons.
    pub title: String,
    /// Its vector.
    pub features: Arc<Features>,
}

/// What is known of one interest, ready to rank with.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The interest's name.
    pub name: String,
    /// Learned weights of terms, by term.
    pub weights: Features,
    /// Phrases that pin, as written and folded.
    pub keywords: Vec<(String, String)>,
    /// Phrases that veto, folded.
    pub must_not: Vec<String>,
    /// People whose papers are pinned.
    pub authors: Vec<String>,
    /// Where papers must come from; empty for anywhere.
    pub categories: Vec<String>,
    /// The liked papers, for reasons.
    pub liked: Vec<Example>,
}

impl Profile {
    /// Learns `interest` from its words and from examples.
    pub fn learn(
        interest: &Interest,
        liked: Vec<Example>,
        disliked: &[Example],
        background: &Background,
        counter: &mut TermCounter,
    ) -> Profile {
        let words = words_of(interest, background, counter);
        let mut weights = HashMap::new();
        let positives = liked.len() as f32 + if words.0.is_empty() { 0.0 } else { WORDS_WEIGHT };
        for example in &liked {
            add(&mut weights, &example.features, 1.0 / positives);
        }
        add(&mut weights, &words, WORDS_WEIGHT / positives.max(1.0));
        for example in disliked {
            add(&mut weights, &example.features, -DISLIKED_WEIGHT / disliked.len() as f32);
        }
        let mut weights: Vec<(u32, f32)> = weights.into_iter().filter(|(_, weight)| *weight != 0.0).collect();
        weights.sort_unstable_by_key(|&(term, _)| term);
        Profile {
            name: interest.name.clone(),
            weights: Features(weights),
            keywords: folded_phrases(&interest.keywords),
            must_not: folded_phrases(&interest.must_not).into_iter().map(|(_, folded)| folded).collect(),
            authors: interest.authors.iter().filter(|name| !fold(name).is_empty()).cloned().collect(),
            categories: interest.categories.clone(),
            liked,
        }
    }

    /// Whether there is anything to rank by: words, papers, people or phrases.
    pub fn is_blank(&self) -> bool {
        self.weights.0.is_empty() && self.keywords.is_empty() && self.authors.is_empty()
    }
}

/// The description and the keywords as the first positive example.
fn words_of(interest: &Interest, background: &Background, counter: &mut TermCounter) -> Features {
    let mut text = interest.description.clone();
    // A name says what an interest is about only where nothing else does.
    let says_more = [&interest.keywords, &interest.authors, &interest.categories].iter().any(|list| !list.is_empty());
    if text.trim().is_empty() && !says_more && interest.liked.is_empty() {
        text.push_str(&interest.name);
    }
    for keyword in &interest.keywords {
        text.push_str(".\n");
        text.push_str(keyword.trim_end_matches('*'));
    }
    let mut terms = counter.text(&text);
    // What no paper has ever said would only make all that was said weigh less.
    if background.papers() >= ARCHIVE_MIN && terms.iter().any(|(term, _)| background.share(*term) > 0.0) {
        terms.retain(|(term, _)| background.share(*term) > 0.0);
    }
    weigh(&terms, background)
}

fn folded_phrases(phrases: &[String]) -> Vec<(String, String)> {
    phrases
        .iter()
        .map(|phrase| (phrase.trim().to_owned(), fold_phrase(phrase)))
        .filter(|(_, folded)| !folded.is_empty())
        .collect()
}

fn add(sum: &mut HashMap<u32, f32>, features: &Features, times: f32) {
    for &(term, weight) in &features.0 {
        *sum.entry(term).or_insert(0.0) += times * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dislikes_take_away_and_words_alone_suffice() {
        let background = Background::default();
        let mut counter = TermCounter::new();
        let mut example = |text: &str| Example {
            title: text.to_owned(),
            features: Arc::new(weigh(&counter.text(text), &background)),
        };
        let (liked, disliked) = (example("adapters for language models"), example("surveys of language models"));
        let interest = Interest { name: "PEFT".to_owned(), description: "adapters".to_owned(), ..Interest::default() };
        let mut counter = TermCounter::new();
        let profile = Profile::learn(&interest, vec![liked], &[disliked], &background, &mut counter);
        let weight = |text: &str, counter: &mut TermCounter| profile.weights.weight(counter.text(text)[0].0);
        let (adapters, models, surveys) =
            (weight("adapters", &mut counter), weight("models", &mut counter), weight("surveys", &mut counter));
        assert!(adapters > models && surveys < 0.0, "{adapters} {models} {surveys}");
        let alone = Profile::learn(&interest, Vec::new(), &[], &background, &mut counter);
        assert!(!alone.is_blank());
        assert!(Profile::learn(&Interest::default(), Vec::new(), &[], &background, &mut counter).is_blank());
    }
}
