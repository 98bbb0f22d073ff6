//! Finds the papers that somebody names in a form: ids, addresses or titles, one
//! a line, or a piece of a library.

use super::find::search;
use super::library::{Matched, match_works};
use crate::paper::PaperId;
use crate::paper::query::Query;
use crate::profile::library::{Form, read_library};
use crate::store::{Db, Found, LibraryWork, StoreError, WorkNames};

/// Lines that are looked at; a form is no place for a whole library.
const LINES_MAX: usize = 200;

/// What was named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Papers that are known here, each once.
    pub papers: Vec<PaperId>,
    /// Works that are not, to learn from by their text.
    pub works: Vec<LibraryWork>,
    /// What nothing is known of, each as it was typed and cut to a line.
    pub unknown: Vec<String>,
}

/// Finds what `text` names.
pub fn named_papers(db: &Db, text: &str) -> Result<Named, StoreError> {
    let mut named = Named::default();
    match read_library(text.as_bytes()) {
        // Whoever types ids types titles between them: those are read line by line.
        Ok(library) if library.form != Form::Ids => {
            let Matched { liked, own, unknown } = match_works(db, &library)?;
            named.papers = liked;
            named.works = own;
            named.unknown.extend(unknown.iter().map(ToString::to_string));
            named.unknown.extend(library.aside.iter().map(|aside| format!("line {}: {}", aside.line, aside.reason)));
        }
        _ => {
            let lines = text.lines().map(|line| line.trim().trim_end_matches([',', ';']).trim());
            for (at, line) in lines.filter(|line| !line.is_empty()).enumerate() {
                match if at < LINES_MAX { one(db, line)? } else { None } {
                    Some(id) => named.papers.push(id),
                    None => named.unknown.push(crate::text::cut(&crate::text::clean_line(line), 80)),
                }
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    named.papers.retain(|id| seen.insert(id.clone()));
    Ok(named)
}

/// The paper that a line names by its id, its whole title, or by words that no other paper holds.
fn one(db: &Db, line: &str) -> Result<Option<PaperId>, StoreError> {
    if let Ok(id) = line.parse::<PaperId>()
        && let Some(stored) = db.run_here(|store| store.paper(&id))?
    {
        return Ok(Some(stored.paper.id));
    }
    let title = line.trim_matches(['"', '\'', '“', '”', '.']);
    let found = db.run_here(|store| store.find_works(&[WorkNames { ids: &[], title }]))?;
    if let Some(Found::ByTitle(candidates)) = found.into_iter().next()
        && let Some((_, id, _)) = candidates.into_iter().next()
    {
        return Ok(Some(id));
    }
    if title.split_whitespace().count() < 2 {
        return Ok(None);
    }
    let found = search(db, &Query::parse(title), 0, 1, None)?;
    Ok(found.papers.into_iter().next().filter(|_| !found.is_relaxed && !found.has_more).map(|stored| stored.paper.id))
}
