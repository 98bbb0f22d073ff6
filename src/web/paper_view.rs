//! Papers as templates show them.

use crate::digest::short;
use crate::language::Locale;
use crate::paper::{Paper, PaperId, Registry, category_name, doi_url};
use crate::text::cut;
use serde::Serialize;
use std::fmt::Write as _;

/// Authors named per paper in lists.
const AUTHORS_MAX: usize = 12;

/// Characters of the abstract in the description of a page, of which search engines and
/// messengers show about half.
const OPENING_CHARS: usize = 300;

/// A category with its name.
#[derive(Serialize)]
pub(super) struct CategoryView {
    pub(super) code: String,
    pub(super) name: String,
}

impl CategoryView {
    pub(super) fn new(code: &str) -> Self {
        CategoryView {
            code: code.to_owned(),
            name: category_name(code).to_owned(),
        }
    }
}

/// A link with its text.
#[derive(Serialize)]
pub(super) struct LinkView {
    pub(super) url: String,
    pub(super) text: String,
}

/// A paper.
#[derive(Serialize)]
pub(super) struct PaperView {
    pub(super) id: String,
    /// The path of its page.
    pub(super) path: String,
    pub(super) title: String,
    pub(super) people: String,
    pub(super) categories: Vec<CategoryView>,
    /// The language of title and abstract, if known and not that of the page.
    pub(super) lang: Option<&'static str>,
    pub(super) announced: Option<String>,
    /// `3 votes`.
    pub(super) votes: Option<String>,
    #[serde(rename = "abstract")]
    pub(super) abstract_text: String,
    /// In lists the two or three most informative sentences; on its own page the beginning of
    /// the abstract.
    pub(super) summary: String,
    pub(super) comment: Option<String>,
    pub(super) journal: Option<String>,
    /// The word for withdrawn, if it was withdrawn.
    pub(super) withdrawn: Option<String>,
    pub(super) links: Vec<LinkView>,
    /// Announcement day, version and votes, as far as known.
    pub(super) facts: Vec<String>,
}

impl PaperView {
    /// The view for lists.
    pub(super) fn in_list(paper: &Paper, locale: &Locale) -> Self {
        Self::new(paper, AUTHORS_MAX, short(&paper.abstract_text, &[]), locale)
    }

    /// The view for its own page.
    pub(super) fn whole(paper: &Paper, locale: &Locale) -> Self {
        Self::new(
            paper,
            usize::MAX,
            cut(&paper.abstract_text, OPENING_CHARS),
            locale,
        )
    }

    fn new(paper: &Paper, authors_max: usize, summary: String, locale: &Locale) -> Self {
        let words = &locale.pages().paper;
        let announced = paper.announced.map(|day| locale.announced(day));
        let votes = paper.upvotes.filter(|votes| *votes > 0);
        let votes = votes.map(|votes| locale.count(&words.votes, u64::from(votes)));
        let version = paper.version.filter(|version| *version > 1);
        let version =
            version.map(|version| words.version.with(&[("number", &version.to_string())]));
        let facts = [&announced, &version, &votes]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        PaperView {
            facts,
            id: paper.id.to_string(),
            path: path_of(paper.id.as_str()),
            title: paper.title.clone(),
            people: locale.some(&paper.authors, authors_max),
            categories: categories(paper),
            lang: locale.lang_of(&paper.title),
            announced,
            votes,
            abstract_text: paper.abstract_text.clone(),
            summary,
            comment: paper.comment.clone(),
            journal: paper.journal.clone(),
            withdrawn: withdrawn(paper, locale),
            links: links(paper, locale),
        }
    }
}

/// A similar paper, as shown below another one.
#[derive(Serialize)]
pub(super) struct SimilarView<'a> {
    path: String,
    title: &'a str,
    people: String,
    categories: Vec<CategoryView>,
    lang: Option<&'static str>,
    announced: Option<String>,
    #[serde(rename = "abstract")]
    abstract_text: &'a str,
    withdrawn: Option<String>,
}

impl<'a> SimilarView<'a> {
    pub(super) fn new(paper: &'a Paper, locale: &Locale) -> Self {
        SimilarView {
            path: path_of(paper.id.as_str()),
            title: &paper.title,
            people: locale.some(&paper.authors, AUTHORS_MAX),
            categories: categories(paper),
            lang: locale.lang_of(&paper.title),
            announced: paper.announced.map(|day| locale.date(day)),
            abstract_text: &paper.abstract_text,
            withdrawn: withdrawn(paper, locale),
        }
    }
}

fn categories(paper: &Paper) -> Vec<CategoryView> {
    paper
        .categories
        .iter()
        .map(|code| CategoryView::new(code))
        .collect()
}

