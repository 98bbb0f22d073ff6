//! The `[[source]]` settings and the kinds of sources they choose from.

use super::{KINDS, Source};
use secrecy::SecretString;
use std::fmt;
use std::path::PathBuf;

/// A kind of source: one row of [`KINDS`], defined in the file of the source.
pub struct SourceKind {
    /// Value of `kind`, also shown in listings.
    pub word: &'static str,
    /// The settings it has of those that only some kinds have.
    pub keys: &'static [&'static str],
    /// The settings it cannot do without.
    pub needs: &'static [Need],
    /// Checks one entry of `categories` and returns it as it is stored.
    pub category: fn(&str) -> Result<String, &'static str>,
    /// Builds the source.
    pub open: fn(&SourceSettings) -> Box<dyn Source>,
}

/// Settings of which a source needs at least one.
pub struct Need {
    /// The keys; a problem is reported at the first one.
    pub any_of: &'static [&'static str],
    /// The remedy if none is given.
    pub remedy: &'static str,
}

impl SourceKind {
    /// Accepts every category.
    pub const ANY_CATEGORY: fn(&str) -> Result<String, &'static str> = |text| Ok(text.to_owned());

    /// A kind without settings of its own; the base of the rows.
    pub(super) const fn new(
        word: &'static str,
        open: fn(&SourceSettings) -> Box<dyn Source>,
    ) -> Self {
        SourceKind {
            word,
            keys: &[],
            needs: &[],
            category: Self::ANY_CATEGORY,
            open,
        }
    }

    /// The words of the kinds that have the setting `key`.
    pub fn words_with(key: &str) -> Vec<&'static str> {
        let with_key = KINDS.iter().filter(|kind| kind.keys.contains(&key));
        with_key.map(|kind| kind.word).collect()
    }
}

impl PartialEq for SourceKind {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for SourceKind {}

impl fmt::Debug for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)
    }
}

/// One `[[source]]`.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Its name, unique among the sources.
    pub name: String,
    /// Its kind.
    pub kind: &'static SourceKind,
    /// Categories to take; empty for all that the kind offers.
    pub categories: Vec<String>,
    /// Address of the feed: set if and only if the kind is `feed`.
    pub url: Option<String>,
    /// File of papers: set if and only if the kind is `jsonl`.
    pub path: Option<PathBuf>,
    /// Journals to take, by ISSN.
    pub journals: Vec<String>,
    /// `OpenReview` venues to take, by id.
    pub venues: Vec<String>,
    /// Search query in the syntax of the source.
    pub query: Option<String>,
    /// Base address that replaces all hosts of this source, without a trailing slash.
    pub endpoint: Option<String>,
    /// arXiv only: check days and fill gaps with the lists of changes (OAI-PMH).
    pub verify: bool,
    /// arXiv only: fill gaps with the catch-up pages.
    pub catchup: bool,
    /// API key, if the source wants one.
    pub api_key: Option<SecretString>,
}

impl SourceSettings {
    /// Settings of a source with only a name and a kind.
    pub fn new(name: &str, kind: &'static SourceKind) -> Self {
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

    /// Builds the source.
    pub fn open(&self) -> Box<dyn Source> {
        (self.kind.open)(self)
    }
}
