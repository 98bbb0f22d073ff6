//! Splits text into the terms that the ranking counts.
//!
//! English words are stemmed (the Snowball English stemmer,
//! <https://snowballstem.org/algorithms/english/stemmer.html>), accents are
//! folded, and Chinese, Japanese and Korean text, which has no spaces to part
//! words, becomes pairs of neighbouring characters (Nie, Gao, Zhang, Zhou,
//! "On the use of words and n-grams for Chinese information retrieval", 2000).

use std::collections::HashMap;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::char::is_combining_mark;

use super::fold::{is_unspaced, push_folded, spelled_out};
use super::stop_words::is_stop_word;

/// A stem to count, with the word that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The key to count by: folded and stemmed.
    pub stem: &'a str,
    /// The word as written.
    pub surface: &'a str,
    /// Byte offset of `surface` in the text.
    pub start: usize,
    /// Whether this is a whole hyphenated word (`gpt4` of `GPT-4`), which comes in addition to its
    /// parts.
    pub is_joined: bool,
}

/// A word or two neighbouring ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term<'a> {
    /// The stems, separated by a space: `low rank`.
    pub key: &'a str,
    /// The words as written: `low-rank`.
    pub surface: &'a str,
    /// Whether these are two words.
    pub is_bigram: bool,
    /// Whether this is a hyphenated word without its hyphens; its parts are terms too.
    pub is_joined: bool,
}

/// Splits text into tokens, with a cache of stems.
///
/// Make one and use it for many texts.
pub struct Tokenizer {
    stemmer: Stemmer,
    /// Stems by word; `None` for a stop word.
    stems: HashMap<Box<str>, Option<Box<str>>>,
    folded: String,
}

// About 10 MB. A year of arXiv has some 300,000 different words, of which
// nearly all text uses the commonest 20,000.
const MAX_STEMS: usize = 100_000;

// `state-of-the-art` as one word would match nothing but itself.
const MAX_JOINED: usize = 3;

// A longer run of letters is data and not a word.
const MAX_WORD_BYTES: usize = 64;

impl Default for Tokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokenizer {
    /// A tokenizer with an empty cache.
    pub fn new() -> Self {
        Self {
            stemmer: Stemmer::create(Algorithm::English),
            stems: HashMap::new(),
            folded: String::new(),
        }
    }

