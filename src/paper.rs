//! A paper, its identity and its categories.

mod categories;
pub mod query;

pub use categories::category_name;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of one work, without its version: `2510.12793`, `hep-th/9901001`,
/// `10.1101/2024.01.02.573` or whatever its source calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PaperId(String);

/// Why a text does not name a paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPaperId {
    /// Nothing is left once prefixes and spaces are taken away.
    #[error("the id is empty")]
    Empty,
    /// Ids are kept in links and in one line of a list.
    #[error("an id has at most {ID_CHARS_MAX} characters, without spaces or control characters")]
    Shape,
}

const ID_CHARS_MAX: usize = 200;

impl PaperId {
    /// Reads an id as people and sources write it, and the version if it names one.
    ///
    /// `arXiv:2510.12793v2`, `https://arxiv.org/abs/2510.12793`, `oai:arXiv.org:2510.12793`
    /// and `2510.12793` are all the paper `2510.12793`. A subject class in an
    /// old-style id is dropped (`math.GT/0309136` is `math/0309136`), as arXiv
    /// itself does. Other ids are kept as they are.
    pub fn parse(raw: &str) -> Result<(PaperId, Option<u32>), BadPaperId> {
        let mut id = raw.trim();
        for prefix in [
            "https://",
            "http://",
            "www.",
            "export.",
            "arxiv.org/abs/",
            "arxiv.org/pdf/",
            "arxiv.org/html/",
            "huggingface.co/papers/",
            "doi.org/",
            "dx.doi.org/",
            "oai:arXiv.org:",
            "arXiv:",
            "doi:",
        ] {
            if let Some(head) = id.get(..prefix.len())
                && head.eq_ignore_ascii_case(prefix)
            {
                id = &id[prefix.len()..];
            }
        }
        let mut id = id.split(['?', '#']).next().unwrap_or_default();
        id = id.strip_suffix(".pdf").unwrap_or(id);
        // arXiv registers a DOI for each of its papers.
        if let Some(head) = id.get(..14)
            && head.eq_ignore_ascii_case("10.48550/arXiv")
        {
            id = id[14..].trim_start_matches('.');
        }
        if id.is_empty() {
            return Err(BadPaperId::Empty);
        }
        if id.chars().count() > ID_CHARS_MAX || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BadPaperId::Shape);
        }
        let (bare, version) = split_version(id);
        if is_new_arxiv(bare) {
            return Ok((PaperId(bare.to_owned()), version));
        }
        if let Some(old) = old_arxiv(bare) {
            return Ok((PaperId(old), version));
        }
        // DOIs are compared without regard to case (DOI handbook, section 2.4).
        let id = if id.starts_with("10.") { id.to_lowercase() } else { id.to_owned() };
        Ok((PaperId(id), None))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether arXiv gave this id.
    pub fn is_arxiv(&self) -> bool {
        is_new_arxiv(&self.0) || old_arxiv(&self.0).is_some()
    }
}

fn split_version(id: &str) -> (&str, Option<u32>) {
    match id.rsplit_once('v') {
        Some((bare, digits)) if !bare.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_or((id, None), |version| (bare, Some(version)))
        }
        _ => (id, None),
    }
}

