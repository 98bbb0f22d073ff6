//! Items of a feed, and the papers that they become. Pure.
//!
//! Feeds name their items badly: one guid for all items, the address of the site, a guid or
//! an address that changes with every fetch. So an item without an id that others know (DOI,
//! arXiv, `PubMed`) has several names, each a hash: of its guid and of its link if these name
//! one item of the document only, and of its text. Records that share a name are one paper.

use super::super::Unreadable;
use super::super::authors;
use super::super::dates;
use super::super::identifiers::{Identifiers, arxiv_in, doi, excerpt, is_front_matter, topics};
use super::{Item, Items};
use crate::paper::Paper;
use crate::text::{clean_line, clean_text};
use reqwest::Url;
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Shortest abstract that identifies a paper together with its title and authors.
const ABSTRACT_CHARS_MIN: usize = 30;

/// Query parameters that only track the reader: whole names.
const TRACKING: [&str; 52] = [
    "_ga",
    "_gl",
    "_openstat",
    "af",
    "campaign",
    "campaignid",
    "cmp",
    "cmpid",
    "dclid",
    "dgcid",
    "ef_id",
    "epik",
    "fbclid",
    "feed",
    "ftag",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "guccounter",
    "igsh",
    "igshid",
    "ito",
    "li_fat_id",
    "mkt_tok",
    "msclkid",
    "ncid",
    "ocid",
    "oly_anon_id",
    "oly_enc_id",
    "partner",
    "phpsessid",
    "ref",
    "ref_src",
    "ref_url",
    "referrer",
    "rss",
    "s_cid",
    "s_kwcid",
    "sessionid",
    "smid",
    "source",
    "spm",
    "src",
    "sr_share",
    "trk",
    "ttclid",
    "twclid",
    "vero_id",
    "wbraid",
    "xtor",
    "yclid",
];

/// Query parameters that only track the reader: beginnings of names.
const TRACKING_PREFIXES: [&str; 17] = [
    "utm_",
    "mc_",
    "pk_",
    "mtm_",
    "matomo_",
    "piwik_",
    "hsa_",
    "_hs",
    "hsctatracking",
    "ns_",
    "at_",
    "fb_",
    "ga_",
    "wt.",
    "wt_mc",
    "track",
    "rss_",
];

/// The fields of an item as they came: text or markup.
#[derive(Debug, Default)]
pub(super) struct RawItem {
    pub(super) title: String,
    /// Ids, identifiers and links; the best ones first.
    pub(super) names: Vec<String>,
    /// The guid or id.
    pub(super) own: Option<String>,
    /// The absolute address of the item's page.
    pub(super) link: Option<String>,
    pub(super) abstracts: Vec<String>,
    pub(super) authors: Vec<String>,
    pub(super) topics: Vec<String>,
    pub(super) published: Vec<String>,
    pub(super) updated: Option<String>,
    pub(super) journal: Option<String>,
    pub(super) volume: Option<String>,
}

/// The items of one document, before they become papers.
#[derive(Debug, Default)]
pub(super) struct RawItems {
    /// Each item, or the reason why it cannot be read, with its text in the document.
    items: Vec<(Result<RawItem, &'static str>, String)>,
    skipped: u64,
    /// Address of the site, which names no item.
    site: Option<String>,
}

impl RawItems {
    /// The items of a site, if its address is known.
    pub(super) fn of_site(site: Option<String>) -> Self {
        RawItems {
            site,
            ..RawItems::default()
        }
    }

    /// Adds an item, whose text in the document is `record`.
    pub(super) fn add(&mut self, raw: RawItem, record: &str) {
        let title = clean_line(&raw.title);
        if title.is_empty() || is_front_matter(&title) {
            self.skipped += 1;
        } else {
            self.items.push((Ok(raw), excerpt(record)));
        }
    }

    /// Adds an item that cannot be read.
    pub(super) fn add_broken(&mut self, reason: &'static str, record: &str) {
        self.items.push((Err(reason), excerpt(record)));
    }

