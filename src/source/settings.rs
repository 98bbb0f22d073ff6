//! The `[[source]]` settings.

use secrecy::SecretString;
use std::path::PathBuf;

/// Where papers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// arXiv, by category.
    Arxiv,
    /// Hugging Face's daily papers, with upvotes.
    HuggingFace,
    /// bioRxiv.
    Biorxiv,
    /// medRxiv.
    Medrxiv,
    /// `PubMed`.
    Pubmed,
    /// `OpenReview`.
    OpenReview,
    /// Crossref.
    Crossref,
    /// `OpenAlex`.
    OpenAlex,
    /// Semantic Scholar.
    SemanticScholar,
    /// Any RSS or Atom feed.
    Feed,
    /// A file of papers, one JSON object a line.
    Jsonl,
}

impl SourceKind {
    /// Every kind with its word.
    pub const WORDS: [(&'static str, SourceKind); 11] = [
        (SourceKind::Arxiv.word(), SourceKind::Arxiv),
        (SourceKind::HuggingFace.word(), SourceKind::HuggingFace),
        (SourceKind::Biorxiv.word(), SourceKind::Biorxiv),
        (SourceKind::Medrxiv.word(), SourceKind::Medrxiv),
        (SourceKind::Pubmed.word(), SourceKind::Pubmed),
        (SourceKind::OpenReview.word(), SourceKind::OpenReview),
        (SourceKind::Crossref.word(), SourceKind::Crossref),
        (SourceKind::OpenAlex.word(), SourceKind::OpenAlex),
        (
            SourceKind::SemanticScholar.word(),
            SourceKind::SemanticScholar,
        ),
        (SourceKind::Feed.word(), SourceKind::Feed),
        (SourceKind::Jsonl.word(), SourceKind::Jsonl),
    ];

    /// Its word in settings and listings.
    pub const fn word(self) -> &'static str {
        match self {
            SourceKind::Arxiv => "arxiv",
            SourceKind::HuggingFace => "huggingface",
            SourceKind::Biorxiv => "biorxiv",
            SourceKind::Medrxiv => "medrxiv",
            SourceKind::Pubmed => "pubmed",
            SourceKind::OpenReview => "openreview",
            SourceKind::Crossref => "crossref",
            SourceKind::OpenAlex => "openalex",
            SourceKind::SemanticScholar => "semantic_scholar",
            SourceKind::Feed => "feed",
            SourceKind::Jsonl => "jsonl",
        }
    }
}

/// One `[[source]]`.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Its name, unlike that of any other source.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// Categories to take; empty for what the kind offers.
    pub categories: Vec<String>,
    /// Address of the feed: there if and only if this is one.
    pub url: Option<String>,
    /// The file of papers: there if and only if the kind is `jsonl`.
    pub path: Option<PathBuf>,
    /// Journals to take, by ISSN.
    pub journals: Vec<String>,
    /// Venues to take: names of `OpenReview`.
    pub venues: Vec<String>,
    /// What to search for, in the words of the source.
    pub query: Option<String>,
    /// Stands in for all hosts of this source, without a slash at the end.
    pub endpoint: Option<String>,
    /// Of arXiv: whether days are checked and gaps filled with its lists of changes.
    pub verify: bool,
    /// Of arXiv: whether gaps are filled with its catch-up pages.
    pub catchup: bool,
    /// The key of its API, if it wants one.
    pub api_key: Option<SecretString>,
}

impl SourceSettings {
    /// A source of which nothing else is said.
    pub fn new(name: &str, kind: SourceKind) -> Self {
        SourceSettings {
            name: name.to_owned(),
            kind,
            categories: Vec::new(),
            url: None,
            path: None,
            journals: Vec::new(),
            venues: Vec::new(),
            query: None,
            endpoint: None,
            verify: true,
            catchup: false,
            api_key: None,
        }
    }
}
