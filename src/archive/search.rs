//! Searching the papers by words and by meaning.

use crate::paper::Paper;
use crate::paper::query::{SearchQuery, SearchWords};
use crate::ranking::similar::fuse;
use crate::store::{Db, PaperRow, StoreError, StoredPaper};
use crate::text::spellings;

/// An index of dense vectors.
pub trait VectorSearch: Send + Sync {
    /// Up to `limit` papers whose vectors are nearest to that of `paper`, nearest first;
    /// `paper` need not be one of them. Empty without vectors.
    fn nearest(&self, paper: &Paper, limit: usize) -> Vec<PaperRow>;
}

/// One page of search results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchResults {
    /// Papers, best first.
    pub papers: Vec<StoredPaper>,
    /// Whether more papers follow.
    pub has_more: bool,
    /// Whether no paper contains all of the words; these contain some of them.
    pub is_relaxed: bool,
}

/// Papers considered by meaning, and where not all words are found.
const DEPTH: u32 = 200;

/// Searches the papers that fit `query`: `limit` of them after the first `offset`.
///
/// A paper whose id or DOI is typed comes first. Words match by stem and without
/// accents; with `dense`, papers close in meaning are merged in.
pub fn search(
    db: &Db,
    query: &SearchQuery,
    offset: u32,
    limit: u32,
    dense: Option<&dyn VectorSearch>,
) -> Result<SearchResults, StoreError> {
    let end = offset.saturating_add(limit).saturating_add(1);
    // Names and titles have no meaning to compare.
    let by_meaning = dense
        .filter(|_| query.authors.is_empty() && query.title.is_empty() && !query.words.is_empty());
    let is_plain = by_meaning.is_none() && query.ids.is_empty();
    let (from, count) = if is_plain {
        (offset, limit.saturating_add(1))
    } else {
        (0, end.max(DEPTH))
    };
    let rows = |hits: Vec<crate::store::SearchHit>| {
        hits.into_iter().map(|hit| hit.paper).collect::<Vec<_>>()
    };

    let mut found = rows(db.read_here(|store| store.find_papers(query, from, count))?);
    let named = if query.ids.is_empty() {
        None
    } else {
        db.read_here(|store| store.row_of(&query.ids))?
    };
    let mut is_relaxed = false;
    let mut skipped = from;
    // A later page of exact results may be empty: that is no reason to relax the query.
    if found.is_empty() && named.is_none() && !query.words.is_empty() && query.authors.is_empty() {
        let had_any = offset > 0
            && is_plain
            && !db
                .read_here(|store| store.find_papers(query, 0, 1))?
                .is_empty();
        if !had_any {
            let words = relaxed(query);
            found = db.read_here(|store| {
                let any = rows(store.papers_with_any(&words, end.max(DEPTH))?);
                store.filter_papers(query, &any)
            })?;
            is_relaxed = !found.is_empty();
            skipped = 0;
        }
    }
    if let Some(dense) = by_meaning {
        let text = query.plain_text();
        let asked = Paper::new("query".parse().expect("a word is an id"), text);
        let near = dense.nearest(&asked, DEPTH as usize);
        let near = db.read_here(|store| store.filter_papers(query, &near))?;
        found = fuse(&[found, near]);
    }
    if let Some(row) = named {
        found.retain(|other| *other != row);
        found.insert(0, row);
    }
    let mut page: Vec<PaperRow> = found
        .into_iter()
        .skip((offset - skipped) as usize)
        .collect();
    let has_more = page.len() > limit as usize;
    page.truncate(limit as usize);
    let papers = db.read_here(|store| store.papers_in_rows(&page))?;
    Ok(SearchResults {
        papers,
        has_more,
        is_relaxed,
    })
}

/// The words of a query, any of which suffices; the last one may be a prefix.
fn relaxed(query: &SearchQuery) -> Vec<SearchWords> {
    let mut words: Vec<SearchWords> = query.words.iter().chain(&query.title).cloned().collect();
    if let Some(last) = query
        .words
        .last()
        .filter(|last| last.0.chars().count() >= 3 && !last.0.contains(' '))
        // `alpha` is a whole word; `alphabet` is not what it means.
        .filter(|last| spellings(&last.0).len() == 1)
    {
        words.push(SearchWords(format!("{}*", last.0)));
    }
    words
}
