//! BibTeX, as it is found in the wild.
//!
//! The grammar is BibTeX's own: entries between any other text, values in
//! braces or quotes, strings joined by `#`. What does not follow it costs one
//! entry: reading goes on at the next line that begins with one.

use super::tex_escapes::unescape_tex;
use super::{LibraryEntry, RawEntry};
use std::collections::HashMap;

/// Entries that are none.
const NO_ENTRIES: [&str; 3] = ["comment", "preamble", "string"];

/// What the abbreviations of a text may come to beside as many bytes as it has itself:
/// each may be made of others, and twenty lines would fill any memory.
const EXPANDED_BYTES: usize = 64 << 10;

/// Whether a text holds an entry.
pub(super) fn is_bibtex(text: &str) -> bool {
    text.match_indices('@')
        .any(|(at, _)| head(&text[at..]).is_some())
}

/// The type of the entry that begins at an `@`, and how long its head is, the
/// opening brace included.
fn head(text: &str) -> Option<(&str, usize)> {
    let after = text.strip_prefix('@')?;
    let after_space = after.trim_start_matches([' ', '\t']);
    let kind_end =
        after_space.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')?;
    let rest = after_space[kind_end..].trim_start();
    let is_open = kind_end > 0 && rest.starts_with(['{', '(']);
    is_open.then(|| (&after_space[..kind_end], text.len() - rest.len() + 1))
}

pub(super) fn read(text: &str) -> Vec<LibraryEntry> {
    let room = text.len() + EXPANDED_BYTES;
    let mut reader = BibtexReader {
        text,
        at: 0,
        line: 1,
        counted_to: 0,
        strings: months(),
        room,
    };
    let mut entries = Vec::new();
    while let Some(found) = text[reader.at..].find('@') {
        let start = reader.at + found;
        // Biber and btparse take a percent sign for a comment to the end of the line.
        let is_comment = text[..start]
            .rsplit('\n')
            .next()
            .is_some_and(|before| before.trim_start().starts_with('%'));
        let Some((kind, length)) = head(&text[start..]).filter(|_| !is_comment) else {
            reader.at = start + 1;
            continue;
        };
        let line = reader.line_of(start);
        reader.at = start + length;
        let kind = kind.to_ascii_lowercase();
        if NO_ENTRIES.contains(&kind.as_str()) {
            // What is wrong with these hurts nobody.
            if kind != "string" || reader.string().is_err() {
                reader.at = start + length;
                if reader.skip_group().is_err() {
                    reader.at = next_line(text, start + length);
                }
            }
            continue;
        }
        let content = reader.entry();
        if content.is_err() {
            reader.at = next_entry(text, start + length);
        }
        entries.push(LibraryEntry {
            line,
            content: content.map(raw),
        });
    }
    entries
}

fn next_line(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |end| from + end)
}

/// Where the next line begins that begins with an entry.
fn next_entry(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        at = next_line(text, at);
        if at >= text.len() {
            return at;
        }
        at += 1;
        if starts_entry(&text[at..]) {
            return at;
        }
    }
}

/// Whether a line begins an entry with a key: within a value, that is a sign
/// that a brace was forgotten.
fn starts_entry(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t']);
    let Some((kind, length)) = head(line) else {
        return false;
    };
    if NO_ENTRIES.contains(&kind.to_ascii_lowercase().as_str()) {
        return true;
    }
    let key = line[length..].trim_start_matches(' ');
    let end = key.find([',', '\n', '}', '{', '=']).unwrap_or(key.len());
    key[end..].starts_with(',')
}

type BibtexFields = HashMap<String, String>;

struct BibtexReader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    counted_to: usize,
    strings: HashMap<String, String>,
    /// Bytes that abbreviations may still come to.
    room: usize,
}

