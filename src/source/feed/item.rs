//! An item of a feed becomes a paper. Pure.

use super::super::Unreadable;
use super::super::dates;
use super::super::identifiers::{Identifiers, arxiv_in, doi, excerpt, is_front_matter, topics};
use super::{Item, Items};
use crate::paper::Paper;
use crate::text::{clean_line, clean_text};
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;

/// What a feed says of an item, each as it came: text, or markup.
#[derive(Debug, Default)]
pub(super) struct RawItem {
    pub(super) title: String,
    /// Ids, identifiers and links, the most telling first.
    pub(super) names: Vec<String>,
    /// What the feed itself calls it.
    pub(super) own: Option<String>,
    pub(super) link: Option<String>,
    pub(super) abstracts: Vec<String>,
    pub(super) authors: Vec<String>,
    pub(super) topics: Vec<String>,
    pub(super) published: Vec<String>,
    pub(super) updated: Option<String>,
    pub(super) journal: Option<String>,
    pub(super) volume: Option<String>,
}

impl Items {
    /// Adds an item, which is `record` in the feed from `place`.
    pub(super) fn add(&mut self, raw: RawItem, place: &str, record: &str) {
        let title = clean_line(&raw.title);
        if title.is_empty() || is_front_matter(&title) {
            self.skipped += 1;
            return;
        }
        let at = self.entries.len() as u64 + self.skipped + 1;
        self.entries
            .push(item(raw, place).map_err(|reason| Unreadable {
                place: format!("{place} item {at}"),
                reason,
                record: excerpt(record),
            }));
    }
}

fn item(raw: RawItem, place: &str) -> Result<Item, String> {
    let all = || raw.names.iter().chain(&raw.own).chain(&raw.link);
    let prefixed = |prefixes: &[&str], name: &str| {
        let found = raw.names.iter().chain(&raw.own).find_map(|text| {
            let lower = text.trim().to_lowercase();
            let id = prefixes
                .iter()
                .find_map(|prefix| lower.strip_prefix(prefix))?
                .trim()
                .to_owned();
            (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
        });
        found.map(|id| format!("{name}{id}"))
    };
    let mut others = Vec::new();
    others.extend(prefixed(&["pmid:", "pubmed:"], "pmid:"));
    others.extend(prefixed(&["pmc:"], "pmc:").map(|id| id.replace("pmc:pmc", "pmc:PMC")));
    let own = raw.own.as_ref().or(raw.link.as_ref());
    let names = Identifiers {
        arxiv: all().find_map(|name| arxiv_in(name)),
        doi: all().find_map(|name| doi(name)),
        // Of a feed's own names only this is certain, that it calls no two items the same.
        own: Some(feed_item_id(
            own.map_or(raw.title.as_str(), String::as_str),
            place,
        )),
        others: Vec::new(),
    };
    let has_common_name = names.arxiv.is_some() || names.doi.is_some() || !others.is_empty();
    let mut names = names;
    if has_common_name && names.arxiv.is_none() && names.doi.is_none() {
        // `PubMed`'s feeds: its number is the name.
        names.own = Some(others.remove(0));
    }
    names.others = others;
    let mut paper = names.paper(&raw.title)?;
    if has_common_name {
        paper
            .same_as
            .retain(|name| !name.as_str().starts_with("feed:"));
    }
    let longest = raw
        .abstracts
        .iter()
        .map(|text| clean_text(text))
        .max_by_key(String::len)
        .unwrap_or_default();
    let date = raw.published.iter().find_map(|text| dates::day(text));
    let journal = raw
        .journal
        .as_deref()
        .map(clean_line)
        .filter(|name| !name.is_empty());
    let volume = raw
        .volume
        .as_deref()
        .map(clean_line)
        .filter(|name| !name.is_empty());
    let url = raw.link.filter(|url| {
        (url.starts_with("https://") || url.starts_with("http://"))
            && !url.contains(|c: char| c.is_whitespace() || c.is_control())
            && url.len() <= 1_000
    });
    Ok(Item {
        date: date.or_else(|| raw.updated.as_deref().and_then(dates::day)),
        paper: Paper {
            abstract_text: if longest == paper.title {
                String::new()
            } else {
                longest
            },
            authors: authors(&raw.authors),
            categories: topics(&paper, &raw.topics),
            published: raw.published.iter().find_map(|text| dates::instant(text)),
            url,
            journal: journal.map(|name| {
                [Some(name), volume]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", ")
            }),
            ..paper
        },
    })
}

