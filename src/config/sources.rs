//! Reads the `[[source]]` settings.

use super::files::Files;
use super::sections::{base_address, needed, one_line, web_address};
use crate::fields::{Fields, shown_text};
use crate::source::{KINDS, SourceKind, SourceSettings};
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
        // Names are compared without case, since people type them in commands.
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

/// Settings that only some kinds have.
const OWN_KEYS: [&str; 6] = ["url", "path", "journals", "venues", "verify", "catchup"];

fn read_source(fields: &mut Fields, files: &mut Files) -> Option<SourceSettings> {
    let name = fields.parsed("name", one_line);
    let kind = fields.choice("kind", &KINDS.map(|kind| (kind.word, kind)));
    if kind.is_none() {
        let words = KINDS.map(|kind| kind.word).join(", ");
        fields.refuse_once("kind", format!("must be one of {words}"));
    }
    let has = |key| kind.is_some_and(|kind: &SourceKind| kind.keys.contains(&key));
    let given: Vec<&str> = OWN_KEYS
        .into_iter()
        .filter(|key| fields.has_filled(key))
        .collect();
    let category = kind.map_or(SourceKind::ANY_CATEGORY, |kind| kind.category);
    let source = SourceSettings {
        name: name.unwrap_or_else(|| kind.map_or("", |kind| kind.word).to_owned()),
        kind: kind.unwrap_or(KINDS[0]),
        categories: fields
            .all_parsed("categories", category)
            .unwrap_or_default(),
        url: if has("url") {
            needed(fields, "url", web_address)
        } else {
            fields.filled("url")
        },
        path: if has("path") {
            fields.needed("path").map(|path| files.locate(&path))
        } else {
            fields.filled("path").map(|path| files.locate(&path))
        },
        query: fields.filled("query"),
        journals: fields.all_parsed("journals", issn).unwrap_or_default(),
        venues: fields.texts("venues").unwrap_or_default(),
        endpoint: fields.parsed("endpoint", base_address),
        verify: fields.flag("verify").unwrap_or(true),
        catchup: fields.flag("catchup").unwrap_or(false),
        api_key: files.secret(fields, "api_key", "api_key_file"),
    };
    let kind = kind?;
    for key in given.into_iter().filter(|key| !has(key)) {
        let is_empty_list = (key == "journals" && source.journals.is_empty())
            || (key == "venues" && source.venues.is_empty());
        if !is_empty_list {
            let (owners, word) = (SourceKind::words_with(key).join(" or "), kind.word);
            let remedy = format!("is for sources of kind {owners}, not {word}");
            fields.refuse(key, None, remedy);
        }
    }
    for need in kind.needs {
        if !need.any_of.iter().any(|key| is_given(&source, key)) {
            fields.refuse_once(need.any_of[0], need.remedy);
        }
    }
    Some(source)
}

fn is_given(source: &SourceSettings, key: &str) -> bool {
    match key {
        "categories" => !source.categories.is_empty(),
        "query" => source.query.is_some(),
        "journals" => !source.journals.is_empty(),
        "venues" => !source.venues.is_empty(),
        key => unreachable!("no source needs {key}"),
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
