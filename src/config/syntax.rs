//! The settings file as text: TOML into loosely typed tables.

use crate::fields::{Problem, shown_text};
use serde_json::{Map, Value};
use std::io::ErrorKind;
use std::path::Path;

/// The tables of the file; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Map<String, Value>>, Problem> {
    let problem = |remedy: String| Problem {
        path: path.display().to_string(),
        value: None,
        remedy,
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let remedy = "you may not read it: run this as the user of the service, `sudo -u paperboy paperboy …`";
            return Err(problem(remedy.to_owned()));
        }
        Err(error) => return Err(problem(format!("cannot be read: {error}"))),
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        problem(format!(
            "must be UTF-8 text, unlike byte {}",
            error.utf8_error().valid_up_to() + 1
        ))
    })?;
    parse(&text).map(Some)
}

fn parse(text: &str) -> Result<Map<String, Value>, Problem> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let (line, column, written) = place(text, start);
        let remedy = format!(
            "{} is not TOML: {}",
            without_secret(written),
            error.message().replace('\n', ", ")
        );
        Problem {
            path: format!("line {line}, column {column}"),
            value: None,
            remedy,
        }
    })?;
    Ok(table
        .into_iter()
        .map(|(key, value)| (key, loosened(value)))
        .collect())
}

/// Line and column, counted from 1, of the byte at `start`, and the text of the line.
fn place(text: &str, start: usize) -> (usize, usize, &str) {
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let written = text[line_start..].lines().next().unwrap_or_default();
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
        written,
    )
}

/// The line for a message, which may end up in a log.
fn without_secret(line: &str) -> String {
    let line = line.trim();
    let secret = ["password", "secret", "api_key", "url"]
        .iter()
        .any(|word| line.contains(word));
    match line.split_once('=') {
        Some((key, _)) if secret => shown_text(&format!("{key}= …")),
        _ => shown_text(line),
    }
}

fn loosened(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        // JSON has no infinity; as text it is refused where a number is expected.
        toml::Value::Float(number) if !number.is_finite() => number.to_string().into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(loosened).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, loosened(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_mistake_in_the_syntax_is_shown_where_it_is() {
        check(
            "[smtp]\nhost = \"ü\" port = 3\n",
            r#"line 2, column 12: "host = \"ü\" port = 3" is not TOML: unexpected key or value, expected newline, `#`"#,
        );
        check(
            "[smtp]\nport = 25\nport = 26\n",
            r#"line 3, column 1: "port = 26" is not TOML: duplicate key"#,
        );
        check(
            "[site\n",
            r#"line 1, column 6: "[site" is not TOML: unclosed table, expected `]`"#,
        );
        check(
            "name =",
            r#"line 1, column 7: "name =" is not TOML: string values must be quoted, expected literal string"#,
        );
    }

    #[test]
    fn a_mistake_beside_a_secret_does_not_show_it() {
        check(
            "password = \"hunter2\n",
            r#"line 1, column 20: "password = …" is not TOML: invalid basic string, expected `"`"#,
        );
        check(
            "  url = postgres://me:hunter2@db\n",
            r#"line 1, column 9: "url = …" is not TOML: string values must be quoted, expected literal string"#,
        );
    }

    #[test]
    fn every_type_is_kept() {
        let table =
            parse("a = 1\nb = 1.5\nc = nan\nd = 2026-08-04\ne = [true]\nf.g = 'x'").unwrap();
        let expected = serde_json::json!({ "a": 1, "b": 1.5, "c": "NaN", "d": "2026-08-04", "e": [true], "f": { "g": "x" } });
        assert_eq!(Value::from(table), expected);
    }
}
