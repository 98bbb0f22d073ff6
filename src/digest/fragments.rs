//! Papers rendered once for all readers who get them in the same [`RenderMode`].
//!
//! The output of a paper's template is the same for many readers except for a few values:
//! its number, the reason, and the links with the reader's token. The template is rendered
//! once with placeholders for these values, which are replaced for each reader. A `wrap`
//! around a placeholder is encoded, and applied with the value. The result equals the
//! template's own output byte for byte. An operator's template that does more with these
//! values than print or wrap them is rendered for each reader instead; `Templates::load`
//! tests which case applies.

use super::paper_view::RenderMode;
use super::placeholders::{PLACEHOLDER, PLACEHOLDER_END, WRAP, WRAP_END, WRAP_NEXT};
use super::summary::Abstract;
use super::wrap::wrapped;
use crate::paper::Paper;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Approximate limit of the cache; when it is reached, the cache is cleared.
const BYTES_MAX: usize = 32 << 20;

/// Parsed text with placeholders.
#[derive(Debug)]
pub(super) struct Fragment {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Value(usize),
    Wrap {
        first: Fragment,
        text: Fragment,
        indent: usize,
    },
}

impl Fragment {
    /// Parses `filled`, whose lines end in CRLF.
    pub(super) fn new(filled: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = filled;
        while let Some(at) = rest.find([PLACEHOLDER, WRAP]) {
            push_text(&mut pieces, &rest[..at]);
            rest = &rest[at..];
            let (piece, length) = if rest.starts_with(PLACEHOLDER) {
                value(rest)
            } else {
                wrap(rest)
            };
            pieces.extend(piece);
            rest = &rest[length..];
        }
        push_text(&mut pieces, rest);
        Fragment { pieces }
    }

    /// Appends the text with `values` to `into`, escaped for HTML if `is_html`.
    pub(super) fn fill(&self, values: &[&str], is_html: bool, into: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => into.push_str(text),
                Piece::Value(at) => {
                    let value = values.get(*at).copied().unwrap_or_default();
                    if is_html {
                        escape(value, into);
                    } else {
                        into.push_str(value);
                    }
                }
                Piece::Wrap {
                    first,
                    text,
                    indent,
                } => {
                    let (mut plain_first, mut plain) = (String::new(), String::new());
                    first.fill(values, is_html, &mut plain_first);
                    text.fill(values, is_html, &mut plain);
                    into.push_str(&wrapped(&plain, &plain_first, *indent).replace('\n', "\r\n"));
                }
            }
        }
    }

    fn bytes(&self) -> usize {
        let of = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Value(_) => 0,
            Piece::Wrap { first, text, .. } => first.bytes() + text.bytes(),
        };
        self.pieces
            .iter()
            .map(|piece| of(piece) + size_of::<Piece>())
            .sum()
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Parses the placeholder at the start of `text`; returns its length, too.
fn value(text: &str) -> (Option<Piece>, usize) {
    match text.find(PLACEHOLDER_END) {
        Some(end) => (
            text[PLACEHOLDER.len_utf8()..end]
                .parse()
                .ok()
                .map(Piece::Value),
            end + PLACEHOLDER_END.len_utf8(),
        ),
        None => (None, PLACEHOLDER.len_utf8()),
    }
}

/// Parses the encoded `wrap` at the start of `text`; returns its length, too.
fn wrap(text: &str) -> (Option<Piece>, usize) {
    let Some(end) = text.find(WRAP_END) else {
        return (None, WRAP.len_utf8());
    };
    let mut parts = text[WRAP.len_utf8()..end].splitn(3, WRAP_NEXT);
    let indent = parts
        .next()
        .and_then(|indent| indent.parse().ok())
        .unwrap_or(0);
    let (first, text) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let piece = Piece::Wrap {
        first: Fragment::new(first),
        text: Fragment::new(text),
        indent,
    };
    (Some(piece), end + WRAP_END.len_utf8())
}

/// Escapes for HTML exactly as the template engine does.
fn escape(text: &str, into: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            _ => into.push(letter),
        }
    }
}

/// The key of a cached fragment. A paper is identified by its address in memory, which is
/// not reused because the cache entry keeps the paper alive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    paper: usize,
    language: String,
    mode: RenderMode,
    is_html: bool,
}

impl FragmentKey {
    pub(super) fn new(
        paper: &Arc<Paper>,
        language: &str,
        mode: &RenderMode,
        is_html: bool,
    ) -> Self {
        FragmentKey {
            paper: place(paper),
            language: language.to_owned(),
            mode: mode.clone(),
            is_html,
        }
    }
}

fn place(paper: &Arc<Paper>) -> usize {
    Arc::as_ptr(paper).addr()
}

/// Cache of the papers rendered for one edition. All its readers must have the same
/// templates and branding.
#[derive(Debug, Default)]
pub struct FragmentCache {
    papers: Kept<FragmentKey, Fragment>,
    abstracts: Kept<usize, Abstract>,
    bytes: AtomicUsize,
    is_disabled: bool,
}