    /// The papers of the document from `place`.
    pub(super) fn into_items(self, place: &str, is_whole: bool) -> Items {
        let mut titles_of: HashMap<String, Vec<String>> = HashMap::new();
        for raw in self.items.iter().filter_map(|(raw, _)| raw.as_ref().ok()) {
            let title = clean_line(&raw.title);
            for name in [&raw.own, &raw.link].into_iter().flatten() {
                let titles = titles_of.entry(item_name(name, place)).or_default();
                if !titles.contains(&title) {
                    titles.push(title.clone());
                }
            }
        }
        let site = self.site.as_deref().map(|site| item_name(site, place));
        // A name that several titles share, or the site's own, names no item.
        let is_distinct = |name: &str| {
            titles_of.get(name).is_some_and(|titles| titles.len() == 1)
                && Some(name) != site.as_deref()
        };
        let read = |(at, (raw, record)): (usize, (Result<RawItem, &str>, String))| {
            let paper = raw
                .map_err(str::to_owned)
                .and_then(|raw| item(raw, place, is_distinct));
            paper.map_err(|reason| Unreadable {
                place: format!("{place} item {}", at + 1),
                reason,
                record,
            })
        };
        Items {
            entries: self.items.into_iter().enumerate().map(read).collect(),
            skipped: self.skipped,
            is_whole,
        }
    }
}

fn item(raw: RawItem, place: &str, is_distinct: impl Fn(&str) -> bool) -> Result<Item, String> {
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
    let abstract_text = raw
        .abstracts
        .iter()
        .map(|text| clean_text(text))
        .max_by_key(String::len)
        .unwrap_or_default();
    let authors = authors::list(raw.authors.iter().map(String::as_str));
    let mut names = Identifiers {
        arxiv: all().find_map(|name| arxiv_in(name)),
        doi: all().find_map(|name| doi(name)),
        ..Identifiers::default()
    };
    if names.arxiv.is_none() && names.doi.is_none() {
        if others.is_empty() {
            others = feed_names(&raw, place, is_distinct);
            others.extend(text_name(&raw.title, &authors, &abstract_text));
        }
        // `PubMed`'s feeds have its number only.
        names.own = Some(others.remove(0));
    }
    names.others = others;
    let paper = names.paper(&raw.title)?;
    let named = |text: &Option<String>| {
        let text = text.as_deref().map(clean_line);
        text.filter(|name| !name.is_empty())
    };
    let (journal, volume) = (named(&raw.journal), named(&raw.volume));
    let updated = raw.updated.as_deref();
    let published = raw.published.iter().find_map(|text| dates::day(text));
    // A date of publication that is not certain is not replaced by a later change.
    let latest = raw
        .published
        .iter()
        .find_map(|text| dates::latest_day(text));
    let latest = latest.filter(|_| published.is_none());
    Ok(Item {
        date: published.or_else(|| updated.filter(|_| latest.is_none()).and_then(dates::day)),
        latest: latest.or_else(|| updated.and_then(dates::latest_day)),
        has_date_text: updated.is_some() || !raw.published.is_empty(),
        paper: Paper {
            abstract_text: if abstract_text == paper.title {
                String::new()
            } else {
                abstract_text
            },
            authors,
            categories: topics(&paper, &raw.topics),
            published: raw.published.iter().find_map(|text| dates::instant(text)),
            url: raw.link.filter(|url| url.len() <= 1_000),
            journal: journal.map(|name| {
                let parts: Vec<String> = [Some(name), volume].into_iter().flatten().collect();
                parts.join(", ")
            }),
            ..paper
        },
    })
}

/// The names of an item in its feed; there is at least one.
fn feed_names(raw: &RawItem, place: &str, is_distinct: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for text in [&raw.own, &raw.link].into_iter().flatten() {
        let name = item_name(text, place);
        if is_distinct(&name) {
            // Earlier versions hashed the address with its scheme and parameters.
            for name in [name, hashed(&whole_name(text, place))] {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    if names.is_empty() {
        names.push(match raw.own.as_ref().or(raw.link.as_ref()) {
            Some(text) => hashed(&format!("{place} {text} {}", clean_line(&raw.title))),
            None => hashed(&whole_name(&raw.title, place)),
        });
    }
    names
}

/// The name after title, authors and abstract, if these identify a paper.
fn text_name(title: &str, authors: &[String], abstract_text: &str) -> Option<String> {
    let is_enough = abstract_text.chars().count() >= ABSTRACT_CHARS_MIN && !authors.is_empty();
    let (title, authors) = (clean_line(title), authors.join("; "));
    is_enough.then(|| hashed(&format!("{title}\n{authors}\n{abstract_text}").to_lowercase()))
}

/// The name of an item after its guid or link: the same for `http` and `https`, and with or
/// without parameters that track the reader.
fn item_name(text: &str, place: &str) -> String {
    hashed(&plain_address(text).unwrap_or_else(|| whole_name(text, place)))
}

/// An address without scheme, tracking parameters and session ids, if `text` is one.
fn plain_address(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let host = url
        .host_str()
        .filter(|_| url.scheme().starts_with("http"))?;
    let is_tracking = |key: &str| {
        let key = key.to_lowercase();
        TRACKING.contains(&key.as_str())
            || TRACKING_PREFIXES.iter().any(|start| key.starts_with(start))
    };
    let mut plain = format!("//{host}");
    if let Some(port) = url.port() {
        let _ = write!(plain, ":{port}");
    }
    let path = url.path().split(";jsessionid").next().unwrap_or_default();
    plain.push_str(path.trim_end_matches('/'));
    let mut pairs: Vec<_> = url
        .query_pairs()
        .filter(|(key, _)| !is_tracking(key))
        .collect();
    pairs.sort();
    for (key, value) in pairs {
        let _ = write!(plain, "?{key}={value}");
    }
    if let Some(fragment) = url.fragment().filter(|it| !it.is_empty())
        && !is_tracking(fragment.split(['=', '-']).next().unwrap_or_default())
    {
        let _ = write!(plain, "#{fragment}");
    }
    Some(plain)
}

/// A guid with its feed, unless it is unique among feeds.
fn whole_name(text: &str, place: &str) -> String {
    let is_address = text.contains("://") || text.starts_with("urn:") || text.starts_with("tag:");
    if is_address {
        text.trim().to_owned()
    } else {
        format!("{place} {}", text.trim())
    }
}

/// A short id that is the same each time.
fn hashed(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    let mut name = "feed:".to_owned();
    for byte in hash.as_ref().iter().take(10) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The address of an item's page, resolved by RFC 3986: the first of `links`, each with its
/// base, that has one; else an absolute guid.
pub(super) fn page_address(
    links: impl IntoIterator<Item = (String, Option<Url>)>,
    guid: Option<&str>,
) -> Option<String> {
    let mut resolved = links
        .into_iter()
        .filter_map(|(link, base)| resolve(&link, base.as_ref()));
    resolved.next().or_else(|| resolve(guid?, None))
}

/// The absolute address of `link`, if it is one of the web.
pub(super) fn resolve(link: &str, base: Option<&Url>) -> Option<String> {
    let link = link.trim();
    let is_plain = link.starts_with("https://") || link.starts_with("http://");
    if is_plain && !link.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some(link.to_owned());
    }
    if link.is_empty() || link.starts_with('#') {
        return None;
    }
    let url = match base {
        Some(base) => base.join(link).ok()?,
        None => Url::parse(link).ok()?,
    };
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        item_name(text, "https://j.example.org/feed")
    }

    #[test]
    fn a_name_is_short_and_the_same_each_time() {
        let hash = name("https://example.org/?id=1");
        assert_ne!(hash, name("https://example.org/?id=2"));
        assert_ne!(item_name("7", "x"), item_name("7", "y"));
        let id = hash.parse::<crate::paper::PaperId>().unwrap();
        assert!(hash.len() == 25 && id.as_str() == hash);
    }

    #[test]
    fn addresses_that_differ_in_scheme_or_tracking_name_one_item() {
        let plain = "https://j.example.org/article?id=7";
        for same in [
            "http://j.example.org/article?id=7",
            "https://J.example.org/article/?id=7",
            "https://j.example.org/article?id=7&utm_source=rss&utm_medium=feed",
            "https://j.example.org/article?fbclid=x&id=7&af=R",
            "https://j.example.org/article?id=7&dgcid=rss_sd_all",
            "https://j.example.org/article?id=7&mc_cid=1&mc_eid=2",
            "https://j.example.org/article?id=7#utm_source=rss",
            "https://j.example.org/article;jsessionid=0123?id=7",
        ] {
            assert_eq!(name(plain), name(same), "{same}");
        }
        for other in [
            "https://j.example.org/article?id=8",
            "https://j.example.org/article?id=7&page=2",
            "https://k.example.org/article?id=7",
            "https://j.example.org/article?id=7#part2",
        ] {
            assert_ne!(name(plain), name(other), "{other}");
        }
    }

    /// All names of each item of one document, given as title, guid and link.
    fn names(items: &[(&str, &str, &str)]) -> Vec<Vec<String>> {
        let mut raw = RawItems {
            site: Some("https://j.example.org/".to_owned()),
            ..RawItems::default()
        };
        for (title, guid, link) in items {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let item = RawItem {
                title: (*title).to_owned(),
                own: some(guid),
                link: some(link),
                authors: vec!["Ines Moreau".to_owned()],
                abstracts: vec![format!("A text on {title} that is long enough to tell.")],
                ..RawItem::default()
            };
            raw.add(item, title);
        }
        let names = |paper: Paper| {
            let all = std::iter::once(paper.id).chain(paper.same_as);
            all.map(|id| id.to_string()).collect()
        };
        let items = raw.into_items("https://j.example.org/feed", true);
        let papers = items.entries.into_iter().map(|item| item.unwrap().paper);
        papers.map(names).collect()
    }

    #[track_caller]
    fn check(one: (&str, &str, &str), other: (&str, &str, &str), is_one: bool) {
        let share = |a: &[Vec<String>], b: &[Vec<String>]| {
            let mut names = a.iter().flatten();
            names.any(|name| b.iter().flatten().any(|other| other == name))
        };
        let together = names(&[one, other]);
        let (first, second) = together.split_at(1);
        assert_eq!(share(first, second), is_one, "{one:?} {other:?}");
        if is_one {
            assert!(share(&names(&[one]), &names(&[other])), "{one:?} {other:?}");
        }
    }

    #[test]
    fn items_that_share_only_a_guid_or_a_link_are_two_papers() {
        let site = "https://j.example.org";
        let one = |path| format!("{site}{path}");
        for (guids, links) in [
            (["same", "same"], [one("/1"), one("/2")]),
            (["", ""], [one(""), one("")]),
            ([site, site], [one("/1"), one("/2")]),
            (["1", "2"], [one("/a"), one("/a")]),
            (["", ""], [one("/?p=1"), one("/?p=2")]),
        ] {
            let (first, second) = (
                ("Ladders", guids[0], &*links[0]),
                ("Snakes", guids[1], &*links[1]),
            );
            check(first, second, false);
        }
    }

    #[test]
    fn an_item_whose_guid_or_link_changes_is_one_paper() {
        let one = |path| format!("https://j.example.org{path}");
        for (guids, links) in [
            (["g1", "g2"], [one("/1"), one("/1")]),
            (["g", "g"], [one("/1"), one("/9")]),
            (["g1", "g2"], [one("/1"), one("/2")]),
            (
                ["", ""],
                ["http://j.example.org/1".to_owned(), one("/1?utm_source=x")],
            ),
        ] {
            let (first, second) = (
                ("Ladders", guids[0], &*links[0]),
                ("Ladders", guids[1], &*links[1]),
            );
            check(first, second, true);
        }
    }

    #[test]
    fn links_are_resolved_against_their_base() {
        let base = Url::parse("https://j.example.org/v7/issue3/feed.xml").unwrap();
        let check = |link: &str, expected: Option<&str>| {
            assert_eq!(resolve(link, Some(&base)).as_deref(), expected, "{link}");
        };
        check(
            "ladders.html",
            Some("https://j.example.org/v7/issue3/ladders.html"),
        );
        check("/articles/32", Some("https://j.example.org/articles/32"));
        check("../x", Some("https://j.example.org/v7/x"));
        check(
            "?id=7",
            Some("https://j.example.org/v7/issue3/feed.xml?id=7"),
        );
        check("//k.example.org/1", Some("https://k.example.org/1"));
        check("HTTPS://J.example.org/1", Some("https://j.example.org/1"));
        check(
            "https://j.example.org/a b",
            Some("https://j.example.org/a%20b"),
        );
        check(
            " https://j.example.org/1\n",
            Some("https://j.example.org/1"),
        );
        check("https://j.example.org/é", Some("https://j.example.org/é"));
        check("mailto:a@example.org", None);
        check("javascript:void(0)", None);
        check("", None);
        let link = || [("x".to_owned(), None)];
        let guid = page_address(link(), Some("HTTP://j.example.org/7"));
        assert_eq!(guid.as_deref(), Some("http://j.example.org/7"));
        assert_eq!(page_address(link(), Some("7")), None);
    }
}
