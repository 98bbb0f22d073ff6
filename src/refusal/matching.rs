//! Matches servers' words with the phrases of `phrases.rs`. Pure.
//!
//! The table is read from the top; the first row
//! with a phrase in the text decides. In a phrase, `*` stands for up to 60 letters. Rows about one
//! thing come before rows that many things share.

use super::addresses::addresses;
use super::phrases::{LOOSE_ROWS, OURS, ROWS, VAGUE};
use super::reason::Reason;
use super::{TEXT_BYTES_MAX, start_of};

/// The longest text in which one word of ours decides, in bytes: a reply, not a whole notice.
const SHORT_BYTES_MAX: usize = 250;

/// The longest text for which a `*` stands, in bytes.
const GAP_BYTES_MAX: usize = 60;

/// Whether the words of `text` give a reason.
pub fn gives_reason(text: &str) -> bool {
    look(ROWS, &plain(text, "")).is_some()
}

/// The reason that `words` give; `is_reply` if they came with the three digits of a reply.
pub(super) fn reason(words: &str, is_reply: bool) -> Option<Reason> {
    let found = look(ROWS, words);
    // Loose phrases are in the last rows: `sender does not exist` is about the sender.
    let is_loose = found.is_none_or(|(row, _)| row >= ROWS.len() - LOOSE_ROWS);
    let is_short = is_reply && words.len() <= SHORT_BYTES_MAX;
    if is_loose && is_short && OURS.iter().any(|phrase| holds(words, phrase)) {
        return Some(Reason::PolicyViolation);
    }
    found.map(|(_, reason)| reason)
}

/// The reason that vague words suggest.
pub(super) fn vague_reason(words: &str) -> Option<Reason> {
    look(VAGUE, words).map(|(_, reason)| reason)
}

/// Whether the server is sure that there is no such account, also after the text: Yahoo's `dd`.
pub(super) fn is_sure(words: &str) -> bool {
    [
        "delivery error: dd this user doesn't have",
        "requested mail action aborted, mailbox not found",
    ]
    .iter()
    .any(|phrase| words.contains(phrase))
}

/// Whether an Exchange-like server denies that it has the address.
pub(super) fn is_denied(words: &str) -> bool {
    words.contains("address rejected: access denied")
}

/// The words of a server without all that differs from recipient to recipient: addresses, names,
/// numbers and identifiers. Two refusals with one wording have one cause.
pub fn wording(text: &str, address: &str) -> String {
    let plain = plain(text, address);
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_common = |word: &&str| {
        !word.contains("<>") && !word.contains(|c: char| c.is_ascii_digit()) && *word != domain
    };
    plain
        .split(' ')
        .filter(is_common)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The first row with a phrase in `words`, by number, and its reason.
fn look(rows: &[(Reason, &[&str])], words: &str) -> Option<(usize, Reason)> {
    let is_it = |(_, phrases): &(Reason, &[&str])| phrases.iter().any(|one| holds(words, one));
    let row = rows.iter().position(is_it)?;
    Some((row, rows[row].0))
}

/// The words of a text in lower case, on one line, with single spaces.
///
/// Names are no words: addresses become `<>`, links and host names are left out, and so is
/// `address` (the recipient's, if it is known) where its local part stands alone.
pub(super) fn plain(text: &str, address: &str) -> String {
    let text = start_of(text, TEXT_BYTES_MAX);
    let local = address.rsplit_once('@').map_or("", |(local, _)| local);
    // A local part that could be a word of the server's counts only in quotes.
    let is_odd = local.contains(|c: char| !c.is_alphabetic());
    let mut plain = String::with_capacity(text.len());
    let mut push = |word: &str| {
        if word.is_empty() {
            return;
        }
        if !plain.is_empty() {
            plain.push(' ');
        }
        let lower = word.chars().flat_map(char::to_lowercase);
        plain.extend(lower.map(|c| if c == '\u{2019}' { '\'' } else { c }));
    };
    let mut has_code = false;
    for word in text.split(char::is_whitespace) {
        // Each line of a reply repeats the codes, and a phrase may go on in the next line.
        let word = without_reply_code(word);
        if is_code(word) || is_reply_code(word) && std::mem::replace(&mut has_code, true) {
            continue;
        }
        if let Some((start, end)) = addresses(word).next() {
            push(&format!("{}<>", &word[..start]));
            push(&word[end..]);
        } else if let Some((before, _)) = word.split_once("://") {
            push(before.trim_end_matches(|c: char| c.is_ascii_alphanumeric()));
            push(if is_blocklist(word) { "dnsbl" } else { "" });
        } else if is_host(word) && is_blocklist(word) {
            push("dnsbl");
        } else if is_host(word) || names(word, local, is_odd) {
            push("<>");
        } else {
            word.split('_').for_each(&mut push);
        }
    }
    plain
}

/// The word behind the code of a reply that goes on: `No` of `550-No`.
fn without_reply_code(word: &str) -> &str {
    match word.split_once('-') {
        Some((code, rest)) if is_reply_code(code) => rest,
        _ => word,
    }
}

fn is_reply_code(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit())
}

/// Whether `word` is an enhanced code.
fn is_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number)
}

/// Whether `word` is the local part, in quotes or brackets unless it `is_odd`.
fn names(word: &str, local: &str, is_odd: bool) -> bool {
    const MARKS: [char; 12] = ['<', '>', '"', '\'', '`', '(', ')', '[', ']', ':', ',', ';'];
    let bare = word.trim_matches(MARKS).trim_end_matches('.');
    let is_quoted = word.starts_with(['<', '"', '\'', '`', '[']);
    !local.is_empty() && (is_odd || is_quoted) && bare.eq_ignore_ascii_case(local)
}

/// Whether `word` is a host name: labels of letters and digits, the last one that of a top-level
/// domain as far as its length tells. Words that lack the space after their full stop are none.
fn is_host(word: &str) -> bool {
    // `mx.example.org[192.0.2.1]`.
    let inner = match word.rsplit_once('[') {
        Some((name, _)) if !name.is_empty() => name,
        _ => word,
    };
    let inner = inner.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let labels: Vec<&str> = inner.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let last = labels.last().copied().unwrap_or_default();
    let is_top = last.bytes().all(|b| b.is_ascii_lowercase()) && TOPS.contains(&last)
        || last.len() == 2 && labels.len() > 2;
    labels.len() > 1 && is_top && labels.iter().all(is_label)
}

/// Whether a host or a link is a block list's, where servers send the senders that they refuse.
fn is_blocklist(word: &str) -> bool {
    [
        "spamhaus.org",
        "spamcop.net",
        "barracudacentral.org",
        "sorbs.net",
        "abuseat.org",
    ]
    .iter()
    .any(|list| word.contains(list))
}

/// Top-level domains by which host names are known.
const TOPS: &[&str] = &[
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "mil",
    "int",
    "info",
    "biz",
    "example",
    "test",
    "local",
    "lan",
    "internal",
    "invalid",
    "localdomain",
    "io",
    "co",
    "uk",
    "de",
    "fr",
    "jp",
    "cn",
    "ru",
    "ch",
    "nl",
    "eu",
    "pl",
    "cz",
    "br",
    "au",
    "ca",
    "kr",
    "tw",
    "dev",
    "app",
    "cloud",
    "email",
];

/// Whether `text` holds `phrase`, in which `*` stands for up to 60 bytes.
pub fn holds(text: &str, phrase: &str) -> bool {
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
