//! What servers say, and what they mean by it.
//!
//! The phrases are the servers' own, gathered from their sources and manuals
//! and from real reports; they stand in `phrases.rs`. The table is read from the top; the first row with a
//! phrase in the text decides. In a phrase, `*` stands for up to 60 letters.
//! Rows about one thing come before rows that many things share.

use super::phrases::{ROWS, VAGUE};
use super::reason::Reason;
use super::{TEXT_BYTES_MAX, start_of};

/// How far apart the two sides of a `*` may be, in bytes.
const GAP_BYTES_MAX: usize = 60;

/// Whether the words of `text` give a reason.
pub fn gives_reason(text: &str) -> bool {
    reason(text).is_some()
}

/// The reason that `text` gives in words.
pub(super) fn reason(text: &str) -> Option<Reason> {
    look(ROWS, text)
}

/// The reason that vague words suggest.
pub(super) fn vague_reason(text: &str) -> Option<Reason> {
    look(VAGUE, text)
}

/// Whether the server is sure that there is no such account, also after the text: Yahoo's `dd`.
pub(super) fn is_sure(text: &str) -> bool {
    let plain = plain(text);
    [
        "delivery error: dd this user doesn't have",
        "requested mail action aborted, mailbox not found",
    ]
    .iter()
    .any(|words| plain.contains(words))
}

/// Whether an Exchange-like server denies that it has the address.
pub(super) fn is_denied(text: &str) -> bool {
    plain(text).contains("address rejected: access denied")
}

fn look(rows: &[(Reason, &[&str])], text: &str) -> Option<Reason> {
    let plain = plain(start_of(text, TEXT_BYTES_MAX));
    rows.iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| holds(&plain, phrase)))
        .map(|(reason, _)| *reason)
}

/// Lower case, on one line, single spaces.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text
        .split(|c: char| c.is_whitespace() || c == '_')
        .filter(|word| !word.is_empty())
    {
        // What an address or the path of a link holds are names, not words.
        let word = if let Some((start, end)) = super::addresses::addresses(word).next() {
            if !plain.is_empty() {
                plain.push(' ');
            }
            plain.push_str(&word[..start]);
            plain.push_str("<>");
            &word[end..]
        } else if let Some((_, rest)) = word.split_once("://") {
            rest.split(['/', '?', '#']).next().unwrap_or_default()
        } else {
            word
        };
        if word.is_empty() {
            continue;
        }
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().flat_map(char::to_lowercase));
    }
    plain
}

fn holds(text: &str, phrase: &str) -> bool {
    let (first, second) = phrase.split_once('*').unwrap_or((phrase, ""));
    let (first, second) = (first.trim_end(), second.trim());
    text.match_indices(first).take(20).any(|(at, _)| {
        // A phrase begins where a word begins: "rbl" is not in "problem".
        if text[..at].ends_with(|c: char| c.is_ascii_alphanumeric())
            && first.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return false;
        }
        if second.is_empty() {
            return true;
        }
        let from = at + first.len();
        let to = (from..=(from + GAP_BYTES_MAX + second.len()).min(text.len()))
            .rev()
            .find(|&to| text.is_char_boundary(to));
        to.is_some_and(|to| text[from..to].contains(second))
    })
}
