//! Ids of works in canonical form.

use super::doi::{is_doi, percent_decoded};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// The id of one work, without its version: `2510.12793`, `hep-th/9901001`,
/// `10.1101/2024.01.02.573`, `pmid:123`, `PMC123`, `openreview:…`, `s2:…`, `corpus:123`,
/// `openalex:W123`, or an id of its source's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(example = "2510.12793")]
pub struct PaperId(String);

/// The reason why a text is not the id of a paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPaperId {
    /// Nothing is left without prefixes and spaces.
    #[error("the id is empty")]
    Empty,
    /// It is too long, or cannot stand in a link or in one line of a list.
    #[error("an id has at most {ID_CHARS_MAX} characters, without spaces or control characters")]
    Shape,
}

/// The registry that assigned an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Registry {
    /// The preprint server arXiv.
    Arxiv,
    /// A preprint server, by a DOI: bioRxiv, medRxiv, Research Square and others.
    Preprint,
    /// A publisher, by a DOI.
    Doi,
    /// The index PubMed.
    PubMed,
    /// PubMed Central.
    Pmc,
    /// The review site OpenReview.
    OpenReview,
    /// A bibliographic index, which may list a work twice.
    Index,
    /// Any other.
    Other,
}

const ID_CHARS_MAX: usize = 200;

// bioRxiv and medRxiv (two), Research Square, Preprints.org, ChemRxiv, SSRN, OSF
// and PsyArXiv, ESS Open Archive, TechRxiv, Authorea, Zenodo.
/// DOI prefixes of preprint servers.
const PREPRINT_PREFIXES: [&str; 12] = [
    "10.1101/",
    "10.64898/",
    "10.21203/",
    "10.20944/",
    "10.26434/",
    "10.2139/",
    "10.31219/",
    "10.31234/",
    "10.1002/essoar",
    "10.36227/",
    "10.22541/",
    "10.5281/",
];

impl PaperId {
    /// Reads an id as people and sources write it, and the version if it names one.
    ///
    /// `arXiv:2510.12793v2`, `https://arxiv.org/abs/2510.12793`, `oai:arXiv.org:2510.12793`
    /// and `2510.12793` are all the paper `2510.12793`. A subject class in an
    /// old-style id is dropped (`math.GT/0309136` is `math/0309136`), as arXiv
    /// itself does. The same holds for DOIs, PubMed, PubMed Central, OpenReview,
    /// Semantic Scholar and OpenAlex; bioRxiv's DOIs name a version as arXiv's ids
    /// do. Other ids are kept as they are.
    pub fn parse(raw: &str) -> Result<(PaperId, Option<u32>), BadPaperId> {
        if let Some(name) = registered(raw.trim()) {
            return Ok((PaperId(name), None));
        }
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
            "biorxiv.org/content/",
            "medrxiv.org/content/",
            "oai:arXiv.org:",
            "arXiv:",
            "doi:",
        ] {
            if let Some(rest) = without(id, prefix) {
                id = rest.trim_start();
            }
        }
        // A DOI that is not part of an address may hold any sign.
        let is_bare_doi = is_doi(raw.trim());
        let decoded;
        if !is_bare_doi {
            id = id.split(['?', '#']).next().unwrap_or_default();
            if id.starts_with("10.") && raw.contains("://") {
                decoded = percent_decoded(id);
                id = &decoded;
            }
            id = id.strip_suffix(".pdf").unwrap_or(id);
        }
        // arXiv registers a DOI for each of its papers.
        if let Some(rest) = without(id, "10.48550/arXiv") {
            id = rest.trim_start_matches('.');
        }
        if id.is_empty() {
            return Err(BadPaperId::Empty);
        }
        if id.chars().count() > ID_CHARS_MAX
            || id.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(BadPaperId::Shape);
        }
        let (bare, version) = split_version(id);
        if is_new_arxiv(bare) {
            return Ok((PaperId(bare.to_owned()), version));
        }
        if let Some(old) = old_arxiv(bare) {
            return Ok((PaperId(old), version));
        }
        if !id.starts_with("10.") {
            return Ok((PaperId(id.to_owned()), None));
        }
        // bioRxiv and medRxiv register one DOI a work; addresses of versions append to it.
        if id.starts_with("10.1101/") || id.starts_with("10.64898/") {
            let id = [".full", ".abstract", ".full-text"]
                .iter()
                .find_map(|end| id.strip_suffix(end))
                .unwrap_or(id);
            let (bare, version) = split_version(id);
            let is_numbered = bare.ends_with(|c: char| c.is_ascii_digit());
            let (bare, version) = if is_numbered {
                (bare, version)
            } else {
                (id, None)
            };
            return Ok((PaperId(bare.to_lowercase()), version));
        }
        // DOIs are compared without regard to case (DOI handbook, section 2.4).
        Ok((PaperId(id.to_lowercase()), None))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an arXiv id.
    pub fn is_arxiv(&self) -> bool {
        is_new_arxiv(&self.0) || old_arxiv(&self.0).is_some()
    }

    /// The registry that assigned this id.
    pub fn registry(&self) -> Registry {
        let id = self.0.as_str();
        if self.is_arxiv() {
            Registry::Arxiv
        } else if id.starts_with("10.") && id.contains('/') {
            // Cold Spring Harbor's journals share bioRxiv's prefix: `10.1101/gr.…`.
            let is_journal = id
                .strip_prefix("10.1101/")
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
            let is_preprint = !is_journal
                && PREPRINT_PREFIXES
                    .iter()
                    .any(|prefix| id.starts_with(prefix));
            if is_preprint {
                Registry::Preprint
            } else {
                Registry::Doi
            }
        } else if id.starts_with("pmid:") {
            Registry::PubMed
        } else if id.strip_prefix("PMC").is_some_and(is_number) {
            Registry::Pmc
        } else if id.starts_with("openreview:") {
            Registry::OpenReview
        } else if ["s2:", "corpus:", "openalex:"]
            .iter()
            .any(|prefix| id.starts_with(prefix))
        {
            Registry::Index
        } else {
            Registry::Other
        }
    }
}

