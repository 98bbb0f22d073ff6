//! CSL-JSON and Zotero's JSON.

use super::{LibraryEntry, LibraryError, LibraryFormat, RawEntry};
use serde_json::Value;

/// Zotero's items that are no works.
const NO_WORKS: [&str; 3] = ["attachment", "note", "annotation"];

pub(super) fn read(text: &str) -> Result<(LibraryFormat, Vec<LibraryEntry>), LibraryError> {
    let text = text.trim_start_matches('\u{FEFF}');
    let value: Value = serde_json::from_str(text).map_err(|error| LibraryError::Json {
        line: error.line().max(1),
        reason: error.to_string(),
    })?;
    // Better BibTeX has `items`, some exports of CSL have `references`.
    let items = match value {
        Value::Array(items) => items,
        Value::Object(mut table) => match ["items", "references"]
            .iter()
            .find_map(|key| table.remove(*key))
        {
            Some(Value::Array(items)) => items,
            Some(_) => return Err(LibraryError::Unknown),
            None => vec![Value::Object(table)],
        },
        _ => return Err(LibraryError::Unknown),
    };
    // The API wraps each item in its `data`.
    let items: Vec<Value> = items
        .into_iter()
        .map(|mut item| match item.get_mut("data") {
            Some(data @ Value::Object(_)) => data.take(),
            _ => item,
        })
        .collect();
    let has = |key: &str| items.iter().any(|item| item.get(key).is_some());
    let form = if has("itemType") {
        LibraryFormat::Zotero
    } else if items.is_empty() || has("type") || has("title") {
        LibraryFormat::Csl
    } else {
        return Err(LibraryError::Unknown);
    };
    let entries = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let content = match (form, item) {
                (LibraryFormat::Zotero, Value::Object(_)) => zotero(item),
                (_, Value::Object(_)) => Ok(csl(item)),
                _ => Err("the entry is not an object".to_owned()),
            };
            LibraryEntry {
                line: at + 1,
                content,
            }
        })
        .collect();
    Ok((form, entries))
}

fn text(item: &Value, key: &str) -> String {
    match item.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn zotero(item: &Value) -> Result<RawEntry, String> {
    let kind = text(item, "itemType");
    if NO_WORKS.contains(&kind.as_str()) {
        return Err(format!("it is of type {kind}, not a work"));
    }
    let creators = item
        .get("creators")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let is_author =
        |creator: &&Value| matches!(text(creator, "creatorType").as_str(), "author" | "");
    let name = |creator: &Value| match text(creator, "name") {
        name if name.is_empty() => format!(
            "{}, {}",
            text(creator, "lastName"),
            text(creator, "firstName")
        ),
        name => name,
    };
    let title = ["title", "caseName", "nameOfAct", "subject"].map(|key| text(item, key));
    let mentions = [
        "url",
        "extra",
        "archiveID",
        "archiveLocation",
        "reportNumber",
        "publicationTitle",
        "number",
    ];
    Ok(RawEntry {
        title: title
            .into_iter()
            .find(|title| !title.is_empty())
            .unwrap_or_default(),
        abstract_text: text(item, "abstractNote"),
        authors: creators.iter().filter(is_author).map(name).collect(),
        doi: text(item, "DOI"),
        pmid: text(item, "PMID"),
        mentions: mentions
            .iter()
            .map(|key| text(item, key))
            .filter(|text| !text.is_empty())
            .collect(),
        ..RawEntry::default()
    })
}

fn csl(item: &Value) -> RawEntry {
    let authors = item
        .get("author")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let name = |author: &Value| match (
        text(author, "family"),
        text(author, "given"),
        text(author, "literal"),
    ) {
        (family, _, literal) if family.is_empty() => literal,
        (family, given, _) => {
            let particle = [
                text(author, "dropping-particle"),
                text(author, "non-dropping-particle"),
            ]
            .concat();
            let family = if particle.is_empty() {
                family
            } else {
                format!("{particle} {family}")
            };
            format!("{family}, {given}")
        }
    };
    let mentions = [
        "URL",
        "note",
        "number",
        "archive_location",
        "archive",
        "container-title",
    ];
    RawEntry {
        title: text(item, "title"),
        abstract_text: text(item, "abstract"),
        authors: authors.iter().map(name).collect(),
        doi: text(item, "DOI"),
        pmid: text(item, "PMID"),
        mentions: mentions
            .iter()
            .map(|key| text(item, key))
            .filter(|text| !text.is_empty())
            .collect(),
        ..RawEntry::default()
    }
}
