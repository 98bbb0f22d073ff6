//! Identifiers, titles and topics of records. Pure.

use crate::paper::{Paper, PaperId, doi_in};
use crate::text::{clean_line, cut};

const TITLE_CHARS_MAX: usize = 2_000;

/// Length of the excerpt of a record that is set aside, in characters.
const KEPT_CHARS_MAX: usize = 2_000;

/// Topics of one paper. Some feeds give every tag that they have.
const TOPICS_MAX: usize = 8;

const TOPIC_CHARS_MAX: usize = 60;

/// Topics of publishers that do not say what a paper is about.
const KINDS_OF_TEXT: [&str; 17] = [
    "article",
    "articles",
    "research article",
    "original article",
    "original paper",
    "original research",
    "research",
    "research paper",
    "letter",
    "review",
    "review article",
    "news",
    "editorial",
    "uncategorized",
    "journal article",
    "short communication",
    "general",
];

/// The identifiers of a work in one source.
#[derive(Debug, Clone, Default)]
pub(super) struct Identifiers {
    /// arXiv id in any notation.
    pub(super) arxiv: Option<String>,
    /// DOI in any notation.
    pub(super) doi: Option<String>,
    /// The source's own id, with the prefix of the source.
    pub(super) own: Option<String>,
    /// Further ids, with their prefixes.
    pub(super) others: Vec<String>,
}

impl Identifiers {
    /// The paper with the id that most sources know: arXiv's, else the DOI, else the
    /// source's own. The others are in `same_as`.
    pub(super) fn paper(self, title: &str) -> Result<Paper, String> {
        let title = title_of(title)?;
        let doi = self.doi.as_deref().and_then(doi);
        // A DOI that arXiv registered is an arXiv id.
        let from_doi: Option<PaperId> = doi.as_deref().and_then(|doi| doi.parse().ok());
        let arxiv = self
            .arxiv
            .as_deref()
            .and_then(arxiv_id)
            .or(from_doi.clone().filter(PaperId::is_arxiv));
        let doi_id = from_doi.filter(|id| !id.is_arxiv());
        let own: Option<PaperId> = self.own.as_deref().and_then(|own| own.parse().ok());
        let mut names: Vec<PaperId> = Vec::new();
        let others = self.others.iter().filter_map(|other| other.parse().ok());
        for name in [arxiv, doi_id.clone(), own]
            .into_iter()
            .flatten()
            .chain(others)
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err("no id in it".to_owned());
        }
        let id = names.remove(0);
        let doi = doi_id.map(|doi| doi.as_str().to_owned());
        names.retain(|name| Some(name.as_str()) != doi.as_deref());
        Ok(Paper {
            doi,
            same_as: names,
            ..Paper::new(id, title)
        })
    }
}

/// The clean title of a record.
pub(super) fn title_of(title: &str) -> Result<String, String> {
    let title = clean_line(title);
    if title.is_empty() {
        Err("no title in it".to_owned())
    } else {
        Ok(cut(&title, TITLE_CHARS_MAX))
    }
}

/// The DOI in `text`: alone, behind `doi:`, or at the end of an address.
pub(super) fn doi(text: &str) -> Option<String> {
    let doi = doi_in(text)?;
    // A version is not part of a preprint's DOI: www.biorxiv.org/content/10.1101/2026.01.02.573v1
    let is_preprint = text.contains("biorxiv.org") || text.contains("medrxiv.org");
    Some(if is_preprint {
        without_version(&doi).to_owned()
    } else {
        doi
    })
}

fn without_version(doi: &str) -> &str {
    match doi.rsplit_once('v') {
        Some((bare, digits))
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            bare
        }
        _ => doi,
    }
}

/// The arXiv id that `text` is.
fn arxiv_id(text: &str) -> Option<PaperId> {
    text.parse::<PaperId>().ok().filter(PaperId::is_arxiv)
}

/// The arXiv id in an address or identifier that names arXiv.
pub(super) fn arxiv_in(text: &str) -> Option<String> {
    text.to_ascii_lowercase()
        .contains("arxiv")
        .then(|| arxiv_id(text))
        .flatten()
        .map(|id| id.to_string())
}