impl BibtexReader<'_> {
    /// The number of the line that holds `at`; asked for in order.
    fn line_of(&mut self, at: usize) -> usize {
        if at > self.counted_to {
            self.line += self.text[self.counted_to..at].matches('\n').count();
            self.counted_to = at;
        }
        self.line
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The next sign that is no space, passed.
    fn sign(&mut self) -> Option<char> {
        self.skip_space();
        let sign = self.rest().chars().next()?;
        self.at += sign.len_utf8();
        Some(sign)
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    /// The fields of the entry whose head has been passed.
    fn entry(&mut self) -> Result<BibtexFields, String> {
        let mut fields = BibtexFields::new();
        let rest = self.rest();
        let key_end = rest
            .find([',', '}', ')', '='])
            .ok_or("the entry does not end")?;
        let key = rest[..key_end].trim();
        // Some entries have no key: `@article{title = …`
        if !rest[key_end..].starts_with('=') {
            if key.contains('\n') {
                return Err("there is no comma after the key".to_owned());
            }
            self.at += key_end;
            if !self.rest().starts_with(',') {
                self.at += 1;
                return Ok(fields);
            }
        }
        loop {
            // Commas may be missing, doubled, or stand before the end.
            while self.peek() == Some(',') {
                self.at += 1;
            }
            match self.peek() {
                None => return Err("the entry does not end".to_owned()),
                Some('}' | ')') => {
                    self.at += 1;
                    return Ok(fields);
                }
                Some(_) => {}
            }
            let rest = self.rest();
            let name_end = rest.find(['=', '{', '}', ',', '"', '\n']);
            let name_end = name_end.ok_or("the entry does not end")?;
            let name = rest[..name_end].trim().to_lowercase();
            self.at += name_end;
            if self.peek() != Some('=') {
                return Err(format!(
                    "there is no = after {:?}",
                    crate::text::cut(&name, 40)
                ));
            }
            self.at += 1;
            let value = self.value()?;
            fields.entry(name).or_insert(value);
        }
    }

    fn string(&mut self) -> Result<(), String> {
        let rest = self.rest();
        let end = rest.find('=').ok_or("no value")?;
        let name = rest[..end].trim().to_lowercase();
        if name.is_empty() || name.contains(['{', '}', '@', '\n']) {
            return Err("no name".to_owned());
        }
        self.at += end + 1;
        let value = self.value()?;
        match self.sign() {
            Some('}' | ')') => {
                self.strings.insert(name, value);
                Ok(())
            }
            _ => Err("the string does not end".to_owned()),
        }
    }

    /// Pieces joined by `#`.
    fn value(&mut self) -> Result<String, String> {
        let mut value = String::new();
        loop {
            match self.peek() {
                Some('{') => {
                    self.at += 1;
                    let start = self.at;
                    self.skip_group()?;
                    value.push_str(&self.text[start..self.at - 1]);
                }
                Some('"') => {
                    self.at += 1;
                    let start = self.at;
                    self.skip_quoted()?;
                    value.push_str(&self.text[start..self.at - 1]);
                }
                Some(_) => {
                    let rest = self.rest();
                    let is_end = |c: char| {
                        c.is_whitespace() || matches!(c, ',' | '}' | ')' | '#' | '{' | '"' | '=')
                    };
                    let end = rest.find(is_end).unwrap_or(rest.len());
                    let word = rest[..end].to_owned();
                    self.at += end;
                    match self.strings.get(&word.to_lowercase()) {
                        Some(known) => {
                            let room = self.room.checked_sub(known.len());
                            self.room =
                                room.ok_or("the abbreviations come to more than the whole text")?;
                            value.push_str(known);
                        }
                        None => value.push_str(&word),
                    }
                }
                None => return Err("the entry does not end".to_owned()),
            }
            if self.peek() != Some('#') {
                return Ok(value);
            }
            self.at += 1;
        }
    }

    /// Passes what is left of a group in braces, its end included.
    fn skip_group(&mut self) -> Result<(), String> {
        self.skip_to(|c, depth| c == '}' && depth == 0)
    }

    /// Passes what is left of a value in quotes. Quotes within braces are text.
    fn skip_quoted(&mut self) -> Result<(), String> {
        self.skip_to(|c, depth| c == '"' && depth == 0)
    }

    fn skip_to(&mut self, is_end: impl Fn(char, u32) -> bool) -> Result<(), String> {
        let mut depth: u32 = 0;
        let text = self.text;
        for (offset, byte) in text.as_bytes()[self.at..].iter().enumerate() {
            let c = char::from(*byte);
            if is_end(c, depth) {
                self.at += offset + 1;
                return Ok(());
            }
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                '\n' if starts_entry(&text[self.at + offset + 1..]) => {
                    return Err("a brace or a quote is not closed before the next entry".to_owned());
                }
                _ => {}
            }
        }
        Err("a brace or a quote is not closed".to_owned())
    }
}

