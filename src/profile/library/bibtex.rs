//! BibTeX, as it is found in the wild.
//!
//! The grammar is BibTeX's own: entries between any other text, values in braces or
//! quotes, strings joined by `#`. A mistake costs one entry: reading goes on at the next
//! line that begins with one.
//!
//! The parser is our own since the `biblatex` crate gives up a file at its first mistake,
//! while nearly every library of some years holds one, and expands abbreviations without
//! a limit. Here each entry fails by itself, memory is bounded by the text, and the
//! time is linear in it: strangers may paste a library into the sign-up form.

use super::tex_escapes::unescape_tex;
use super::{LibraryEntry, RawEntry, person};
use std::collections::HashMap;

/// Entry types that hold no work.
const NO_ENTRIES: [&str; 3] = ["comment", "preamble", "string"];

/// Bytes that expanded abbreviations may take beyond the length of the text: each may consist
/// of others, so that twenty lines could fill any memory.
const EXPANDED_BYTES: usize = 64 << 10;

/// Whether a text holds an entry.
pub(super) fn is_bibtex(text: &str) -> bool {
    text.match_indices('@')
        .any(|(at, _)| head(&text[at..]).is_some())
}

/// The type of the entry at an `@`, and the length of its head with the opening brace.
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
    BibtexReader::of(text).entries()
}

/// Whether a line begins an entry with a key. Within a value it means that a brace is missing.
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
    /// Bytes left for expanded abbreviations.
    room: usize,
    /// The offset of the closing brace of each opening one.
    closes: HashMap<usize, usize>,
    /// Cached result of [`Self::next_entry`]: a search from every brace would be quadratic.
    next_start: (usize, usize),
    /// Bytes read so far, repeated ones included.
    scanned: usize,
}

impl<'a> BibtexReader<'a> {
    fn of(text: &'a str) -> Self {
        let (mut closes, mut open) = (HashMap::new(), Vec::new());
        for (at, sign) in text.match_indices(['{', '}']) {
            if sign == "{" {
                open.push(at);
            } else if let Some(start) = open.pop() {
                closes.insert(start, at);
            }
        }
        BibtexReader {
            text,
            at: 0,
            line: 1,
            counted_to: 0,
            strings: months(),
            room: text.len() + EXPANDED_BYTES,
            closes,
            next_start: (usize::MAX, 0),
            scanned: 0,
        }
    }

    fn entries(&mut self) -> Vec<LibraryEntry> {
        let text = self.text;
        let mut entries = Vec::new();
        // The start of the line of the last `@`, and whether the line is a comment.
        let (mut line_start, mut is_comment, mut looked_to) = (0, is_comment(text), 0);
        while let Some(found) = text[self.at..].find('@') {
            let start = self.at + found;
            if let Some(end) = text[looked_to..start].rfind('\n') {
                line_start = looked_to + end + 1;
                is_comment = self::is_comment(&text[line_start..]);
            }
            looked_to = start.max(line_start);
            let Some((kind, length)) = head(&text[start..]).filter(|_| !is_comment) else {
                self.at = start + 1;
                continue;
            };
            let line = self.line_of(start);
            self.at = start + length;
            let kind = kind.to_ascii_lowercase();
            if NO_ENTRIES.contains(&kind.as_str()) {
                // A mistake in one of these costs nothing.
                if kind != "string" || self.string().is_err() {
                    self.at = start + length;
                    if self.skip_group().is_err() {
                        self.at = next_line(text, start + length);
                    }
                }
                continue;
            }
            let content = self.entry();
            if content.is_err() {
                self.at = self.next_entry(start + length);
            }
            entries.push(LibraryEntry {
                line,
                content: content.map(raw),
            });
        }
        entries
    }

    /// The start of the next line that begins an entry.
    fn next_entry(&mut self, from: usize) -> usize {
        let (looked_from, start) = self.next_start;
        if (looked_from..start).contains(&from) {
            return start;
        }
        let mut at = from;
        loop {
            at = next_line(self.text, at);
            if at >= self.text.len() {
                break;
            }
            at += 1;
            if starts_entry(&self.text[at..]) {
                break;
            }
        }
        self.scanned += at - from;
        self.next_start = (from, at);
        at
    }