fn withdrawn(paper: &Paper, locale: &Locale) -> Option<String> {
    paper
        .withdrawn
        .then(|| locale.pages().paper.withdrawn.as_str().to_owned())
}

/// An identifier of a work, with its registry and its link.
#[derive(Serialize)]
pub(super) struct NameView {
    text: String,
    id: String,
    url: Option<String>,
}

impl NameView {
    fn new(id: &PaperId, locale: &Locale) -> Self {
        let (name, words) = (id.as_str(), &locale.pages().paper);
        let (text, url) = match id.registry() {
            Registry::Arxiv => ("arXiv", Some(format!("https://arxiv.org/abs/{name}"))),
            Registry::Preprint | Registry::Doi => ("DOI", Some(doi_url(name))),
            Registry::PubMed => (
                "PubMed",
                name.strip_prefix("pmid:")
                    .map(|number| format!("https://pubmed.ncbi.nlm.nih.gov/{number}/")),
            ),
            Registry::Pmc => (
                "PubMed Central",
                Some(format!("https://pmc.ncbi.nlm.nih.gov/articles/{name}/")),
            ),
            Registry::OpenReview => ("OpenReview", None),
            Registry::Index => (words.index.as_str(), None),
            Registry::Other => (words.name.as_str(), None),
        };
        NameView {
            text: text.to_owned(),
            id: name.to_owned(),
            url,
        }
    }

    /// All identifiers of a paper, its own first.
    pub(super) fn all_of(paper: &Paper, locale: &Locale) -> Vec<Self> {
        let mut names: Vec<PaperId> = vec![paper.id.clone()];
        let doi = paper
            .doi
            .iter()
            .filter_map(|doi| doi.parse::<PaperId>().ok());
        for name in paper.same_as.iter().cloned().chain(doi) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.iter().map(|id| NameView::new(id, locale)).collect()
    }
}

/// The `citation_*` tags that reference managers and scholarly search engines read.
pub(super) fn citation(paper: &Paper, address: &str) -> Vec<(&'static str, String)> {
    let mut tags = vec![("citation_title", paper.title.clone())];
    tags.extend(
        paper
            .authors
            .iter()
            .map(|name| ("citation_author", name.clone())),
    );
    let day = paper
        .published
        .map(|at| at.date_naive())
        .or(paper.announced);
    tags.extend(day.map(|day| {
        (
            "citation_publication_date",
            day.format("%Y/%m/%d").to_string(),
        )
    }));
    tags.extend(
        paper
            .journal
            .clone()
            .map(|journal| ("citation_journal_title", journal)),
    );
    tags.extend(paper.doi.clone().map(|doi| ("citation_doi", doi)));
    if paper.id.is_arxiv() {
        tags.push(("citation_arxiv_id", paper.id.to_string()));
        tags.push((
            "citation_pdf_url",
            format!("https://arxiv.org/pdf/{}", paper.id),
        ));
    }
    tags.push(("citation_abstract_html_url", address.to_owned()));
    tags
}

fn links(paper: &Paper, locale: &Locale) -> Vec<LinkView> {
    let words = &locale.pages().paper;
    let [pdf, code_text] = locale.link_words();
    let mut links = Vec::new();
    let mut add = |url: String, text: &str| {
        // Sources give all kinds of strings as addresses.
        if url.starts_with("https://") || url.starts_with("http://") {
            links.push(LinkView {
                url,
                text: text.to_owned(),
            });
        }
    };
    if let Some(url) = paper.link() {
        add(
            url,
            if paper.id.is_arxiv() {
                "arXiv"
            } else {
                words.read.as_str()
            },
        );
    }
    if paper.id.is_arxiv() {
        add(format!("https://arxiv.org/pdf/{}", paper.id), pdf.as_str());
    }
    if let Some(doi) = &paper.doi {
        add(doi_url(doi), words.journal.as_str());
    }
    if let Some(code) = &paper.code {
        add(code.clone(), code_text.as_str());
    }
    links
}

/// `/papers/ID`, with the characters percent-encoded that no path may contain.
pub(super) fn path_of(id: &str) -> String {
    let mut path = String::from("/papers/");
    for byte in id.bytes() {
        // RFC 3986 section 3.3, and the slashes of old arXiv ids and DOIs.
        if byte.is_ascii_alphanumeric() || b"-._~!$'()*,;:@/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_an_address() {
        assert_eq!(path_of("hep-th/9901001"), "/papers/hep-th/9901001");
        assert_eq!(
            path_of("10.1/a?b#c%d\"<日"),
            "/papers/10.1/a%3Fb%23c%25d%22%3C%E6%97%A5"
        );
    }
}