    /// Calls `each` for every token of `text`, in order.
    ///
    /// Words are runs of letters and digits with at least one letter; stop words and single Latin
    /// letters are left out. A hyphenated word gives its parts and, if it has at most three, the
    /// whole without hyphens.
    pub fn for_each_token(&mut self, text: &str, mut each: impl FnMut(Token<'_>)) {
        let mut at = 0;
        while let Some(start) = next_word_start(text, at) {
            at = self.compound(text, start, &mut each);
        }
    }

    /// Calls `each` for every word of `text` and every pair of neighbours.
    ///
    /// Two words are neighbours if only white space or a hyphen separates them: no stop word, no
    /// comma, no end of a sentence.
    pub fn for_each_term(&mut self, text: &str, mut each: impl FnMut(Term<'_>)) {
        let mut key = String::new();
        let mut before: Option<(usize, usize)> = None;
        self.for_each_token(text, |token| {
            let is_joined = token.is_joined;
            each(Term {
                key: token.stem,
                surface: token.surface,
                is_bigram: false,
                is_joined,
            });
            if is_joined {
                return;
            }
            let end = token.start + token.surface.len();
            let mut stem_start = 0;
            if let Some((start, before_end)) = before
                && before_end <= token.start
                && are_neighbours(&text[before_end..token.start])
            {
                key.push(' ');
                stem_start = key.len();
                key.push_str(token.stem);
                each(Term {
                    key: &key,
                    surface: &text[start..end],
                    is_bigram: true,
                    is_joined,
                });
            } else {
                key.clear();
                key.push_str(token.stem);
            }
            // The key now ends with this stem, which starts the next pair.
            key.drain(..stem_start);
            before = Some((token.start, end));
        });
    }

    /// Reads the hyphenated or plain word at `start`; returns where it ends.
    fn compound(&mut self, text: &str, start: usize, each: &mut impl FnMut(Token<'_>)) -> usize {
        let mut at = start;
        let mut parts = 0;
        loop {
            let end = word_end(text, at);
            let first = text[at..].chars().next();
            if first.is_some_and(is_unspaced) {
                bigrams(text, at, end, each);
                return end;
            }
            parts += 1;
            self.word(text, at, end, false, each);
            let Some(next) = after_hyphen(text, end) else {
                if parts > 1 && parts <= MAX_JOINED {
                    self.word(text, start, end, true, each);
                }
                return end;
            };
            at = next;
        }
    }

    fn word(
        &mut self,
        text: &str,
        start: usize,
        end: usize,
        is_joined: bool,
        each: &mut impl FnMut(Token<'_>),
    ) {
        let surface = without_possessive(&text[start..end]);
        if surface.len() > MAX_WORD_BYTES {
            return;
        }
        self.folded.clear();
        // `α` and `alpha` are one word, as they are in keywords.
        let spelled = (!surface.is_ascii()).then(|| spelled_out(surface, false));
        for c in spelled.as_deref().unwrap_or(surface).chars() {
            if c.is_alphanumeric() {
                push_folded(&mut self.folded, c);
            }
        }
        // Numbers alone are left out; `3d` and `gpt4` are words.
        if self.folded.chars().nth(1).is_none() || !self.folded.contains(char::is_alphabetic) {
            return;
        }
        if !self.stems.contains_key(self.folded.as_str()) {
            if self.stems.len() >= MAX_STEMS {
                self.stems.clear();
            }
            let stem = (!is_stop_word(&self.folded)).then(|| {
                let word = self.folded.bytes().all(|b| b.is_ascii_lowercase());
                if word {
                    self.stemmer.stem(&self.folded).into()
                } else {
                    self.folded.as_str().into()
                }
            });
            self.stems.insert(self.folded.as_str().into(), stem);
        }
        if let Some(Some(stem)) = self.stems.get(self.folded.as_str()) {
            each(Token {
                stem,
                surface,
                start,
                is_joined,
            });
        }
    }
}

/// Calls `each` for the neighbouring characters of a run without spaces.
fn bigrams(text: &str, start: usize, end: usize, each: &mut impl FnMut(Token<'_>)) {
    let run = &text[start..end];
    let mut chars = run.char_indices().peekable();
    let mut single = true;
    while let Some((at, _)) = chars.next() {
        let Some(&(_, second)) = chars.peek() else {
            if single {
                each(Token {
                    stem: run,
                    surface: run,
                    start,
                    is_joined: false,
                });
            }
            return;
        };
        single = false;
        let next = chars.peek().map_or(run.len(), |&(next, _)| next);
        let pair = &run[at..next + second.len_utf8()];
        each(Token {
            stem: pair,
            surface: pair,
            start: start + at,
            is_joined: false,
        });
    }
}

fn next_word_start(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_alphanumeric() {
            return Some(at);
        }
        if byte.is_ascii() {
            at += 1;
            continue;
        }
        let c = text[at..].chars().next()?;
        if c.is_alphanumeric() {
            return Some(at);
        }
        at += c.len_utf8();
    }
    None
}

/// The end of the word at `start`, with its marks and inner apostrophes; scripts with and
/// without spaces are not mixed.
fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let unspaced = text[start..].chars().next().is_some_and(is_unspaced);
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii() {
            let apostrophe =
                *byte == b'\'' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
            if unspaced || !(byte.is_ascii_alphanumeric() || apostrophe) {
                return at;
            }
            at += 1;
            continue;
        }
        let Some(c) = text[at..].chars().next() else {
            return at;
        };
        let apostrophe =
            c == '’' && text[at + c.len_utf8()..].starts_with(|c: char| c.is_alphabetic());
        let inside = c.is_alphanumeric() || is_combining_mark(c) || apostrophe && !unspaced;
        if !inside || c.is_alphanumeric() && is_unspaced(c) != unspaced {
            return at;
        }
        at += c.len_utf8();
    }
    at
}

/// The start of the next part of a hyphenated word.
fn after_hyphen(text: &str, end: usize) -> Option<usize> {
    let rest = &text[end..];
    let hyphen = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '-' | '\u{2010}' | '\u{2011}'))?;
    let next = rest[hyphen.len_utf8()..].chars().next()?;
    (next.is_alphanumeric() && !is_unspaced(next)).then_some(end + hyphen.len_utf8())
}

fn without_possessive(word: &str) -> &str {
    ["'s", "’s", "'S", "’S"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word)
}