    /// The number of the line that holds `at`; `at` must not decrease between calls.
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

    /// Consumes the next sign that is not a space.
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

    /// Reads the fields of an entry behind its head.
    fn entry(&mut self) -> Result<BibtexFields, String> {
        let mut fields = BibtexFields::new();
        if !self.key()? {
            return Ok(fields);
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

    /// Consumes the key of an entry; returns whether fields follow.
    ///
    /// A key ends at the comma and may hold any bracket: exports of Elsevier and Wiley
    /// have DOIs as keys, `10.1016/0196-0000(89)90001-2`.
    fn key(&mut self) -> Result<bool, String> {
        let rest = self.rest();
        let is_round = self.text[..self.at].ends_with('(');
        let (open, close) = if is_round { ('(', ')') } else { ('{', '}') };
        let mut depth = 0_usize;
        for (at, c) in rest.char_indices() {
            match c {
                // Some entries have no key: `@article{title = …`
                '=' => return Ok(true),
                ',' if rest[..at].trim().contains('\n') => {
                    return Err("there is no comma after the key".to_owned());
                }
                ',' => {
                    self.at += at;
                    return Ok(true);
                }
                _ if c == close && depth > 0 => depth -= 1,
                _ if c == close && !field_follows(&rest[at + 1..]) => {
                    self.at += at + 1;
                    return Ok(false);
                }
                _ => depth += usize::from(c == open),
            }
        }
        Err("the entry does not end".to_owned())
    }

    fn string(&mut self) -> Result<(), String> {
        // A name is short and stands on the first line of its string.
        const NAME_MAX: usize = 100;
        let rest = self.rest();
        let mut near = rest
            .bytes()
            .take(NAME_MAX)
            .take_while(|byte| *byte != b'\n');
        let end = near.position(|byte| byte == b'=').ok_or("no value")?;
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

    /// Reads a value: pieces joined by `#`.
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

    /// Consumes the rest of a group in braces.
    fn skip_group(&mut self) -> Result<(), String> {
        let next_start = self.next_entry(self.at);
        match self.closes.get(&(self.at - 1)) {
            Some(end) if *end < next_start => {
                self.at = end + 1;
                Ok(())
            }
            _ => Err(unclosed(next_start < self.text.len())),
        }
    }

    /// Consumes the rest of a value in quotes. Quotes within braces are text.
    fn skip_quoted(&mut self) -> Result<(), String> {
        let next_start = self.next_entry(self.at);
        let mut at = self.at;
        while let Some(found) = self.text[at..next_start].find(['"', '{']) {
            self.scanned += found;
            at += found + 1;
            if self.text.as_bytes()[at - 1] == b'"' {
                self.at = at;
                return Ok(());
            }
            match self.closes.get(&(at - 1)) {
                Some(end) if *end < next_start => at = end + 1,
                _ => break,
            }
        }
        Err(unclosed(next_start < self.text.len()))
    }
}

/// Whether the rest of a key, a comma and a field follow: then a closing bracket before
/// belongs to the key.
fn field_follows(text: &str) -> bool {
    const KEY_MAX: usize = 200;
    let mut key = text
        .bytes()
        .take(KEY_MAX)
        .take_while(|byte| !byte.is_ascii_whitespace());
    let Some(comma) = key.position(|byte| byte == b',') else {
        return false;
    };
    let field = text[comma + 1..].trim_start();
    let name = field.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
    name.len() < field.len() && name.trim_start().starts_with('=')
}

fn unclosed(entry_follows: bool) -> String {
    let before = if entry_follows {
        " before the next entry"
    } else {
        ""
    };
    format!("a brace or a quote is not closed{before}")
}

fn next_line(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |end| from + end)
}

/// Whether a line is a comment: Biber and btparse take a percent sign for one.
fn is_comment(line: &str) -> bool {
    line.trim_start_matches([' ', '\t']).starts_with('%')
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
    let mut arxiv = vec![take("arxivid"), take("arxiv")];
    let mut mentions = Vec::new();
    if archive.is_empty() || archive.contains("arxiv") {
        mentions.push(format!("arXiv:{eprint}"));
        arxiv.insert(0, eprint);
    } else {
        mentions.push(format!("{archive}:{eprint}"));
    }
    let (journal, volume) = (take("journal"), take("volume"));
    // DBLP's name of arXiv: `journal = {CoRR}, volume = {abs/1706.03762}`.
    if journal.trim().eq_ignore_ascii_case("corr") {
        let id = volume.trim();
        arxiv.push(id.strip_prefix("abs/").unwrap_or(id).to_owned());
    }
    arxiv.retain(|id| !id.is_empty());
    let named = [
        "url",
        "note",
        "journaltitle",
        "howpublished",
        "annote",
        "number",
        "ee",
        "link",
    ];
    mentions.extend(
        named
            .map(&mut take)
            .into_iter()
            .chain([journal, volume])
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

/// Removes the braces that only protect capitals. Those of commands, accents and formulas
/// stay for the TeX reader.
fn ungrouped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // For each open group, whether its braces are removed.
    let mut open: Vec<bool> = Vec::new();
    let (mut is_formula, mut is_escaped) = (false, false);
    for (at, sign) in text.char_indices() {
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
    }
    out
}

/// Whether a group behind this text is an argument of a command, an accent or an index.
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

/// Splits names at the word `and` outside of braces.
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
        .map(|name| match whole_group(name) {
            // A group's name is not inverted: `{Barnes, Noble and Sons}`.
            Some(inside) => ungrouped(inside),
            None => person(&ungrouped(name)),
        })
        .collect()
}

/// The text of a name that stands in braces as a whole.
fn whole_group(name: &str) -> Option<&str> {
    let inside = name.strip_prefix('{')?.strip_suffix('}')?;
    (!inside.contains(['{', '}', '\\'])).then_some(inside)
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
            (r"Morko{\c c} and {\v  s}", r"Morko{\c c} and {\v  s}"),
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

    #[test]
    fn a_key_ends_at_the_comma_whatever_it_holds() {
        for key in [
            "10.1016/0196-0000(89)90001-2",
            "(ASCE)0000",
            "doe2001)",
            "(doe2001",
            "doe(2001",
            "doe[2001]",
            "{doe}2001",
            "doe}2001",
            "doe2001}",
            "{doe",
            "10.1002/(SICI)18:15<1662::AID-EXA969>3.0.CO;2-3",
            "",
        ] {
            let text =
                format!("@article{{{key}, title = {{One}}}}\n@misc({key},title = {{Two}})\n");
            assert_eq!(
                titles(&text),
                [Ok("One".to_owned()), Ok("Two".to_owned())],
                "{key}"
            );
        }
        assert_eq!(
            titles("@misc(key)\n@misc{key}"),
            [Ok(String::new()), Ok(String::new())]
        );
    }

    #[test]
    fn a_condensed_entry_of_dblp_names_arxiv() {
        for (volume, id) in [
            ("abs/1706.03762", "1706.03762"),
            ("cs.CL/0101010", "cs.CL/0101010"),
        ] {
            let text = format!("@article{{k, title={{A}}, journal={{CoRR}}, volume={{{volume}}}}}");
            let raw = read(&text).remove(0).content.unwrap();
            assert_eq!(raw.arxiv, [id]);
        }
    }

    #[test]
    fn the_bytes_read_grow_with_the_text_and_no_faster() {
        for unit in [
            "@",
            "@ ",
            "x@comment{\n",
            "x@string{\n",
            "x@string{a=\"\n",
            "x@string{a={\n",
            "@comment{",
            "@misc{a,\n",
            "x@misc{a,\n",
            "@misc{a, b=\"\n",
            "@misc{a, b={\n",
            "@misc{a, b=\"{",
            "\n@a{b,",
            "{",
            "%@\n",
        ] {
            let text = format!("@misc{{a, title={{One}}}}\n{}", unit.repeat(20_000));
            let mut reader = BibtexReader::of(&text);
            let entries = reader.entries();
            assert!(entries[0].content.is_ok(), "{unit:?}");
            assert!(
                reader.scanned <= 4 * text.len(),
                "{unit:?}: {} of {}",
                reader.scanned,
                text.len()
            );
        }
    }
}
