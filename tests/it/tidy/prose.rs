//! Documentation and comments are plain technical English, at 100 columns, and cite only files
//! that are in the repository.

use super::{rust_files, src};
use std::fs;
use std::path::Path;

/// Words that begin a doc line only as a headless clause ("What is sent …").
const HEADLESS: &[&str] = &[
    "What",
    "Whatever",
    "Who",
    "Whoever",
    "Whom",
    "Whose",
    "That which",
    "Those who",
];

/// At most so many of 1,000 doc lines begin with one of them.
const HEADLESS_PER_MILLE: usize = 3;

/// Columns of a line of code or comment.
const COLUMNS: usize = 100;

/// One doc line: its text, and whether it stands alone as the whole comment.
struct DocLine {
    place: String,
    text: String,
    stands_alone: bool,
}

fn doc_text(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

fn doc_lines() -> Vec<DocLine> {
    let mut found = Vec::new();
    for path in rust_files(&src()) {
        let source = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = source.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(text) = doc_text(line) else { continue };
            let is_doc = |at: usize| lines.get(at).is_some_and(|line| doc_text(line).is_some());
            found.push(DocLine {
                place: place(&path, at),
                text: text.to_owned(),
                stands_alone: !is_doc(at + 1) && (at == 0 || !is_doc(at - 1)),
            });
        }
    }
    found
}

fn place(path: &Path, line: usize) -> String {
    let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    format!("{}:{}", inside.display(), line + 1)
}

fn begins_headless(text: &str) -> bool {
    HEADLESS.iter().any(|word| {
        text.strip_prefix(word)
            .is_some_and(|rest| rest.starts_with([' ', ',', ';', '.', ':']))
    })
}

#[test]
fn doc_lines_name_the_thing_or_begin_with_a_verb() {
    let lines = doc_lines();
    let headless: Vec<&DocLine> = lines
        .iter()
        .filter(|line| begins_headless(&line.text))
        .collect();
    let listed: Vec<String> = headless
        .iter()
        .map(|line| format!("{}: {}", line.place, line.text))
        .collect();
    assert!(
        headless.len() * 1000 <= lines.len() * HEADLESS_PER_MILLE,
        "{} of {} doc lines begin with a headless clause:\n{}",
        headless.len(),
        lines.len(),
        listed.join("\n")
    );
}

#[test]
fn no_doc_comment_is_a_single_word() {
    let riddles: Vec<String> = doc_lines()
        .iter()
        .filter(|line| line.stands_alone && !line.text.trim().contains(' '))
        .filter(|line| line.text.ends_with('.') && !line.text.contains('`'))
        .map(|line| format!("{}: {}", line.place, line.text))
        .collect();
    assert!(riddles.is_empty(), "{}", riddles.join("\n"));
}

#[test]
fn comments_cite_only_files_of_the_repository() {
    let mut complaints = Vec::new();
    for path in rust_files(&src()) {
        let source = fs::read_to_string(&path).unwrap();
        for (at, line) in source.lines().enumerate() {
            let Some((_, comment)) = line.split_once("//") else {
                continue;
            };
            let cites_elsewhere = ["research/", "DESIGN", "STYLE.md", "design's section"]
                .iter()
                .any(|elsewhere| comment.contains(elsewhere));
            if cites_elsewhere {
                complaints.push(format!("{}: {}", place(&path, at), comment.trim()));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn comments_fit_into_the_columns() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut complaints = Vec::new();
    for path in rust_files(&src()).into_iter().chain(rust_files(&tests)) {
        let source = fs::read_to_string(&path).unwrap();
        for (at, line) in source.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            // Neither an address nor a row of a table can be broken.
            let is_whole = line.contains("://") || line.starts_with("//! |");
            if is_comment && line.chars().count() > COLUMNS && !is_whole {
                complaints.push(place(&path, at));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
