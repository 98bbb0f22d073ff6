//! Full-text search with SQLite's FTS5.

use super::library::by_ids;
use super::papers::stored_paper;
use super::row::{Columns, date_text};
use super::{Snapshot, SqliteStore};
use crate::paper::PaperId;
use crate::paper::query::{SearchQuery, SearchWords};
use crate::store::{PaperRow, SearchHit, SearchStore, StoreError, StoredPaper};
use crate::text;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, named_params, params_from_iter};
use unicode_normalization::UnicodeNormalization as _;

impl SearchStore for SqliteStore {
    fn find_papers(
        &mut self,
        query: &SearchQuery,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let (mut filters, mut values) = filters(query);
        let unspaced = unspaced(query);
        for (condition, text) in &unspaced {
            filters.push_str(" AND ");
            filters.push_str(condition);
            values.push(text.clone().into());
        }
        let sql = match (
            match_expression(query),
            query.has_filters() || !unspaced.is_empty(),
        ) {
            // Without filters the papers themselves need not be read.
            (Some(expression), false) => {
                values.push(expression.into());
                "SELECT rowid AS row, -bm25(papers_text, 4.0, 1.0, 3.0) AS fit
                   FROM papers_text
                  WHERE papers_text MATCH ?
                  ORDER BY fit DESC, rowid DESC"
                    .to_owned()
            }
            (Some(expression), true) => {
                values.push(expression.into());
                format!(
                    "SELECT papers.row, -bm25(papers_text, 4.0, 1.0, 3.0) AS fit
                       FROM papers_text
                       JOIN papers ON papers.row = papers_text.rowid
                      WHERE {filters} AND papers_text MATCH ?
                      ORDER BY fit DESC, papers.row DESC"
                )
            }
            (None, _) => {
                let mut sql = format!("SELECT row, 0.0 AS fit FROM papers WHERE {filters}");
                if let Some(unwanted) = any_of(&query.without) {
                    values.push(unwanted.into());
                    sql.push_str(
                        " AND row NOT IN (SELECT rowid FROM papers_text WHERE papers_text MATCH ?)",
                    );
                }
                if let Some((_, text)) = unspaced.first() {
                    sql.push_str(" ORDER BY instr(lower(papers.title), ?) > 0 DESC, announced DESC, row DESC");
                    values.push(text.clone().into());
                } else {
                    sql.push_str(" ORDER BY announced DESC, row DESC");
                }
                sql
            }
        };
        values.extend([i64::from(limit).into(), i64::from(offset).into()]);
        hits(self, &format!("{sql} LIMIT ? OFFSET ?"), values)
    }

