//! RIS: two letters, two spaces, a hyphen, and a value on each line.

use super::{LibraryEntry, RawEntry, person};

/// Whether a text holds a line that begins an entry.
pub(super) fn is_ris(text: &str) -> bool {
    spaces(text).is_some()
}

/// The tags of RIS as reference managers write it (Wikipedia, "RIS (file format)").
const TAGS: [&str; 64] = [
    "A1", "A2", "A3", "A4", "AB", "AD", "AN", "AU", "AV", "BT", "C1", "C2", "C3", "C4", "C5", "C6",
    "C7", "C8", "CA", "CN", "CP", "CT", "CY", "DA", "DB", "DI", "DO", "DP", "ED", "EP", "ET", "ID",
    "IS", "J1", "J2", "JA", "JF", "JO", "KW", "L1", "L2", "L3", "L4", "LA", "LB", "LK", "M1", "M2",
    "M3", "N1", "N2", "NV", "OP", "PB", "PM", "PP", "PY", "RN", "SN", "SP", "T1", "T2", "TI", "UR",
];

/// The tag and the value of a line. The standard has exactly two spaces before the
/// hyphen (`spaces`); some programs write one, in all lines of a file.
fn tag(line: &str, spaces: usize) -> Option<(&str, &str)> {
    let line = line.trim_start_matches('\u{FEFF}');
    let (tag, rest) = line.split_at_checked(2)?;
    let mut letters = tag.chars();
    let is_tag = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters
            .next()
            .is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let after = rest.trim_start_matches(' ');
    let value = after.strip_prefix('-')?;
    let is_one = is_tag
        && rest.len() - after.len() == spaces
        && (value.is_empty() || value.starts_with([' ', '\t']));
    is_one.then(|| (tag, value.trim()))
}

/// How many spaces stand before the hyphens of a file, by its first `TY`.
fn spaces(text: &str) -> Option<usize> {
    text.lines().find_map(|line| {
        (1..=4).find(|spaces| tag(line, *spaces).is_some_and(|(tag, _)| tag == "TY"))
    })
}

pub(super) fn read(text: &str) -> Vec<LibraryEntry> {
    let spaces = spaces(text).unwrap_or(2);
    let mut entries = Vec::new();
    let mut open: Option<(usize, RawEntry)> = None;
    let mut last = String::new();
    for (at, line) in text.lines().enumerate() {
        match tag(line, spaces) {
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
                    // An unknown tag loses its own line and no other.
                    if TAGS.contains(&tag) {
                        tag.clone_into(&mut last);
                    }
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
        "AU" | "A1" => raw.authors.push(person(value)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, title: &str, abstract_text: &str) {
        let text = format!("TY  - JOUR\n{lines}\nER  - \n");
        let entries = read(&text);
        let raw = entries[0].content.as_ref().unwrap();
        assert_eq!(
            (raw.title.as_str(), raw.abstract_text.as_str()),
            (title, abstract_text)
        );
    }

    #[test]
    fn a_line_that_only_looks_like_a_tag_belongs_to_the_abstract() {
        for line in [
            "UK - based cohorts were larger.",
            "TI - plasmids",
            "US -led",
            "AB- x",
            "3D  - y",
            "Uk  - z",
        ] {
            check(
                &format!("TI  - A title\nAB  - First.\n{line}\nLast."),
                "A title",
                &format!("First. {line} Last."),
            );
        }
    }

    #[test]
    fn an_unknown_tag_loses_its_own_line_at_most() {
        check(
            "TI  - A title\nAB  - First.\nZZ  - odd\nLast.",
            "A title",
            "First. Last.",
        );
    }

    #[test]
    fn a_file_may_write_one_space_throughout() {
        let entries = read("TY - JOUR\nTI - A title\nAU - Noether, Emmy\nER -\n");
        let raw = entries[0].content.as_ref().unwrap();
        assert_eq!(
            (raw.title.as_str(), raw.authors[0].as_str()),
            ("A title", "Emmy Noether")
        );
    }
}
