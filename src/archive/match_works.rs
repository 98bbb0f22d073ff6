//! Matching the works of a library with the papers of the archive.

use crate::paper::PaperId;
use crate::profile::library::{Library, Work};
use crate::store::{Db, LibraryWork, StoreError, WorkMatch, WorkNames};
use crate::text::{cut, same_person};

/// Works per query.
const BATCH: usize = 1_000;

/// Limits of what is stored of a work; no real title or abstract is longer.
const TITLE_CHARS_MAX: usize = 2_000;
const ABSTRACT_CHARS_MAX: usize = 20_000;

/// The works of a library, split by whether the archive has them.
#[derive(Default)]
pub struct MatchedWorks {
    /// Papers of the archive.
    pub liked: Vec<PaperId>,
    /// Works that are not in the archive and have a title.
    pub own: Vec<LibraryWork>,
    /// Ids that are not in the archive and stand alone.
    pub unknown: Vec<PaperId>,
}

/// Matches the works of `library` with the papers.
pub fn match_works(db: &Db, library: &Library) -> Result<MatchedWorks, StoreError> {
    let mut matched = MatchedWorks::default();
    for works in library.works.chunks(BATCH) {
        let names: Vec<WorkNames<'_>> = works
            .iter()
            .map(|work| WorkNames {
                ids: &work.ids,
                title: &work.title,
            })
            .collect();
        let found = db.run_here(|store| store.find_works(&names))?;
        for (work, found) in works.iter().zip(found) {
            match paper_of(work, found) {
                Some(id) => matched.liked.push(id),
                None if work.title.is_empty() => matched.unknown.extend(work.ids.first().cloned()),
                None => matched.own.push(as_library_work(work)),
            }
        }
    }
    Ok(matched)
}

/// The paper that is this work. Many works share a title, so the first author must
/// agree, too; without a named author the title needs at least five words.
fn paper_of(work: &Work, found: WorkMatch) -> Option<PaperId> {
    let candidates = match found {
        WorkMatch::ById(_, id) => return Some(id),
        WorkMatch::ByTitle(candidates) => candidates,
    };
    let fits = |authors: &[String]| match work.authors.first() {
        Some(first) => authors.iter().any(|author| same_person(author, first)),
        None => work.title.split_whitespace().count() >= 5,
    };
    candidates
        .into_iter()
        .find(|(_, _, authors)| fits(authors))
        .map(|(_, id, _)| id)
}

fn as_library_work(work: &Work) -> LibraryWork {
    LibraryWork {
        key: work.key(),
        title: cut(&work.title, TITLE_CHARS_MAX),
        abstract_text: cut(&work.abstract_text, ABSTRACT_CHARS_MAX),
        authors: work.authors.clone(),
        ids: work.ids.clone(),
    }
}
