//! The short form of an abstract: its two or three most informative sentences. Pure.
//!
//! The first one must be understandable alone: it is the first of the abstract, or one that
//! announces what the authors did. The others follow it.

use super::clean::paragraphs;
use crate::text::{cut, sentences};
use std::cmp::Reverse;

/// Abstracts up to this length are not shortened.
const SHORT_CHARS: usize = 320;
/// Sentences are added while the total stays below this.
const CHARS_GOAL: usize = 480;
/// Maximum length, for a single long sentence.
const CHARS_MAX: usize = 640;
const SENTENCES_MAX: usize = 3;

/// Phrases that announce a contribution or a result.
const STRONG_CUES: [&str; 34] = [
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

/// Phrases of sentences about the background or the location of the code.
const WEAK_CUES: [&str; 14] = [
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

/// Openings of sentences that depend on the one before.
const DEPENDENT_OPENINGS: [&str; 48] = [
    "these ",
    "this ",
    "those ",
    "it ",
    "its ",
    "they ",
    "their ",
    "such ",
    "here ",
    "both ",
    "then",
    "thus",
    "hence",
    "therefore",
    "however",
    "moreover",
    "furthermore",
    "additionally",
    "consequently",
    "accordingly",
    "concretely",
    "specifically",
    "notably",
    "finally",
    "first",
    "second",
    "third",
    "lastly",
    "similarly",
    "likewise",
    "instead",
    "nevertheless",
    "nonetheless",
    "meanwhile",
    "crucially",
    "importantly",
    "in addition",
    "in particular",
    "in contrast",
    "in turn",
    "to address",
    "to tackle",
    "to this end",
    "as a consequence",
    "as a result",
    "for example",
    "for instance",
    "and ",
];

/// Openings of sentences that do not depend on another one, although some begin like
/// [`DEPENDENT_OPENINGS`].
const STANDALONE_OPENINGS: [&str; 20] = [
    "in this paper",
    "in this work",
    "in this study",
    "in this article",
    "this paper",
    "this work",
    "this article",
    "this study",
    "here we",
    "here, we",
    "we propose",
    "we introduce",
    "we present",
    "we study",
    "we show",
    "we prove",
    "we investigate",
    "we develop",
    "we describe",
    "we report",
];

/// The most informative sentences of `text`, in their order, with ` … ` in place of omitted
/// ones. Words are never cut.
///
/// Sentences that contain `terms` score highest, then position and cue phrases count
/// (Edmundson, "New methods in automatic extracting", 1969).
pub fn short(text: &str, terms: &[String]) -> String {
    let abstract_text = Abstract::new(text);
    abstract_text.text(abstract_text.choose(&lowered(terms)))
}

/// Normalises `terms` for [`Abstract::choose`].
pub(super) fn lowered(terms: &[String]) -> Vec<String> {
    terms
        .iter()
        .map(|term| term.trim().to_lowercase())
        .filter(|term| !term.is_empty())
        .collect()
}

/// An abstract, split into sentences once for all readers.
#[derive(Debug)]
pub(super) struct Abstract {
    whole: String,
    /// Empty if the whole abstract is short.
    sentences: Vec<Sentence>,
}

#[derive(Debug)]
struct Sentence {
    text: String,
    lower: String,
    chars: usize,
    /// Score without terms.
    base: i32,
    /// Whether it needs the sentence before it.
    is_dependent: bool,
    /// Whether it may be the first of the short form.
    can_open: bool,
}

/// The sentences in the short form of an abstract, as a bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SentenceSet(u64);

impl Abstract {
    pub(super) fn new(text: &str) -> Self {
        let whole = paragraphs(text).join(" ");
        let mut parts: Vec<&str> = sentences(&whole);
        // The set has a bit for each; longer texts are truncated.
        parts.truncate(u64::BITS as usize);
        if whole.chars().count() <= SHORT_CHARS || parts.len() < 2 {
            return Abstract {
                whole,
                sentences: Vec::new(),
            };
        }
        let count = parts.len();
        let sentences = parts
            .iter()
            .enumerate()
            .map(|(at, part)| Sentence::new(part, at, count))
            .collect();
        Abstract { whole, sentences }
    }

    /// Chooses the most informative sentences for `terms`, which [`lowered`] normalised.
    pub(super) fn choose(&self, terms: &[String]) -> SentenceSet {
        let scores: Vec<i32> = self
            .sentences
            .iter()
            .map(|sentence| sentence.score(terms))
            .collect();
        let openers = (0..scores.len()).filter(|&at| self.sentences[at].can_open);
        let Some(opener) = openers.max_by_key(|&at| (scores[at], Reverse(at))) else {
            return SentenceSet(0);
        };
        let mut chosen = SentenceSet(1 << opener);
        let mut chars = self.sentences[opener].chars;
        let mut rest: Vec<usize> = (opener + 1..scores.len()).collect();
        rest.sort_by_key(|&at| (Reverse(scores[at]), at));
        // A dependent sentence needs the one before it, which the first round may have added.
        for round in 0..2 {
            for &at in &rest {
                let sentence = &self.sentences[at];
                let has_support = !sentence.is_dependent || chosen.holds(at - 1);
                let fits =
                    chars + 1 + sentence.chars <= CHARS_GOAL && chosen.count() < SENTENCES_MAX;
                if !chosen.holds(at) && has_support && fits && (round == 1 || scores[at] > 0) {
                    chosen.0 |= 1 << at;
                    chars += 1 + sentence.chars;
                }
            }
        }
        chosen
    }

    /// The chosen sentences in their order, or the whole abstract if it is short.
    pub(super) fn text(&self, chosen: SentenceSet) -> String {
        if self.sentences.is_empty() {
            return cut(&self.whole, CHARS_MAX);
        }
        let mut summary = String::new();
        let mut last = None;
        for (at, sentence) in self
            .sentences
            .iter()
            .enumerate()
            .filter(|(at, _)| chosen.holds(*at))
        {
            match last {
                Some(before) if before + 1 == at => summary.push(' '),
                Some(_) => summary.push_str(" … "),
                None => {}
            }
            summary.push_str(&sentence.text);
            last = Some(at);
        }
        cut(&summary, CHARS_MAX)
    }

    /// Approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        self.whole.len() * 3 + self.sentences.len() * size_of::<Sentence>()
    }
}

impl SentenceSet {
    /// No selection: the abstract is shown in full, or not at all.
    pub(super) const ALL: SentenceSet = SentenceSet(0);

    fn holds(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }

    fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Sentence {
    fn new(text: &str, at: usize, of: usize) -> Self {
        let lower = text.to_lowercase();
        let chars = text.chars().count();
        let mut base = 0;
        for _ in STRONG_CUES
            .iter()
            .filter(|cue| lower.contains(*cue))
            .take(2)
        {
            base += 6;
        }
        for _ in WEAK_CUES.iter().filter(|cue| lower.contains(*cue)).take(2) {
            base -= 6;
        }
        let opens_dependent = DEPENDENT_OPENINGS
            .iter()
            .any(|opening| starts_with_words(&lower, opening))
            && !STANDALONE_OPENINGS.iter().any(|cue| lower.starts_with(cue));
        let announces = STANDALONE_OPENINGS.iter().any(|cue| lower.contains(cue));
        // "To this end, we introduce" is fine after a gap, but not as the first.
        let (is_dependent, can_open) =
            (opens_dependent && !announces, announces && !opens_dependent);
        if at == 0 {
            base += 3;
        } else if is_dependent {
            base -= 3;
        }
        if at + 1 == of {
            base += 2;
        }
        if matches!(chars, 0..40 | 400..) {
            base -= 4;
        }
        Sentence {
            text: text.to_owned(),
            lower,
            chars,
            base,
            is_dependent,
            can_open: at == 0 || can_open,
        }
    }

    fn score(&self, terms: &[String]) -> i32 {
        let held = terms
            .iter()
            .filter(|term| holds(&self.lower, term))
            .take(3)
            .count();
        self.base + 8 * held as i32
    }
}

/// Whether `text` begins with `opening` at a word boundary.
fn starts_with_words(text: &str, opening: &str) -> bool {
    text.strip_prefix(opening)
        .is_some_and(|rest| opening.ends_with(' ') || !rest.starts_with(char::is_alphanumeric))
}

/// Whether `text` contains `term` at the start of a word; long terms may have other endings.
fn holds(text: &str, term: &str) -> bool {
    text.match_indices(term).any(|(at, _)| {
        let starts = !text[..at].ends_with(char::is_alphanumeric);
        let ends = !text[at + term.len()..].starts_with(char::is_alphanumeric);
        // In scripts without spaces between words any position matches.
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
    fn without_terms_cue_phrases_find_the_point() {
        assert_eq!(
            short(TEXT, &[]),
            "We introduce a gull-proof brush that runs on rails around the lantern and needs no ladder. \
             The brush is moved by the clockwork that turns the lens, so that it costs no energy of its own. \
             On twelve towers it saves 83% of the keeper's time and leaves fewer streaks than cleaning by hand."
        );
    }

    #[test]
    fn a_summary_never_starts_with_a_dependent_sentence() {
        let text = "Keepers rarely agree on which lamp shines farthest, and every tower has a tradition of its own. \
            Existing surveys rest on what keepers say, which nobody has ever checked against a measurement at sea. \
            We therefore measured forty lamps from a boat, on nights without fog and without a moon. Concretely, lamp \
            after lamp was followed until it sank below the horizon. Therefore, lamp height explains most of it.";
        let found = short(text, &["lamp".to_owned()]);
        assert!(found.starts_with("Keepers rarely agree"), "{found}");
        assert!(
            !found.contains("… Therefore") && !found.contains("… Concretely"),
            "{found}"
        );
    }

    #[test]
    fn sentences_with_the_terms_come_first() {
        assert!(!short(TEXT, &[]).contains("Drawings"));
        let found = short(TEXT, &["drawings".to_owned(), "Available".to_owned()]);
        assert!(
            found.starts_with("We introduce") && found.contains("Drawings are"),
            "{found}"
        );
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
        assert!(
            found.ends_with("word…") && found.chars().count() <= CHARS_MAX,
            "{found}"
        );
    }

    #[test]
    fn terms_match_at_the_start_of_words() {
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