fn months() -> HashMap<String, String> {
    [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    .iter()
    .map(|month| ((*month).to_owned(), (*month).to_owned()))
    .collect()
}

fn raw(mut fields: BibtexFields) -> RawEntry {
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let title = [take("title"), take("booktitle")]
        .into_iter()
        .find(|title| !title.trim().is_empty());
    let (eprint, archive) = (
        take("eprint"),
        [take("archiveprefix"), take("eprinttype")]
            .concat()
            .to_lowercase(),
    );
    let is_arxiv = archive.is_empty() || archive.contains("arxiv");
    let mut arxiv = vec![take("arxivid"), take("arxiv")];
    let mut mentions = Vec::new();
    if is_arxiv {
        arxiv.insert(0, eprint);
    } else {
        mentions.push(format!("{archive}:{eprint}"));
    }
    arxiv.retain(|id| !id.is_empty());
    let named = [
        "url",
        "note",
        "journal",
        "journaltitle",
        "howpublished",
        "annote",
        "volume",
        "number",
        "ee",
        "link",
    ];
    mentions.extend(
        named
            .map(&mut take)
            .into_iter()
            .filter(|text| !text.is_empty()),
    );
    RawEntry {
        title: ungrouped(&unescape_tex(&title.unwrap_or_default())),
        abstract_text: ungrouped(&unescape_tex(&take("abstract"))),
        authors: people(&take("author")),
        doi: take("doi"),
        pmid: take("pmid"),
        arxiv,
        mentions,
    }
}

/// Without the braces that only keep a style from changing capitals. Those of
/// commands, accents and formulas stay, for whoever reads TeX.
fn ungrouped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // For each open group, whether it goes.
    let mut open: Vec<bool> = Vec::new();
    let (mut is_formula, mut is_escaped) = (false, false);
    let mut skip_to = 0;
    for (at, sign) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        let is_plain = !std::mem::take(&mut is_escaped);
        match sign {
            '\\' if is_plain => is_escaped = true,
            '$' if is_plain => is_formula = !is_formula,
            '{' if is_plain => {
                let goes = !is_formula
                    && !is_argument(&text[..at])
                    && !text[at + 1..].trim_start().starts_with('\\');
                open.push(goes);
                if goes {
                    continue;
                }
            }
            '}' if is_plain && open.pop() == Some(true) => continue,
            _ => {}
        }
        out.push(sign);
        // `{\c c}` is an accent for certain, which `\c c` in running text is not.
        if sign == '{'
            && is_plain
            && let Some(accent) = lettered_accent(&text[at + 1..])
        {
            out.push_str(&accent);
            skip_to = at + 1 + text[at + 1..].find('}').unwrap_or(0);
        }
    }
    out
}

/// `\c c}` as `\c{c}`, the group's end left out.
fn lettered_accent(text: &str) -> Option<String> {
    let rest = text.strip_prefix('\\')?;
    let (accent, rest) = rest.split_at_checked(1)?;
    let (letter, rest) = rest.trim_start_matches(' ').split_at_checked(1)?;
    let is_spaced = text[2..].starts_with(' ');
    let is_letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
    (is_spaced && is_letter(accent) && is_letter(letter) && rest.starts_with('}'))
        .then(|| format!("\\{accent}{{{letter}}}"))
}