fn are_neighbours(gap: &str) -> bool {
    matches!(gap, " " | "-" | "\u{2010}" | "\u{2011}" | "'s " | "’s ")
        || !gap.is_empty() && gap.len() < 8 && gap.chars().all(char::is_whitespace)
}

/// The counted terms of one text, each with its first surface form.
#[derive(Debug, Default, Clone)]
pub struct Terms {
    counted: HashMap<String, TermCount>,
}

#[derive(Debug, Clone)]
struct TermCount {
    count: u32,
    surface: String,
}

impl Terms {
    /// Counts the words and word pairs of `text`.
    pub fn of(text: &str, tokenizer: &mut Tokenizer) -> Self {
        let mut terms = Self::default();
        tokenizer.for_each_term(text, |term| {
            if let Some(counted) = terms.counted.get_mut(term.key) {
                counted.count += 1;
            } else {
                let surface = term
                    .surface
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                terms
                    .counted
                    .insert(term.key.to_owned(), TermCount { count: 1, surface });
            }
        });
        terms
    }

    /// The count of the term with this key.
    pub fn count(&self, key: &str) -> u32 {
        self.counted.get(key).map_or(0, |counted| counted.count)
    }

    /// The surface form of the term with this key: `Low-Rank` for `low rank`.
    pub fn surface(&self, key: &str) -> Option<&str> {
        self.counted
            .get(key)
            .map(|counted| counted.surface.as_str())
    }

    /// All keys with their counts, unsorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.counted
            .iter()
            .map(|(key, counted)| (key.as_str(), counted.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let mut stems = Vec::new();
        Tokenizer::new().for_each_token(text, |token| stems.push(token.stem.to_owned()));
        assert_eq!(stems.join(" "), expected, "{text:?}");
    }

    fn check_bigrams(text: &str, expected: &[(&str, &str)]) {
        let mut found = Vec::new();
        Tokenizer::new().for_each_term(text, |term| {
            if term.is_bigram {
                found.push((term.key.to_owned(), term.surface.to_owned()));
            }
        });
        let found: Vec<_> = found
            .iter()
            .map(|(k, s)| (k.as_str(), s.as_str()))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn words_are_folded_and_stemmed_and_stop_words_left_out() {
        check("The running of large models", "run larg model");
        check("Schrödinger's naïve Größe", "schroding naiv gross");
        check("3D scenes in 2024, x = 5", "3d scene");
        check("O'Brien’s θ-method", "obrien theta method thetamethod");
        check(
            "α-synuclein, alpha-synuclein",
            "alpha synuclein alphasynuclein alpha synuclein alphasynuclein",
        );
        check("CO₂ and CO2", "co2 co2");
    }

    #[test]
    fn hyphenated_words_give_their_parts_and_the_whole() {
        check("GPT-4", "gpt gpt4");
        check("low-rank", "low rank lowrank");
        check("k-means", "mean kmean");
        check("state-of-the-art", "state art");
        check("pre- and post-", "pre post");
    }

    #[test]
    fn text_without_spaces_becomes_pairs_of_characters() {
        check("语言模型", "语言 言模 模型");
        check("BERT模型 木", "bert 模型 木");
        check("한국어 LLM", "한국 국어 llm");
    }

    #[test]
    fn pairs_are_of_neighbours_only_and_keep_how_they_were_written() {
        check_bigrams(
            "Low-Rank adaptation of models, fast",
            &[("low rank", "Low-Rank"), ("rank adapt", "Rank adaptation")],
        );
        check_bigrams("models. Training", &[]);
        let terms = Terms::of("Low-Rank or low rank", &mut Tokenizer::new());
        assert_eq!(terms.count("low rank"), 2);
        assert_eq!(terms.surface("low rank"), Some("Low-Rank"));
        assert_eq!(terms.surface("absent"), None);
    }

    proptest! {
        #[test]
        fn every_token_stands_where_it_says(text in "\\PC{0,60}|[a-z \\-'’语言é\u{301}]{0,40}") {
            let mut tokenizer = Tokenizer::new();
            tokenizer.for_each_token(&text, |token| {
                assert_eq!(&text[token.start..token.start + token.surface.len()], token.surface);
                assert!(!token.stem.is_empty());
                assert!(!token.stem.contains(char::is_whitespace));
            });
            tokenizer.for_each_term(&text, |term| {
                assert_eq!(term.key.matches(' ').count(), usize::from(term.is_bigram));
            });
        }
    }
}