/// `text` without `prefix`, in any case of letters.
fn without<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The canonical form of an id of PubMed, OpenReview, Semantic Scholar or OpenAlex.
fn registered(raw: &str) -> Option<String> {
    let mut text = raw;
    for scheme in ["https://", "http://", "www."] {
        text = without(text, scheme).unwrap_or(text);
    }
    let is_address = text.len() < raw.len();
    let last = || {
        text.split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
            .rsplit('/')
            .next()
    };
    let labelled = |labels: &[&str]| {
        let rest = labels.iter().find_map(|label| without(raw, label))?;
        Some(rest.trim_start().trim_start_matches(':').trim())
    };
    let at = |hosts: &[&str]| is_address && hosts.iter().any(|host| without(text, host).is_some());
    if let Some(number) = labelled(&["pmid"]).filter(|number| is_number(number)) {
        return Some(format!("pmid:{}", unpadded(number)));
    }
    let central = labelled(&["pmcid", "pmc"]);
    if let Some(number) = central
        .map(|rest| without(rest, "PMC").unwrap_or(rest))
        .filter(|number| is_number(number))
    {
        return Some(format!("PMC{}", unpadded(number)));
    }
    if at(&["pubmed.ncbi.nlm.nih.gov/", "ncbi.nlm.nih.gov/pubmed/"]) {
        return last()
            .filter(|number| is_number(number))
            .map(|number| format!("pmid:{}", unpadded(number)));
    }
    if at(&[
        "pmc.ncbi.nlm.nih.gov/articles/",
        "ncbi.nlm.nih.gov/pmc/articles/",
        "europepmc.org/article/pmc/",
    ]) {
        let number = text
            .split('/')
            .find_map(|part| without(part, "PMC").filter(|number| is_number(number)))?;
        return Some(format!("PMC{}", unpadded(number)));
    }
    let forum = |id: &str| {
        let id = id.trim();
        let plain = id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (plain && (6..=40).contains(&id.len())).then(|| format!("openreview:{id}"))
    };
    if at(&[
        "openreview.net/forum",
        "openreview.net/pdf",
        "openreview.net/attachment",
    ]) {
        let (_, asked) = text.split_once('?')?;
        return asked
            .split(['&', '#'])
            .find_map(|part| part.strip_prefix("id="))
            .and_then(forum);
    }
    if let Some(id) = labelled(&["openreview:"]) {
        return forum(id);
    }
    if let Some(number) = labelled(&["corpusid:", "corpus:"]).filter(|number| is_number(number)) {
        return Some(format!("corpus:{}", unpadded(number)));
    }
    let hash = |id: &str| {
        let id = id.to_ascii_lowercase();
        (id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| format!("s2:{id}"))
    };
    if at(&["semanticscholar.org/paper/"]) {
        return last().and_then(hash);
    }
    if let Some(id) = labelled(&["s2:"]) {
        return hash(id);
    }
    let work = |id: &str| {
        without(id, "W")
            .filter(|number| is_number(number))
            .map(|number| format!("openalex:W{number}"))
    };
    if at(&["openalex.org/", "api.openalex.org/works/"]) {
        return last().and_then(work);
    }
    labelled(&["openalex:"]).and_then(work)
}

fn unpadded(number: &str) -> &str {
    let trimmed = number.trim_start_matches('0');
    if trimmed.is_empty() { "0" } else { trimmed }
}

