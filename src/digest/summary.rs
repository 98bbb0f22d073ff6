//! The short form of an abstract: its two or three most telling sentences.

use super::clean::cut;
use crate::text::sentences;
use std::cmp::Reverse;

/// An abstract up to this length is short as it stands.
const SHORT_CHARS: usize = 320;
/// Sentences are added while the whole stays below this.
const CHARS_GOAL: usize = 480;
/// One sentence alone may be this long.
const CHARS_MAX: usize = 640;
const SENTENCES_MAX: usize = 3;

/// Authors announce with these what is new or what came out.
const TELLING: [&str; 34] = [
    "we propose",
    "we introduce",
    "we present",
    "we show",
    "we find",
    "we prove",
    "we develop",
    "we describe",
    "we study",
    "we investigate",
    "we conclude",
    "we demonstrate",
    "we report",
    "we argue",
    "we derive",
    "we measure",
    "we observe",
    "we establish",
    "here, we",
    "here we",
    "in this paper",
    "in this work",
    "this paper",
    "this work",
    "our results",
    "our method",
    "our approach",
    "results show",
    "results suggest",
    "experiments show",
    "outperform",
    "state-of-the-art",
    "improves",
    "%",
];

/// These open a sentence on the background, or on where the code is.
const IDLE: [&str; 14] = [
    "in recent years",
    "recently,",
    "has attracted",
    "have attracted",
    "has gained",
    "have gained",
    "increasingly",
    "has become",
    "have become",
    "widely used",
    "available at",
    "github.com",
    "project page",
    "http",
];

/// A sentence that opens so leans on the one before it.
const LEANING: [&str; 15] = [
    "these ",
    "this ",
    "those ",
    "it ",
    "they ",
    "such ",
    "however",
    "moreover",
    "furthermore",
    "additionally",
    "in addition",
    "to address",
    "to this end",
    "as a consequence",
    "for example",
];

/// The most telling sentences of `text`, in their order; ` … ` stands where
/// others were left out between them. Words are never cut.
///
/// With `terms`, sentences that hold them win; otherwise place and the
/// phrases decide that authors announce their point with. (Both cues go back
/// to Edmundson, "New methods in automatic extracting", 1969.)
pub fn short(text: &str, terms: &[String]) -> String {
    let whole: Vec<&str> = sentences(text).into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()).collect();
    if text.chars().count() <= SHORT_CHARS || whole.len() < 2 {
        return cut(text.trim(), CHARS_MAX);
    }
    let terms: Vec<String> =
        terms.iter().map(|term| term.trim().to_lowercase()).filter(|term| !term.is_empty()).collect();
    let mut by_score: Vec<(usize, i32)> =
        whole.iter().enumerate().map(|(at, sentence)| (at, score(sentence, at, whole.len(), &terms))).collect();
    by_score.sort_by_key(|&(at, score)| (Reverse(score), at));

    let mut kept: Vec<usize> = Vec::new();
    let mut chars = 0;
    for (at, _) in by_score {
        let more = whole[at].chars().count() + 1;
        if kept.is_empty() || (kept.len() < SENTENCES_MAX && chars + more <= CHARS_GOAL) {
            kept.push(at);
            chars += more;
        }
    }
    kept.sort_unstable();
    let mut summary = String::new();
    let mut last = None;
    for at in kept {
        match last {
            Some(before) if before + 1 == at => summary.push(' '),
            Some(_) => summary.push_str(" … "),
            None => {}
        }
        summary.push_str(whole[at]);
        last = Some(at);
    }
    cut(&summary, CHARS_MAX)
}

/// Quarter points; higher tells more.
fn score(sentence: &str, at: usize, of: usize, terms: &[String]) -> i32 {
    let lower = sentence.to_lowercase();
    let mut score = 0;
    for _ in terms.iter().filter(|term| holds(&lower, term)).take(3) {
        score += 8;
    }
    for _ in TELLING.iter().filter(|cue| lower.contains(*cue)).take(2) {
        score += 6;
    }
    for _ in IDLE.iter().filter(|cue| lower.contains(*cue)).take(2) {
        score -= 6;
    }
    if at == 0 {
        score += 3;
    } else if LEANING.iter().any(|opening| lower.starts_with(opening)) {
        score -= 3;
    }
    if at + 1 == of {
        score += 2;
    }
    if matches!(sentence.chars().count(), 0..40 | 400..) {
        score -= 4;
    }
    score
}

/// Whether `term` stands in `text` at the start of a word; endings are free
/// for words long enough to have some.
fn holds(text: &str, term: &str) -> bool {
    text.match_indices(term).any(|(at, _)| {
        let starts = !text[..at].ends_with(char::is_alphanumeric);
        let ends = !text[at + term.len()..].starts_with(char::is_alphanumeric);
        // Where words are not separated by spaces, any place will do.
        !term.is_ascii() || starts && (ends || term.chars().count() >= 5)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "In recent years, lighthouses have attracted much attention among people who like towers. \
        Their lamps are hard to clean because salt settles on every pane of the lantern room. \
        We introduce a gull-proof brush that runs on rails around the lantern and needs no ladder. \
        The brush is moved by the clockwork that turns the lens, so that it costs no energy of its own. \
        On twelve towers it saves 83% of the keeper's time and leaves fewer streaks than cleaning by hand. \
        Drawings are available at https://example.org/brush.";

    #[test]
    fn without_terms_the_point_is_found_by_its_words() {
        assert_eq!(
            short(TEXT, &[]),
            "Their lamps are hard to clean because salt settles on every pane of the lantern room. \
             We introduce a gull-proof brush that runs on rails around the lantern and needs no ladder. \
             … On twelve towers it saves 83% of the keeper's time and leaves fewer streaks than cleaning by hand."
        );
    }

    #[test]
    fn sentences_that_hold_the_terms_come_first() {
        let found = short(TEXT, &["Clockwork".to_owned(), "salt".to_owned()]);
        assert!(found.contains("clockwork that turns") && found.contains("salt settles"), "{found}");
    }

    #[test]
    fn a_short_abstract_stays_whole() {
        assert_eq!(
            short(" One sentence. And another. A third. A fourth. ", &[]),
            "One sentence. And another. A third. A fourth."
        );
        assert_eq!(short("", &[]), "");
    }

    #[test]
    fn one_endless_sentence_is_cut_at_a_word() {
        let found = short(&"word ".repeat(400), &[]);
        assert!(found.ends_with("word…") && found.chars().count() <= CHARS_MAX, "{found}");
    }

    #[test]
    fn terms_are_words() {
        assert!(holds("sparse attention, again", "attention"));
        assert!(holds("graph neural networks", "neural network"));
        assert!(!holds("inattention", "attention"));
        assert!(!holds("rational", "rat"));
        assert!(holds("深層学習を用いた", "学習"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic_or_grow(text in "\\PC{0,900}", term in "\\PC{0,8}") {
            let found = short(&text, &[term]);
            proptest::prop_assert!(found.chars().count() <= CHARS_MAX);
        }
    }
}
