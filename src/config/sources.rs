//! Reads the list of sources.

use super::files::Files;
use super::sections::{base_address, needed, one_line, web_address};
use crate::fields::{Fields, shown_text};
use crate::source::arxiv::is_category;
use crate::source::{SourceKind, SourceSettings};
use std::collections::BTreeMap;

pub(super) fn read(fields: &mut Fields, files: &mut Files) -> Vec<SourceSettings> {
    if !fields.has("source") {
        return Vec::new();
    }
    let sources = fields
        .sections("source", true, |fields| read_source(fields, files))
        .unwrap_or_default();
    let mut first_with: BTreeMap<String, usize> = BTreeMap::new();
    for (at, source) in sources.iter().enumerate() {
        let Some(source) = source else { continue };
        // The name is typed in commands, where nobody wants to mind capitals.
        let first = *first_with.entry(source.name.to_lowercase()).or_insert(at);
        if first != at {
            let remedy =
                format!("is the name of source[{first}] already: give each source its own name");
            fields.refuse(
                &format!("source[{at}].name"),
                Some(shown_text(&source.name)),
                remedy,
            );
        }
    }
    sources.into_iter().flatten().collect()
}

fn read_source(fields: &mut Fields, files: &mut Files) -> Option<SourceSettings> {
    let name = fields.parsed("name", one_line);
    let kind = fields.choice("kind", &SourceKind::WORDS);
    if kind.is_none() {
        let words = SourceKind::WORDS.map(|(word, _)| word);
        fields.refuse_once("kind", format!("must be one of {}", words.join(", ")));
    }
    let categories = match kind {
        Some(SourceKind::Arxiv) => read_arxiv_categories(fields),
        _ => fields.texts("categories").unwrap_or_default(),
    };
    let (is_feed, is_jsonl) = (
        kind == Some(SourceKind::Feed),
        kind == Some(SourceKind::Jsonl),
    );
    refuse_foreign(fields, "url", kind, SourceKind::Feed);
    refuse_foreign(fields, "path", kind, SourceKind::Jsonl);
    let url = if is_feed {
        needed(fields, "url", web_address)
    } else {
        fields.filled("url")
    };
    let path = if is_jsonl {
        fields.needed("path")
    } else {
        fields.filled("path")
    };
    let query = fields.filled("query");
    let journals = fields.all_parsed("journals", issn).unwrap_or_default();
    let venues = fields.texts("venues").unwrap_or_default();
    if let Some(kind) = kind {
        refuse_lacking(fields, kind, query.as_deref(), &journals, &venues);
    }
    let endpoint = fields.parsed("endpoint", base_address);
    let verify = fields.flag("verify");
    let catchup = fields.flag("catchup");
    for (key, value) in [("verify", verify), ("catchup", catchup)] {
        if let (Some(kind), Some(_)) = (kind.filter(|kind| *kind != SourceKind::Arxiv), value) {
            fields.refuse(
                key,
                None,
                format!("is for sources of kind arxiv, not {}", kind.word()),
            );
        }
    }
    let api_key = files.secret(fields, "api_key", "api_key_file");
    let kind = kind?;
    Some(SourceSettings {
        name: name.unwrap_or_else(|| kind.word().to_owned()),
        kind,
        categories,
        url,
        path: path.map(|path| files.locate(&path)),
        journals,
        venues,
        query,
        endpoint,
        verify: verify.unwrap_or(true),
        catchup: catchup.unwrap_or(false),
        api_key,
    })
}

fn refuse_foreign(
    fields: &mut Fields,
    key: &'static str,
    kind: Option<SourceKind>,
    owner: SourceKind,
) {
    if let Some(kind) = kind.filter(|&kind| kind != owner && fields.has_filled(key)) {
        fields.refuse(
            key,
            None,
            format!(
                "is for sources of kind {}, not {}",
                owner.word(),
                kind.word()
            ),
        );
    }
}

/// What a kind cannot do without, and what it cannot do anything with.
fn refuse_lacking(
    fields: &mut Fields,
    kind: SourceKind,
    query: Option<&str>,
    journals: &[String],
    venues: &[String],
) {
    use SourceKind::{Crossref, OpenAlex, OpenReview, Pubmed, SemanticScholar};
    match kind {
        Pubmed | SemanticScholar if query.is_none() => {
            fields.refuse_once(
                "query",
                "must say what to search for, like \"graph neural networks\"",
            );
        }
        Crossref | OpenAlex if query.is_none() && journals.is_empty() => {
            let remedy = "must say what to search for, unless journals does: all of it would be tens of thousands a day";
            fields.refuse_once("query", remedy);
        }
        OpenReview if venues.is_empty() => {
            fields.refuse_once(
                "venues",
                "must name at least one venue, like [\"ICLR.cc/2027/Conference\"]",
            );
        }
        _ => {}
    }
    if !journals.is_empty() && ![Crossref, OpenAlex].contains(&kind) {
        fields.refuse(
            "journals",
            None,
            format!(
                "is for sources of kind crossref or openalex, not {}",
                kind.word()
            ),
        );
    }
    if !venues.is_empty() && kind != OpenReview {
        fields.refuse(
            "venues",
            None,
            format!("is for sources of kind openreview, not {}", kind.word()),
        );
    }
}

/// An ISSN: seven digits and a digit or X that checks them (ISO 3297).
fn issn(text: &str) -> Result<String, &'static str> {
    let wrong = "must be an ISSN, like 1476-4687";
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| {
            if matches!(c, 'X' | 'x') {
                Some(10)
            } else {
                c.to_digit(10)
            }
        })
        .collect::<Option<_>>()
        .ok_or(wrong)?;
    let sum: u32 = digits
        .iter()
        .rev()
        .zip(1..)
        .map(|(digit, weight)| digit * weight)
        .sum();
    if digits.len() != 8 || digits[..7].contains(&10) || !sum.is_multiple_of(11) {
        return Err(wrong);
    }
    let plain: String = text
        .chars()
        .filter(|c| *c != '-')
        .collect::<String>()
        .to_uppercase();
    Ok(format!("{}-{}", &plain[..4], &plain[4..]))
}

fn read_arxiv_categories(fields: &mut Fields) -> Vec<String> {
    let categories = fields
        .all_parsed("categories", arxiv_category)
        .unwrap_or_default();
    if categories.is_empty() {
        fields.refuse_once(
            "categories",
            "must name at least one category, like [\"cs.LG\", \"hep-th\"]",
        );
    }
    categories
}

fn arxiv_category(text: &str) -> Result<String, &'static str> {
    if is_category(text) {
        Ok(text.to_owned())
    } else {
        Err("must be categories of arXiv, like cs.LG or hep-th")
    }
}