/// Whether a group after this belongs to it: to a command, an accent, an index.
fn is_argument(before: &str) -> bool {
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '*');
    let is_accent = |c: char| !c.is_alphanumeric() && !c.is_whitespace();
    let accent = before
        .strip_suffix(is_accent)
        .is_some_and(|before| before.ends_with('\\'));
    name.ends_with('\\') && name.len() < before.len()
        || accent
        || before.ends_with(['^', '_', '}', ']'])
}

/// Names are parted by the word `and` outside of braces.
fn people(text: &str) -> Vec<String> {
    let (mut people, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'a' | b'A' if depth == 0 && at > 0 && bytes[at - 1].is_ascii_whitespace() => {
                let is_and = text
                    .get(at..at + 3)
                    .is_some_and(|word| word.eq_ignore_ascii_case("and"));
                if is_and && bytes.get(at + 3).is_some_and(u8::is_ascii_whitespace) && at >= start {
                    people.push(text[start..at].trim());
                    start = at + 3;
                }
            }
            _ => {}
        }
    }
    people.push(text[start..].trim());
    people
        .into_iter()
        .filter(|name| !name.is_empty() && *name != "others")
        .map(ungrouped)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str) -> Vec<Result<String, String>> {
        read(text)
            .into_iter()
            .map(|entry| entry.content.map(|raw| raw.title))
            .collect()
    }

    #[test]
    fn strings_are_joined_and_quotes_hold_braces() {
        let text = "@string{ac = \"Ada\" # \" C.\"}\n@comment{jabref-meta: x{y}}\n\
                    @Misc(key, title = ac # { and } # 42, year = 1843)\nme@example.org\n\
                    @misc{k2, title = \"A {\"}quoted{\"} word\", month = jan}";
        assert_eq!(
            titles(text),
            [
                Ok("Ada C. and 42".to_owned()),
                Ok("A \"quoted\" word".to_owned())
            ]
        );
    }

    #[test]
    fn braces_that_only_keep_capitals_go_and_what_they_hold_stays() {
        for (tex, plain) in [
            (
                "The {Hubble} {{Space}} Telescope",
                "The Hubble Space Telescope",
            ),
            (r#"{\'E}tude of {\"{U}}bung"#, r#"{\'E}tude of {\"{U}}bung"#),
            (
                r"\emph{a} and $x_{ij}$ and H{$_2$}O",
                r"\emph{a} and $x_{ij}$ and H$_2$O",
            ),
            (r"sets \{1, {B}\}", r"sets \{1, B\}"),
            (r"Morko{\c c} and {\v  s}", r"Morko{\c{c}} and {\v{s}}"),
            ("{unclosed", "unclosed"),
            ("unopened}", "unopened}"),
        ] {
            assert_eq!(ungrouped(tex), plain);
        }
        assert!(titles("%@article{x, title = {Gone}}\n% @book{y, title = {Gone}}").is_empty());
    }

    #[test]
    fn a_forgotten_brace_costs_one_entry() {
        let text = "@article{a, title = {One}}\n@article{b, title = {Two {never closed},\n year = 2000}\n\
                    @article{c, title = {Three}}\n@article{d, title {Four}}\n@article{e, title = {Five},}\n@article{f, ti";
        let read = read(text);
        let found: Vec<_> = read
            .iter()
            .map(|entry| (entry.line, entry.content.is_ok()))
            .collect();
        assert_eq!(
            found,
            [
                (1, true),
                (2, false),
                (4, true),
                (5, false),
                (6, true),
                (7, false)
            ]
        );
    }

    #[test]
    fn people_are_parted_by_and_outside_of_braces() {
        assert_eq!(
            people("Ada Lovelace and {Barnes and Noble} AND\nAnders And, and others"),
            ["Ada Lovelace", "Barnes and Noble", "Anders And,"]
        );
    }
}