/// A name for an item that has none that others know: short, and the same each time.
fn feed_item_id(text: &str, place: &str) -> String {
    let is_address = text.contains("://") || text.starts_with("urn:") || text.starts_with("tag:");
    let whole = if is_address {
        text.trim().to_owned()
    } else {
        format!("{place} {}", text.trim())
    };
    let hash = digest(&SHA256, whole.as_bytes());
    let mut name = "feed:".to_owned();
    for byte in hash.as_ref().iter().take(10) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Identifiers, one or many in a text, with mail addresses or without.
fn authors(raw: &[String]) -> Vec<String> {
    let mut authors: Vec<String> = Vec::new();
    for text in raw {
        let clean = clean_line(text);
        // "Jane Doe, John Roe and Ann Poe"; "Doe, Jane" is one; so is "Doe, J., Roe, A." not.
        let several =
            clean.contains(';') || clean.matches(", ").count() > 1 || clean.contains(" and ");
        let is_one_turned = raw.len() > 1 || !several;
        let parts: Vec<String> = if is_one_turned {
            vec![clean]
        } else if clean.contains(';') {
            clean.split(';').map(str::to_owned).collect()
        } else {
            clean
                .replace(", and ", ", ")
                .replace(" and ", ", ")
                .split(", ")
                .map(str::to_owned)
                .collect()
        };
        for part in parts {
            let name = without_address(part.trim());
            if !name.is_empty() && !authors.contains(&name) {
                authors.push(name);
            }
        }
    }
    authors
}

/// `me@example.org (Jane Doe)`, `Jane Doe <me@example.org>`: the name.
fn without_address(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    if let Some((address, name)) = text.split_once('(')
        && address.contains('@')
    {
        return name.trim_end_matches(')').trim().to_owned();
    }
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !word.contains('@'))
        .collect();
    words
        .join(" ")
        .trim_matches(['(', ')', '<', '>', ' '])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_read_from_one_text_or_many() {
        let check = |raw: &[&str], expected: &[&str]| {
            let raw: Vec<String> = raw.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(authors(&raw), expected, "{raw:?}");
        };
        check(
            &["Jane Doe", "John Roe", "Jane Doe"],
            &["Jane Doe", "John Roe"],
        );
        check(
            &["Jane Doe, John Roe, Ann Poe"],
            &["Jane Doe", "John Roe", "Ann Poe"],
        );
        check(
            &["Jane Doe, John Roe and Ann Poe"],
            &["Jane Doe", "John Roe", "Ann Poe"],
        );
        check(&["Doe, Jane"], &["Doe, Jane"]);
        check(&["Doe, J.; Roe, A."], &["Doe, J.", "Roe, A."]);
        check(&["me@example.org (Jane Doe)"], &["Jane Doe"]);
        check(&["Jane Doe <me@example.org>"], &["Jane Doe"]);
        check(&["me@example.org", ""], &[]);
    }

    #[test]
    fn a_name_of_its_own_is_short_and_the_same_each_time() {
        let name = feed_item_id("https://example.org/?id=1", "x");
        assert_eq!(name, feed_item_id("https://example.org/?id=1", "y"));
        assert_ne!(name, feed_item_id("https://example.org/?id=2", "x"));
        assert_ne!(feed_item_id("7", "x"), feed_item_id("7", "y"));
        assert!(
            name.len() == 25
                && name
                    .parse::<crate::paper::PaperId>()
                    .is_ok_and(|id| id.as_str() == name)
        );
    }
}
