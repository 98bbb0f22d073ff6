//! A paper, its identity and its categories.

mod categories;
mod combine;
mod doi;
mod id;
mod identity;
pub mod query;

pub use categories::{category_name, is_arxiv_category};
pub use combine::combine;
pub(crate) use doi::is_doi;
pub use doi::{doi_in, doi_url, split_dois};
pub use id::{BadPaperId, PaperId, Registry};
pub use identity::{WorkIds, WorkRecords, ids_contradict, is_same_work, title_key};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One work across all its versions and sources, in its newest state.
///
/// Titles, abstracts and names are clean Unicode text (see [`crate::text`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Paper {
    /// Its id.
    pub id: PaperId,
    /// The version that this record describes, if the source says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The title, in one line.
    pub title: String,
    /// Paragraphs separated by empty lines; empty if the source has none.
    #[serde(rename = "abstract")]
    pub abstract_text: String,
    /// Author names in the order of the paper.
    pub authors: Vec<String>,
    /// Categories, the primary one first: `cs.LG`.
    pub categories: Vec<String>,
    /// The first day on which a source announced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<NaiveDate>,
    /// The time at which its first version was submitted or published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// The time at which this version was submitted or published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<DateTime<Utc>>,
    /// The address of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The DOI of the published work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doi: Option<String>,
    /// The authors' comment: pages, venue, withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Votes of a community such as Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upvotes: Option<u32>,
    /// Other ids of the same work: DOIs, `pmid:` and ids of other sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<PaperId>,
    /// The journal or venue, with volume and pages if they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Address of the authors' code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether its authors or its publisher withdrew it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

impl Paper {
    /// A paper with an id and a title only.
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

    /// The page of the paper: the address that its source gave, else one made from its id.
    pub fn link(&self) -> Option<String> {
        self.url.clone().or_else(|| {
            if self.id.is_arxiv() {
                Some(format!("https://arxiv.org/abs/{}", self.id))
            } else if self.id.as_str().starts_with("10.") {
                Some(doi_url(self.id.as_str()))
            } else {
                self.doi.as_deref().map(doi_url)
            }
        })
    }
}

/// Whether a source's listing of `listing`, a category or a whole archive, contains the
/// papers of `category`: `cs.LG` is in `cs.LG` and in `cs`.
pub fn is_in_category(category: &str, listing: &str) -> bool {
    category.eq_ignore_ascii_case(listing)
        || category
            .split_once('.')
            .is_some_and(|(archive, _)| archive.eq_ignore_ascii_case(listing))
}

/// Whether `category` matches `pattern`: `cs.LG` itself, or any category of `cs.*`.
pub fn category_matches(pattern: &str, category: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => {
            category
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            // `hep-th.*` matches the archive `hep-th`, which has no classes.
            || prefix.strip_suffix('.').is_some_and(|archive| category.eq_ignore_ascii_case(archive))
        }
        None => pattern.eq_ignore_ascii_case(category),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