/// Whether a record with this title is a part of a journal and not a work.
pub(super) fn is_front_matter(title: &str) -> bool {
    let title = title
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    let whole = [
        "issue information",
        "front matter",
        "back matter",
        "frontmatter",
        "backmatter",
        "front cover",
        "back cover",
        "inside front cover",
        "inside back cover",
        "cover image",
        "cover picture",
        "cover",
        "editorial board",
        "editorial board and contents",
        "table of contents",
        "graphical contents list",
        "contents list",
        "contents",
        "contents page",
        "masthead",
        "title page",
        "copyright page",
        "subscription page",
        "author index",
        "subject index",
        "keyword index",
        "index",
        "in this issue",
        "publisher's note",
        "advertisement",
        "list of reviewers",
        "acknowledgment of reviewers",
        "acknowledgement of reviewers",
        "information for authors",
        "calendar of events",
        "blank page",
        "issue publication information",
    ];
    whole.contains(&title.as_str())
}

/// Topics in the words of a source, for papers without arXiv categories.
pub(super) fn topics(paper: &Paper, words: &[String]) -> Vec<String> {
    if paper.id.is_arxiv() {
        return Vec::new();
    }
    let mut topics: Vec<String> = Vec::new();
    for word in words.iter().map(|word| clean_line(word)) {
        let is_topic = word.chars().any(char::is_alphabetic)
            && word.chars().count() <= TOPIC_CHARS_MAX
            && !word.contains("://")
            && !KINDS_OF_TEXT.contains(&word.to_lowercase().as_str());
        if is_topic && !topics.contains(&word) && topics.len() < TOPICS_MAX {
            topics.push(word);
        }
    }
    topics
}

/// The beginning of a record that is set aside.
pub(super) fn excerpt(record: &str) -> String {
    record.trim().chars().take(KEPT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doi_is_found_in_any_notation() {
        for text in [
            "10.1038/S41586-026-00001-1",
            "doi:10.1038/s41586-026-00001-1",
            "https://doi.org/10.1038/s41586-026-00001-1?x=1",
            "http://dx.doi.org/10.1038%2Fs41586-026-00001-1",
            "https://www.example.org/doi/full/10.1038/s41586-026-00001-1",
            "DOI: 10.1038/s41586-026-00001-1.",
            "https://example.org/content/10.1038/s41586-026-00001-1.full",
        ] {
            assert_eq!(
                doi(text).as_deref(),
                Some("10.1038/s41586-026-00001-1"),
                "{text}"
            );
        }
        assert_eq!(
            doi("http://biorxiv.org/cgi/content/short/2026.01.02.573v1?rss=1"),
            None
        );
        assert_eq!(
            doi("https://www.biorxiv.org/content/10.1101/2026.01.02.573123v2?rss=1").as_deref(),
            Some("10.1101/2026.01.02.573123")
        );
        for text in [
            "",
            "10.",
            "10.12/x",
            "10.1038/",
            "version 2.10.1038/x1",
            "https://example.org/10.html",
            "é10.1038",
        ] {
            assert_eq!(doi(text), None, "{text}");
        }
        assert_eq!(doi("10.1002.5/x y").as_deref(), Some("10.1002.5/x"));
    }

    #[test]
    fn the_id_of_a_work_is_the_one_that_most_sources_know() {
        let paper = |arxiv: &str, doi: &str| {
            let names = Identifiers {
                arxiv: Some(arxiv.to_owned()),
                doi: Some(doi.to_owned()),
                own: Some("s2:abc".to_owned()),
                others: vec!["pmid:1".to_owned(), "s2:abc".to_owned()],
            };
            let paper = names.paper(" A <b>title</b> ").unwrap();
            let same: Vec<&str> = paper.same_as.iter().map(PaperId::as_str).collect();
            format!("{} {:?} {}", paper.id, paper.doi, same.join(" "))
        };
        assert_eq!(
            paper("2608.00001v2", "10.1000/A"),
            "2608.00001 Some(\"10.1000/a\") s2:abc pmid:1"
        );
        assert_eq!(
            paper("", "10.1000/A"),
            "10.1000/a Some(\"10.1000/a\") s2:abc pmid:1"
        );
        assert_eq!(
            paper("", "10.48550/arXiv.2608.00001"),
            "2608.00001 None s2:abc pmid:1"
        );
        assert_eq!(paper("nonsense", ""), "s2:abc None pmid:1");
        assert!(
            Identifiers::default().paper("x").is_err() && Identifiers::default().paper("").is_err()
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,40}|[10./ :a-z%]{0,40}") {
            let _ = (doi(&text), arxiv_in(&text), is_front_matter(&text));
        }
    }
}
