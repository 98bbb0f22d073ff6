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
    let sources = fields.sections("source", true, |fields| read_source(fields, files)).unwrap_or_default();
    let mut first_with: BTreeMap<String, usize> = BTreeMap::new();
    for (at, source) in sources.iter().enumerate() {
        let Some(source) = source else { continue };
        // The name is typed in commands, where nobody wants to mind capitals.
        let first = *first_with.entry(source.name.to_lowercase()).or_insert(at);
        if first != at {
            let remedy = format!("is the name of source[{first}] already: give each source its own name");
            fields.refuse(&format!("source[{at}].name"), Some(shown_text(&source.name)), remedy);
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
    let (is_feed, is_jsonl) = (kind == Some(SourceKind::Feed), kind == Some(SourceKind::Jsonl));
    refuse_foreign(fields, "url", kind, SourceKind::Feed);
    refuse_foreign(fields, "path", kind, SourceKind::Jsonl);
    let url = if is_feed { needed(fields, "url", web_address) } else { fields.filled("url") };
    let path = if is_jsonl { fields.needed("path") } else { fields.filled("path") };
    let query = fields.filled("query");
    let endpoint = fields.parsed("endpoint", base_address);
    let verify = fields.flag("verify");
    let catchup = fields.flag("catchup");
    for (key, value) in [("verify", verify), ("catchup", catchup)] {
        if let (Some(kind), Some(_)) = (kind.filter(|kind| *kind != SourceKind::Arxiv), value) {
            fields.refuse(key, None, format!("is for sources of kind arxiv, not {}", kind.word()));
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
        query,
        endpoint,
        verify: verify.unwrap_or(true),
        catchup: catchup.unwrap_or(false),
        api_key,
    })
}

fn refuse_foreign(fields: &mut Fields, key: &'static str, kind: Option<SourceKind>, owner: SourceKind) {
    if let Some(kind) = kind.filter(|&kind| kind != owner && fields.has_filled(key)) {
        fields.refuse(key, None, format!("is for sources of kind {}, not {}", owner.word(), kind.word()));
    }
}

fn read_arxiv_categories(fields: &mut Fields) -> Vec<String> {
    let categories = fields.all_parsed("categories", arxiv_category).unwrap_or_default();
    if categories.is_empty() {
        fields.refuse_once("categories", "must name at least one category, like [\"cs.LG\", \"hep-th\"]");
    }
    categories
}

fn arxiv_category(text: &str) -> Result<String, &'static str> {
    if is_category(text) { Ok(text.to_owned()) } else { Err("must be categories of arXiv, like cs.LG or hep-th") }
}