/// `YYMM.NNNN` until 2014, `YYMM.NNNNN` since (arXiv's page on identifiers).
fn is_new_arxiv(id: &str) -> bool {
    id.split_once('.').is_some_and(|(month, number)| {
        month.len() == 4
            && (4..=5).contains(&number.len())
            && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// `archive/YYMMNNN` until March 2007, sometimes with a subject class.
fn old_arxiv(id: &str) -> Option<String> {
    let (archive, number) = id.split_once('/')?;
    let archive = archive.split('.').next()?;
    let plain = !archive.is_empty()
        && archive.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && number.len() == 7
        && number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| format!("{archive}/{number}"))
}

impl fmt::Display for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PaperId {
    type Err = BadPaperId;

    fn from_str(raw: &str) -> Result<Self, BadPaperId> {
        PaperId::parse(raw).map(|(id, _version)| id)
    }
}

impl<'de> Deserialize<'de> for PaperId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One work, whatever versions and sources it appears in, as it was last seen.
///
/// Titles, abstracts and names are clean Unicode text (see [`crate::text`]).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paper {
    /// Its name.
    pub id: PaperId,
    /// The version that this record describes, where the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// One line.
    pub title: String,
    /// Paragraphs separated by empty lines; empty if the source has none.
    #[serde(rename = "abstract")]
    pub abstract_text: String,
    /// In the order of the paper.
    pub authors: Vec<String>,
    /// The primary one first: `cs.LG`.
    pub categories: Vec<String>,
    /// The day on which the source announced it: the first one seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<NaiveDate>,
    /// When its first version was submitted or published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// When this version was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<DateTime<Utc>>,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Of the published work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doi: Option<String>,
    /// What the authors say of it: pages, venue, withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Votes of a community, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upvotes: Option<u32>,
    /// Other names of the same work: its DOIs, `pmid:` and whatever other sources call it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<PaperId>,
    /// The journal or the venue, with volume and pages as far as they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Address of the authors' code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether its authors or its publisher have taken it back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

impl Paper {
    /// A paper of which nothing is known but its name and its title.
    pub fn new(id: PaperId, title: String) -> Self {
        Paper {
            id,
            version: None,
            title,
            abstract_text: String::new(),
            authors: Vec::new(),
            categories: Vec::new(),
            announced: None,
            published: None,
            updated: None,
            url: None,
            doi: None,
            comment: None,
            upvotes: None,
            same_as: Vec::new(),
            journal: None,
            code: None,
            withdrawn: false,
        }
    }

    /// The page of the paper: what its source gave, else where its id leads.
    pub fn link(&self) -> Option<String> {
        self.url.clone().or_else(|| {
            if self.id.is_arxiv() {
                Some(format!("https://arxiv.org/abs/{}", self.id))
            } else if self.id.as_str().starts_with("10.") {
                Some(format!("https://doi.org/{}", self.id))
            } else {
                self.doi.as_ref().map(|doi| format!("https://doi.org/{doi}"))
            }
        })
    }

    /// What is known of the work once `news` is known of it too.
    ///
    /// A record of an earlier version changes nothing but the announcement day:
    /// the earliest one seen is kept, since a replacement is not a new paper.
    /// A record that lacks something does not take it away.
    #[must_use]
    pub fn updated_by(&self, news: &Paper) -> Paper {
        let announced = match (self.announced, news.announced) {
            (Some(known), Some(said)) => Some(known.min(said)),
            (known, said) => known.or(said),
        };
        let is_older = matches!((self.version, news.version), (Some(known), Some(said)) if said < known)
            || matches!((self.updated, news.updated), (Some(known), Some(said)) if said < known);
        if is_older {
            return Paper { announced, ..self.clone() };
        }
        let or_known = |said: &String, known: &String| if said.is_empty() { known.clone() } else { said.clone() };
        let list_or_known =
            |said: &Vec<String>, known: &Vec<String>| if said.is_empty() { known.clone() } else { said.clone() };
        Paper {
            id: self.id.clone(),
            version: news.version.or(self.version),
            title: or_known(&news.title, &self.title),
            abstract_text: or_known(&news.abstract_text, &self.abstract_text),
            authors: list_or_known(&news.authors, &self.authors),
            categories: list_or_known(&news.categories, &self.categories),
            announced,
            published: news.published.or(self.published),
            updated: news.updated.or(self.updated),
            url: news.url.clone().or_else(|| self.url.clone()),
            doi: news.doi.clone().or_else(|| self.doi.clone()),
            comment: news.comment.clone().or_else(|| self.comment.clone()),
            upvotes: news.upvotes.or(self.upvotes),
            same_as: union(&self.same_as, &news.same_as),
            journal: news.journal.clone().or_else(|| self.journal.clone()),
            code: news.code.clone().or_else(|| self.code.clone()),
            withdrawn: news.withdrawn || self.withdrawn,
        }
    }
}

/// What is known and what is new, each once, in this order.
fn union(known: &[PaperId], news: &[PaperId]) -> Vec<PaperId> {
    let mut all = known.to_vec();
    all.extend(news.iter().filter(|id| !known.contains(id)).cloned());
    all
}

/// Whether a paper in `category` stands in a source's listing of `listing`, which is
/// a category or a whole archive: `cs.LG` in `cs.LG` and in `cs`.
pub fn is_in_category(category: &str, listing: &str) -> bool {
    category.eq_ignore_ascii_case(listing)
        || category.split_once('.').is_some_and(|(archive, _)| archive.eq_ignore_ascii_case(listing))
}

/// Whether `category` is what `pattern` asks for: `cs.LG` itself, or any of `cs.*`.
pub fn category_matches(pattern: &str, category: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => {
            category
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            // `math.*` means all of mathematics, also where the archive has no classes (`hep-th`).
            || prefix.strip_suffix('.').is_some_and(|archive| category.eq_ignore_ascii_case(archive))
        }
        None => pattern.eq_ignore_ascii_case(category),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, id: &str, version: Option<u32>) {
        let (found, found_version) = PaperId::parse(raw).unwrap();
        assert_eq!((found.as_str(), found_version), (id, version), "{raw}");
        // An id that was read once is read the same again.
        assert_eq!(PaperId::parse(id).unwrap(), (found, None), "{id}");
    }

    #[test]
    fn one_work_has_one_id_however_it_is_written() {
        for raw in [
            "2510.12793",
            " arXiv:2510.12793 ",
            "https://arxiv.org/abs/2510.12793",
            "http://www.arxiv.org/pdf/2510.12793.pdf",
            "https://huggingface.co/papers/2510.12793?ref=mail",
            "oai:arXiv.org:2510.12793",
            "10.48550/arXiv.2510.12793",
            "https://doi.org/10.48550/arxiv.2510.12793",
        ] {
            check(raw, "2510.12793", None);
        }
        check("2510.12793v12", "2510.12793", Some(12));
        check("0704.0001v1", "0704.0001", Some(1));
        check("math.GT/0309136v1", "math/0309136", Some(1));
        check("hep-th/9901001", "hep-th/9901001", None);
    }

    #[test]
    fn foreign_ids_are_kept() {
        check("doi:10.1101/2024.01.02.573ABC", "10.1101/2024.01.02.573abc", None);
        check("PMID123v2", "PMID123v2", None);
        check("sample.0001", "sample.0001", None);
        check("日本語-1", "日本語-1", None);
    }

    #[test]
    fn what_cannot_be_an_id_is_refused() {
        assert_eq!(PaperId::parse(" arXiv: "), Err(BadPaperId::Empty));
        assert_eq!(PaperId::parse("two words"), Err(BadPaperId::Shape));
        assert_eq!(PaperId::parse("a\nb"), Err(BadPaperId::Shape));
        assert_eq!(PaperId::parse(&"x".repeat(201)), Err(BadPaperId::Shape));
    }

    #[test]
    fn a_listing_is_a_category_or_an_archive() {
        assert!(is_in_category("cs.LG", "cs.lg"));
        assert!(is_in_category("cs.LG", "cs"));
        assert!(is_in_category("hep-th", "hep-th"));
        assert!(!is_in_category("cs.LG", "cs.L"));
        assert!(!is_in_category("physics.comp-ph", "cs"));
    }

    #[test]
    fn a_star_stands_for_the_rest_of_a_category() {
        assert!(category_matches("cs.LG", "cs.lg"));
        assert!(category_matches("cs.*", "cs.LG"));
        assert!(category_matches("hep-th.*", "hep-th"));
        assert!(category_matches("*", "q-bio.NC"));
        assert!(!category_matches("cs.*", "physics.comp-ph"));
        assert!(!category_matches("cs.L", "cs.LG"));
    }
}
