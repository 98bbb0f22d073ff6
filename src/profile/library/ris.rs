//! RIS: two letters, two spaces, a hyphen, and a value on each line.

use super::{LibraryEntry, RawEntry};

/// Whether a text holds a line that begins an entry.
pub(super) fn is_ris(text: &str) -> bool {
    text.lines()
        .any(|line| tag(line).is_some_and(|(tag, _)| tag == "TY"))
}

/// The tag and the value of a line. The standard has exactly two spaces before
/// the hyphen; real files have any number, and lose the one at the line's end.
fn tag(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches('\u{FEFF}');
    let (tag, rest) = line.split_at_checked(2)?;
    let mut letters = tag.chars();
    let is_tag = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters
            .next()
            .is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let value = rest.trim_start_matches(' ').strip_prefix('-')?;
    (is_tag && rest.starts_with(' ') && (value.is_empty() || value.starts_with(' ')))
        .then(|| (tag, value.trim()))
}

pub(super) fn read(text: &str) -> Vec<LibraryEntry> {
    let mut entries = Vec::new();
    let mut open: Option<(usize, RawEntry)> = None;
    let mut last = String::new();
    for (at, line) in text.lines().enumerate() {
        match tag(line) {
            Some(("TY", _)) => {
                entries.extend(open.take().map(|(line, raw)| unended(line, raw)));
                open = Some((at + 1, RawEntry::default()));
                last.clear();
            }
            Some(("ER", _)) => {
                entries.extend(open.take().map(|(line, raw)| LibraryEntry {
                    line,
                    content: Ok(raw),
                }));
            }
            Some((tag, value)) => {
                if let Some((_, raw)) = &mut open {
                    put(raw, tag, value);
                    tag.clone_into(&mut last);
                }
            }
            // A line without a tag goes on with the one before.
            None if !line.trim().is_empty() => {
                if let Some((_, raw)) = &mut open {
                    go_on(raw, &last, line.trim());
                }
            }
            None => {}
        }
    }
    entries.extend(open.take().map(|(line, raw)| unended(line, raw)));
    entries
}

/// An entry that lacks its end is read if it has a title: the next one begins anyway.
fn unended(line: usize, raw: RawEntry) -> LibraryEntry {
    let content = if raw.title.is_empty() {
        Err("the entry has no title and no end (ER)".to_owned())
    } else {
        Ok(raw)
    };
    LibraryEntry { line, content }
}

fn put(raw: &mut RawEntry, tag: &str, value: &str) {
    match tag {
        "TI" | "T1" | "CT" => set(&mut raw.title, value),
        // The title of a book, if nothing else is called one.
        "BT" if raw.title.is_empty() => set(&mut raw.title, value),
        "AB" => set(&mut raw.abstract_text, value),
        // Some write the abstract into N2.
        "N2" if raw.abstract_text.is_empty() => set(&mut raw.abstract_text, value),
        "AU" | "A1" => raw.authors.push(value.to_owned()),
        "DO" | "DI" => set(&mut raw.doi, value),
        "PM" => set(&mut raw.pmid, value),
        "AN" | "C1" | "ID" | "JF" | "JO" | "L1" | "L2" | "LK" | "M1" | "M3" | "N1" | "SP"
        | "T2" | "U1" | "UR" | "VL" => raw.mentions.push(value.to_owned()),
        _ => {}
    }
}

fn go_on(raw: &mut RawEntry, tag: &str, value: &str) {
    let text = match tag {
        "TI" | "T1" | "CT" | "BT" => &mut raw.title,
        "AB" | "N2" => &mut raw.abstract_text,
        _ => return,
    };
    text.push(' ');
    text.push_str(value);
}

fn set(field: &mut String, value: &str) {
    if field.is_empty() {
        value.clone_into(field);
    }
}