type Kept<K, V> = RwLock<HashMap<K, (Arc<Paper>, Arc<V>)>>;

impl FragmentCache {
    /// A cache that keeps nothing. Output must equal that of an enabled cache.
    pub fn disabled() -> Self {
        FragmentCache {
            is_disabled: true,
            ..FragmentCache::default()
        }
    }

    pub(super) fn is_disabled(&self) -> bool {
        self.is_disabled
    }

    /// The parsed abstract of `paper`.
    pub(super) fn abstract_of(&self, paper: &Arc<Paper>) -> Arc<Abstract> {
        let make = || Ok::<_, std::convert::Infallible>(Abstract::new(&paper.abstract_text));
        if self.is_disabled {
            let Ok(made) = make();
            return Arc::new(made);
        }
        let Ok(found) =
            self.get_or_make(&self.abstracts, place(paper), paper, make, Abstract::bytes);
        found
    }

    /// The fragment of `key`, made by `make` if it is not cached.
    pub(super) fn of<E>(
        &self,
        key: FragmentKey,
        paper: &Arc<Paper>,
        make: impl FnOnce() -> Result<Fragment, E>,
    ) -> Result<Arc<Fragment>, E> {
        self.get_or_make(&self.papers, key, paper, make, Fragment::bytes)
    }

    fn get_or_make<K: Eq + Hash, V, E>(
        &self,
        kept: &Kept<K, V>,
        key: K,
        paper: &Arc<Paper>,
        make: impl FnOnce() -> Result<V, E>,
        bytes: impl Fn(&V) -> usize,
    ) -> Result<Arc<V>, E> {
        if let Some((_, found)) = kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(make()?);
        let more = bytes(&made) + size_of::<(K, Arc<Paper>)>();
        let before = self.bytes.fetch_add(more, Ordering::Relaxed);
        if before + more > BYTES_MAX {
            self.papers
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            self.abstracts
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            self.bytes.store(more, Ordering::Relaxed);
        }
        let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, (Arc::clone(paper), Arc::clone(&made)));
        Ok(made)
    }
}

/// Appends `frame` to `into`; `of` appends the value of each placeholder by its number.
pub(super) fn splice(frame: &str, into: &mut String, mut of: impl FnMut(usize, &mut String)) {
    let mut rest = frame;
    while let Some(at) = rest.find(PLACEHOLDER) {
        into.push_str(&rest[..at]);
        rest = &rest[at..];
        let (piece, length) = value(rest);
        if let Some(Piece::Value(at)) = piece {
            of(at, into);
        }
        rest = &rest[length..];
    }
    into.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::super::placeholders::{Slot, deferred_wrap, placeholder};
    use super::*;

    #[test]
    fn placeholders_are_replaced_by_escaped_values() {
        let filled = format!(
            "<a href=\"{}\">{}</a>{}",
            placeholder(2),
            Slot::Marker.placeholder(),
            placeholder(9)
        );
        let fragment = Fragment::new(&filled);
        let mut html = String::new();
        fragment.fill(&["1.", "why", "https://x/?a=1&b=\"'<>"], true, &mut html);
        assert_eq!(
            html,
            "<a href=\"https://x/?a=1&amp;b=&quot;&#39;&lt;&gt;\">1.</a>"
        );
    }

    #[test]
    fn an_encoded_wrap_is_applied_with_the_value() {
        let filled = deferred_wrap(&format!("Why: {} and more", placeholder(1)), "", 4);
        let mut text = String::new();
        Fragment::new(&filled).fill(&["", &"long ".repeat(20)], false, &mut text);
        let expected = wrapped(&format!("Why: {} and more", "long ".repeat(20)), "", 4);
        assert_eq!(text, expected.replace('\n', "\r\n"));
    }

    #[test]
    fn an_unterminated_placeholder_is_dropped() {
        for marked in ["a\u{fdd0}b", "a\u{fdd2}b", "a\u{fdd0}x\u{fdd1}b"] {
            let mut text = String::new();
            Fragment::new(marked).fill(&[], false, &mut text);
            assert_eq!(text, "ab");
        }
    }

    #[test]
    fn the_cache_has_a_size_limit() {
        let fragments = FragmentCache::default();
        let papers: Vec<Arc<Paper>> = (0..40)
            .map(|at| {
                let mut paper =
                    Paper::new(format!("2611.{at:05}").parse().unwrap(), "t".to_owned());
                paper.abstract_text = "A sentence that is long enough to be one. ".repeat(10_000);
                Arc::new(paper)
            })
            .collect();
        for paper in &papers {
            fragments.abstract_of(paper);
            assert!(fragments.bytes.load(Ordering::Relaxed) <= BYTES_MAX);
        }
        assert!(fragments.abstracts.read().unwrap().len() < papers.len());
        let again = fragments.abstract_of(&papers[39]);
        assert!(Arc::ptr_eq(&again, &fragments.abstract_of(&papers[39])));
    }
}