fn split_version(id: &str) -> (&str, Option<u32>) {
    match id.rsplit_once('v') {
        Some((bare, digits))
            if !bare.is_empty()
                && digits.len() <= 4
                && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            digits
                .parse()
                .map_or((id, None), |version| (bare, Some(version)))
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
        && archive
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
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
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, id: &str, version: Option<u32>) {
        let (found, found_version) = PaperId::parse(raw).unwrap();
        assert_eq!((found.as_str(), found_version), (id, version), "{raw}");
        // A canonical id is read as itself.
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
        check(
            "doi:10.1000/2024.01.02.573ABC",
            "10.1000/2024.01.02.573abc",
            None,
        );
        check("PMID123v2", "PMID123v2", None);
        check("sample.0001", "sample.0001", None);
        check("日本語-1", "日本語-1", None);
        check("pmidish", "pmidish", None);
        check("s2:short", "s2:short", None);
    }

    #[test]
    fn a_doi_may_hold_any_sign() {
        let sici = "10.1002/(sici)1097-0000(202608)18:15<1662::aid-exa969>3.0.co;2-3";
        check(sici, sici, None);
        check(&sici.to_uppercase(), sici, None);
        check(&format!("doi:{sici}"), sici, None);
        check(&crate::paper::doi_url(sici), sici, None);
        check("10.1000/a?b#c", "10.1000/a?b#c", None);
        check("https://doi.org/10.1000/a?b#c", "10.1000/a", None);
    }

    #[test]
    fn ids_of_registries_have_one_canonical_form() {
        for raw in [
            "PMID:123",
            "pmid 0123",
            "pmid123",
            "https://pubmed.ncbi.nlm.nih.gov/123/",
            "http://www.ncbi.nlm.nih.gov/pubmed/123?dopt=Abstract",
        ] {
            check(raw, "pmid:123", None);
        }
        for raw in [
            "PMC42",
            "pmcid: PMC42",
            "PMC:42",
            "https://pmc.ncbi.nlm.nih.gov/articles/PMC42/",
            "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC42/pdf/x.pdf",
        ] {
            check(raw, "PMC42", None);
        }
        for raw in [
            "openreview:rJ4km2R5t7",
            "OpenReview: rJ4km2R5t7",
            "https://openreview.net/forum?id=rJ4km2R5t7",
            "https://openreview.net/pdf?name=a&id=rJ4km2R5t7#x",
        ] {
            check(raw, "openreview:rJ4km2R5t7", None);
        }
        let hash = "0123456789abcdef0123456789abcdef01234567";
        check(
            &format!("https://www.semanticscholar.org/paper/A-Title/{hash}"),
            &format!("s2:{hash}"),
            None,
        );
        check(
            &format!("S2:{}", hash.to_uppercase()),
            &format!("s2:{hash}"),
            None,
        );
        check("CorpusId:77", "corpus:77", None);
        check("https://openalex.org/W99", "openalex:W99", None);
        check("https://api.openalex.org/works/w99", "openalex:W99", None);
    }

    #[test]
    fn preprint_servers_name_versions() {
        check(
            "10.1101/2024.01.02.573123v3",
            "10.1101/2024.01.02.573123",
            Some(3),
        );
        check(
            "https://www.biorxiv.org/content/10.1101/2024.01.02.573123v1.full",
            "10.1101/2024.01.02.573123",
            Some(1),
        );
        check("10.1101/gr.123v", "10.1101/gr.123v", None);
        check("DOI: 10.1000/ABC", "10.1000/abc", None);
    }

    #[test]
    fn a_name_tells_who_gave_it() {
        let check = |id: &str, registry| {
            assert_eq!(id.parse::<PaperId>().unwrap().registry(), registry, "{id}");
        };
        check("2510.12793", Registry::Arxiv);
        check("10.1101/2024.01.02.573123", Registry::Preprint);
        check("10.1000/x", Registry::Doi);
        check("10.1101/gr.277", Registry::Doi);
        check("pmid 5", Registry::PubMed);
        check("PMC5", Registry::Pmc);
        check("CorpusId:5", Registry::Index);
        check("PMID123v2", Registry::Other);
        check("10.1", Registry::Other);
    }

    #[test]
    fn malformed_ids_are_refused() {
        assert_eq!(PaperId::parse(" arXiv: "), Err(BadPaperId::Empty));
        assert_eq!(PaperId::parse("two words"), Err(BadPaperId::Shape));
        assert_eq!(PaperId::parse("a\nb"), Err(BadPaperId::Shape));
        assert_eq!(PaperId::parse(&"x".repeat(201)), Err(BadPaperId::Shape));
    }
}
