//! Tables of comma-separated values, as spreadsheets write them.
//!
//! The `csv` crate takes whatever follows a quotation mark that is never closed for one
//! cell, and does not say where it began. Here such a row is refused with its line.

/// A table and its delimiter.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One row, with the line on which it begins, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Result<Vec<String>, String>,
}

/// Whether the first line of a text names a column called `column`.
pub(super) fn has_column(text: &str, column: &str) -> bool {
    let table = read(text);
    table.headings.iter().any(|heading| heading == column)
}

/// Reads a table. Excel writes semicolons where the comma is the decimal sign, tabs as
/// `Unicode text`, and sometimes a first line `sep=;`; else the delimiter is the one that
/// the line of headings holds most of.
pub(super) fn read(text: &str) -> Table {
    let blank = text.len() - text.trim_start_matches(['\n', ' ']).len();
    let (first, rest) = text[blank..]
        .split_once('\n')
        .unwrap_or((&text[blank..], ""));
    let named = first
        .trim()
        .trim_matches('"')
        .to_ascii_lowercase()
        .strip_prefix("sep=")
        .map(|delimiter| delimiter.chars().next().unwrap_or('\t'));
    let (delimiter, body) = match named {
        Some(delimiter) => (delimiter, rest),
        None => (delimiter_of(first), &text[blank..]),
    };
    let lines_before = text[..text.len() - body.len()].matches('\n').count() as u64;
    let mut rows = rows(body, delimiter, lines_before + 1).into_iter();
    let headings = rows
        .next()
        .and_then(|row| row.cells.ok())
        .unwrap_or_default();
    Table {
        headings: headings
            .iter()
            .map(|heading| heading.to_lowercase())
            .collect(),
        rows: rows.collect(),
    }
}

fn delimiter_of(headings: &str) -> char {
    let count = |delimiter: &char| {
        let mut quoted = false;
        let outside = |c: &char| {
            quoted ^= *c == '"';
            !quoted && c == delimiter
        };
        headings.chars().filter(outside).count()
    };
    // Of equals the last counts, so the comma stands there.
    [';', '\t', '|', ',']
        .into_iter()
        .max_by_key(count)
        .unwrap_or(',')
}

/// The rows of a table (RFC 4180), without empty ones; cells without the blanks around.
fn rows(text: &str, delimiter: char, first_line: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let (mut line, mut at) = (first_line, 0);
    while at < text.len() {
        let (cells, length) = row(&text[at..], delimiter, line);
        if !matches!(&cells, Ok(cells) if cells.iter().all(String::is_empty)) {
            rows.push(Row { line, cells });
        }
        line += text[at..at + length].matches('\n').count() as u64;
        at += length;
    }
    rows
}

/// The cells of the row at the start of a text, and its length, the line break included.
fn row(text: &str, delimiter: char, line: u64) -> (Result<Vec<String>, String>, usize) {
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let (cell, after) = if let Some(inside) = rest.trim_start_matches(' ').strip_prefix('"') {
            match quoted(inside, delimiter) {
                Ok(read) => read,
                Err(after) => {
                    let before = text.len() - inside.len();
                    let opened = line + text[..before].matches('\n').count() as u64;
                    let reason = format!(
                        "the quotation mark on line {opened} is not closed at the end of a cell; \
                         nothing is taken from there to where the next one stands"
                    );
                    return (Err(reason), text.len() - after.len());
                }
            }
        } else {
            let end = rest.find([delimiter, '\n']).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        cells.push(cell.trim().to_owned());
        let Some(next) = after.strip_prefix(delimiter) else {
            let after = after.strip_prefix('\n').unwrap_or(after);
            return (Ok(cells), text.len() - after.len());
        };
        rest = next;
    }
}

/// The cell whose opening quotation mark has been passed, and what follows it. If the
/// mark is not closed at the end of a cell: what follows the line that it reaches to.
fn quoted(text: &str, delimiter: char) -> Result<(String, &str), &str> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err("");
        };
        cell.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            cell.push('"');
            rest = after;
            continue;
        }
        let end = after.trim_start_matches([' ', '\r']);
        let is_closed = end.is_empty() || end.starts_with([delimiter, '\n']);
        // A cell of several lines with an address is rows that a stray mark has joined.
        let is_joined = cell.contains('\n') && cell.contains('@') && cell.contains(delimiter);
        if is_closed && !is_joined {
            return Ok((cell, end));
        }
        return Err(after.split_once('\n').map_or("", |(_, next)| next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let table = read(text);
        let row = |row: &Row| match &row.cells {
            Ok(cells) => format!("{}:{}", row.line, cells.join("|")),
            Err(_) => format!("{}:!", row.line),
        };
        let rows: Vec<String> = table.rows.iter().map(row).collect();
        format!("{} / {}", table.headings.join("|"), rows.join(" / "))
    }

    #[test]
    fn the_delimiter_is_that_of_the_headings() {
        for text in [
            "Email,Name\na@x,\"Noether, Emmy\"\n",
            "Email;Name\na@x;Noether, Emmy\n",
            "Email\tName\na@x\tNoether, Emmy",
            "Email|Name\na@x|\"Noether, Emmy\"",
            "\"Email\";\"Name\"\n\"a@x\";\"Noether, Emmy\"\n\n",
        ] {
            assert_eq!(shown(text), "email|name / 2:a@x|Noether, Emmy", "{text}");
        }
        for text in [
            "sep=;\nEmail;Name\na@x;A, B",
            "SEP=,\nEmail,Name\na@x,\"A, B\"",
            "\"sep=;\"\nEmail;Name\na@x;A, B",
        ] {
            assert_eq!(shown(text), "email|name / 3:a@x|A, B", "{text}");
        }
        assert_eq!(shown("email\na@x"), "email / 2:a@x");
        assert!(has_column("sep=;\nname;email\n", "email") && !has_column("name,mail\n", "email"));
    }

    #[test]
    fn quoted_cells_hold_delimiters_quotation_marks_and_lines() {
        assert_eq!(
            shown("email,name\n\n\"a@x\" , \"A \"\"B\"\", C\"\nb@x,\"two\nlines\"\nc@x,5\" disk\n"),
            "email|name / 3:a@x|A \"B\", C / 4:b@x|two\nlines / 6:c@x|5\" disk"
        );
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_names_its_line_and_takes_nothing_along() {
        for (text, expected) in [
            ("email,name\na@x,\"Ada\nb@x,Bob\n", "2:!"),
            (
                "email,name\na@x,\"Ada\nb@x,Bob\nc@x,\"Carol\"\nd@x,Dan\n",
                "2:! / 5:d@x|Dan",
            ),
            ("email,name\na@x,\"Ada\nb@x,Bob\"\nc@x,C\n", "2:! / 4:c@x|C"),
            ("email,name\na@x,\"Ada\" King\nb@x,Bob\n", "2:! / 3:b@x|Bob"),
        ] {
            assert_eq!(shown(text), format!("email|name / {expected}"), "{text}");
        }
        let reason = read("email,name\na@x,A\nb@x,\"Bob\n")
            .rows
            .remove(1)
            .cells
            .unwrap_err();
        assert!(reason.contains("line 3"), "{reason}");
    }
}