    fn papers_with_any(
        &mut self,
        words: &[SearchWords],
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError> {
        let Some(expression) = any_of(words) else {
            return Ok(Vec::new());
        };
        let sql = "SELECT rowid AS row, -bm25(papers_text, 4.0, 1.0, 3.0) AS fit
                     FROM papers_text
                    WHERE papers_text MATCH ?
                    ORDER BY fit DESC, rowid DESC
                    LIMIT ?";
        hits(self, sql, vec![expression.into(), i64::from(limit).into()])
    }

    fn filter_papers(
        &mut self,
        query: &SearchQuery,
        papers: &[PaperRow],
    ) -> Result<Vec<PaperRow>, StoreError> {
        let (filters, values) = filters(query);
        let mut sql = format!("SELECT 1 FROM papers WHERE {filters} AND row = ?");
        let unwanted = any_of(&query.without);
        if unwanted.is_some() {
            sql.push_str(
                " AND row NOT IN (SELECT rowid FROM papers_text WHERE papers_text MATCH ?)",
            );
        }
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut kept = Vec::with_capacity(papers.len());
        for paper in papers {
            let mut values = values.clone();
            values.push(paper.0.into());
            values.extend(unwanted.clone().map(Value::from));
            if statement.exists(params_from_iter(values))? {
                kept.push(*paper);
            }
        }
        Ok(kept)
    }

    fn papers_in_rows(&mut self, rows: &[PaperRow]) -> Result<Vec<StoredPaper>, StoreError> {
        let conn = Snapshot::of(&mut self.conn)?;
        let mut statement =
            conn.prepare_cached("SELECT * FROM papers WHERE row = :row AND merged_into IS NULL")?;
        let mut papers = Vec::with_capacity(rows.len());
        for row in rows {
            papers.extend(
                statement
                    .query_row(named_params! { ":row": row.0 }, stored_paper)
                    .optional()?,
            );
        }
        Ok(papers)
    }

    fn row_of(&mut self, ids: &[PaperId]) -> Result<Option<PaperRow>, StoreError> {
        Ok(by_ids(&self.conn, ids)?.map(|(row, _)| row))
    }
}

fn hits(
    store: &mut SqliteStore,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<SearchHit>, StoreError> {
    let mut statement = store.conn.prepare_cached(sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        let columns = Columns::of("papers_text", row);
        Ok(SearchHit {
            paper: PaperRow(columns.get("row")?),
            fit: columns.get::<f64>("fit")? as f32,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns conditions for words of scripts without spaces, each with its text. To FTS5 a
/// whole run of such characters is one word, so that no part of it is found. Reading every
/// paper takes a tenth of a second for 60,000 of them.
fn unspaced(query: &SearchQuery) -> Vec<(&'static str, String)> {
    let text = |words: &SearchWords| words.0.trim_end_matches('*').to_ascii_lowercase();
    let of = |words: &'_ [SearchWords], condition: &'static str| -> Vec<(&'static str, String)> {
        words
            .iter()
            .filter(|words| words.are_unspaced())
            .map(|words| (condition, text(words)))
            .collect()
    };
    let mut all = of(
        &query.words,
        "instr(lower(papers.title || char(10) || papers.abstract), ?) > 0",
    );
    all.extend(of(&query.title, "instr(lower(papers.title), ?) > 0"));
    all
}

/// Returns the conditions besides the words, with their values in order; at least one.
fn filters(query: &SearchQuery) -> (String, Vec<Value>) {
    let (mut conditions, mut values): (Vec<String>, Vec<Value>) =
        (vec!["1".to_owned()], Vec::new());
    if !query.categories.is_empty() {
        let one = "lower(categories) GLOB ?";
        let any = query
            .categories
            .iter()
            .flat_map(|pattern| category_globs(pattern))
            .map(|glob| {
                values.push(glob.into());
                one
            });
        let any = any.collect::<Vec<_>>().join(" OR ");
        conditions.push(format!("({any})"));
    }
    if !query.sources.is_empty() {
        let any = query.sources.iter().map(|source| match source.as_str() {
            "arxiv" => "(id GLOB '[0-9][0-9][0-9][0-9].[0-9][0-9][0-9][0-9]*' OR id GLOB '*/[0-9][0-9][0-9][0-9][0-9][0-9][0-9]')".to_owned(),
            "pubmed" => "(id LIKE 'pmid:%' OR same_as LIKE '%\"pmid:%')".to_owned(),
            _ => {
                values.push(format!("%{}%", without_wildcards(source)).into());
                "url LIKE ?".to_owned()
            }
        });
        let any = any.collect::<Vec<_>>().join(" OR ");
        conditions.push(format!("({any})"));
    }
    for (condition, date) in [
        ("announced >= ?", query.from),
        ("announced <= ?", query.until),
    ] {
        if let Some(date) = date {
            conditions.push(condition.to_owned());
            values.push(date_text(date).into());
        }
    }
    (conditions.join(" AND "), values)
}

/// Returns the patterns of a category in a JSON list: `cs.LG` itself; `cs.*` for all of `cs`.
fn category_globs(pattern: &str) -> Vec<String> {
    let plain: String = pattern
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || ".-_*".contains(c) {
                c
            } else {
                '?'
            }
        })
        .collect();
    let archive = plain.trim_end_matches('*').trim_end_matches('.');
    if plain.ends_with('*') || !plain.contains('.') {
        vec![format!("*\"{archive}\"*"), format!("*\"{archive}.*")]
    } else {
        vec![format!("*\"{plain}\"*")]
    }
}

fn without_wildcards(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric() || ".-/:".contains(*c))
        .collect()
}

/// Returns text as an FTS5 string, which has no syntax inside (FTS5 manual, section 3.1): its
/// words in this order.
pub(super) fn quoted(text: &str) -> String {
    // A NUL would end the expression.
    format!("\"{}\"", text.replace(['"', '\0'], " "))
}

/// Returns a query as an FTS5 expression; `None` if no words are required.
fn match_expression(query: &SearchQuery) -> Option<String> {
    let strings = |words: &[SearchWords]| -> Vec<String> {
        words
            .iter()
            .filter(|words| !words.are_unspaced())
            .flat_map(|words| parts(&words.0))
            .collect()
    };
    let mut needed = strings(&query.words);
    // Names are strings of their own, in any script.
    let names: Vec<String> = query
        .authors
        .iter()
        .flat_map(|words| parts(&words.0))
        .collect();
    for (column, parts) in [("title", strings(&query.title)), ("authors", names)] {
        if !parts.is_empty() {
            needed.push(format!("{column} : ({})", parts.join(" AND ")));
        }
    }
    if needed.is_empty() {
        return None;
    }
    let needed = needed.join(" AND ");
    match any_of(&query.without) {
        Some(unwanted) => Some(format!("({needed}) NOT ({unwanted})")),
        None => Some(needed),
    }
}

/// Returns one string for words that belong together: `low-rank` and a quoted phrase match in
/// this order only, `and/or` is two words.
fn parts(text: &str) -> Vec<String> {
    let is_phrase = text.contains(char::is_whitespace);
    let pieces: Vec<&str> = if is_phrase {
        vec![text]
    } else {
        text.split(['/', ',', ';', '|']).collect()
    };
    pieces
        .into_iter()
        .filter(|piece| piece.chars().any(char::is_alphanumeric))
        .map(|piece| {
            // A star at its end matches the rest of a word.
            let star = if piece.ends_with('*') { "*" } else { "" };
            let mut spellings = text::spellings(piece);
            spellings.extend(accented(piece));
            spellings.sort_unstable();
            spellings.dedup();
            let spellings: Vec<String> = spellings.iter().map(|text| quoted(text) + star).collect();
            if spellings.len() == 1 {
                spellings.concat()
            } else {
                format!("({})", spellings.join(" OR "))
            }
        })
        .collect()
}

/// Returns a Greek word with its accent moved or removed: Greek is typed without accents and
/// set in capitals without them, and FTS5 removes them from Latin letters only.
fn accented(piece: &str) -> Vec<String> {
    const CHARS_MAX: usize = 30;
    const ACUTE: char = '\u{301}';
    let is_greek = |c: char| matches!(c, '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}');
    let count = piece.chars().count();
    if !piece.chars().any(is_greek) || piece.contains(char::is_whitespace) || count > CHARS_MAX {
        return Vec::new();
    }
    let bare: Vec<char> = piece.nfd().filter(|c| *c != ACUTE).nfc().collect();
    let accented = (0..bare.len())
        .filter(|at| "αεηιουωΑΕΗΙΟΥΩ".contains(bare[*at]))
        .map(|at| {
            let (before, after) = bare.split_at(at + 1);
            before
                .iter()
                .copied()
                .chain([ACUTE])
                .chain(after.iter().copied())
                .nfc()
                .collect::<String>()
        });
    std::iter::once(bare.iter().collect())
        .chain(accented)
        .collect()
}

fn any_of(words: &[SearchWords]) -> Option<String> {
    let strings: Vec<String> = words.iter().flat_map(|words| parts(&words.0)).collect();
    (!strings.is_empty()).then(|| strings.join(" OR "))
}
