//! CSL-JSON and Zotero's JSON.

use super::{LibraryEntry, LibraryError, LibraryFormat, RawEntry};
use serde_json::Value;

/// Types of Zotero items that are not works.
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

/// The parts of a name in the order in which it is read (CSL 1.0.2). A particle that
/// ends in an apostrophe or a hyphen stands close to the next part.
fn joined(parts: &[String]) -> String {
    let mut name = String::new();
    for part in parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
    {
        if !name.is_empty() && !name.ends_with(['\'', '’', '-']) {
            name.push(' ');
        }
        name.push_str(part);
    }
    name
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
    let name = |creator: &Value| {
        let parts = ["name", "firstName", "lastName"].map(|key| text(creator, key));
        joined(&parts)
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
    let name = |author: &Value| {
        let keys = [
            "given",
            "dropping-particle",
            "non-dropping-particle",
            "family",
            "suffix",
        ];
        let parts = keys.map(|key| text(author, key));
        match joined(&parts) {
            name if name.is_empty() => text(author, "literal").trim().to_owned(),
            name => name,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(author: &str, expected: &str) {
        let author: Value = serde_json::from_str(author).unwrap();
        let item = serde_json::json!({ "title": "A title", "author": [author.clone()] });
        assert_eq!(csl(&item).authors, [expected], "{author}");
    }

    #[test]
    fn every_part_of_a_csl_name_is_kept_in_its_place() {
        for (author, expected) in [
            (r#"{"family":"Noether","given":"Emmy"}"#, "Emmy Noether"),
            (
                r#"{"family":"Fontaine","given":"Jean","dropping-particle":"de","non-dropping-particle":"La"}"#,
                "Jean de La Fontaine",
            ),
            (
                r#"{"family":"Berg","given":"L.","non-dropping-particle":"van der"}"#,
                "L. van der Berg",
            ),
            (
                r#"{"family":"Alembert","given":"Jean","dropping-particle":"d'"}"#,
                "Jean d'Alembert",
            ),
            (
                r#"{"family":"Artagnan","non-dropping-particle":"d’"}"#,
                "d’Artagnan",
            ),
            (
                r#"{"family":"Khwarizmi","given":"M.","non-dropping-particle":"al-"}"#,
                "M. al-Khwarizmi",
            ),
            (
                r#"{"family":"King","given":"Martin Luther","suffix":"Jr."}"#,
                "Martin Luther King Jr.",
            ),
            (
                r#"{"family":"King","given":"M.","suffix":"III","non-dropping-particle":"de","comma-suffix":true}"#,
                "M. de King III",
            ),
            (r#"{"given":"Plato"}"#, "Plato"),
            (r#"{"family":"Mausam"}"#, "Mausam"),
            (r#"{"family":"Mausam","given":""}"#, "Mausam"),
            (
                r#"{"literal":"The Sheep, Goat and Ox Collaboration"}"#,
                "The Sheep, Goat and Ox Collaboration",
            ),
        ] {
            check(author, expected);
        }
    }

    #[test]
    fn every_form_of_a_zotero_creator_is_read() {
        let item = serde_json::json!({ "itemType": "journalArticle", "title": "A title", "creators": [
            { "creatorType": "author", "lastName": "Plato", "firstName": "" },
            { "creatorType": "author", "firstName": "Emmy", "lastName": "Noether" },
            { "creatorType": "author", "lastName": "Mausam" },
            { "creatorType": "author", "name": "Sheep, Goat and Ox Group" },
            { "creatorType": "editor", "name": "Nobody" },
        ] });
        assert_eq!(
            zotero(&item).unwrap().authors,
            [
                "Plato",
                "Emmy Noether",
                "Mausam",
                "Sheep, Goat and Ox Group"
            ]
        );
    }
}
