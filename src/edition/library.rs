//! Takes a reader's library into one of their interests.

use crate::paper::PaperId;
use crate::profile::library::{Library, Work};
use crate::store::{Db, LibraryWork, StoreError, WorkMatch, WorkNames};
use crate::subscriber::{Interest, Subscriber};
use crate::text::{cut, same_person};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The interest that a library goes into unless another one is named.
pub const YOUR_LIBRARY: &str = "My library";

/// Works looked for at a time.
const BATCH: usize = 1_000;

/// What is kept of a work: no title or abstract is longer.
const TITLE_CHARS_MAX: usize = 2_000;
const ABSTRACT_CHARS_MAX: usize = 20_000;

/// What became of a library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Works that are papers here: they are liked now.
    pub known: u64,
    /// Works that are learned from by their title and abstract.
    pub learned: u64,
    /// Of both together, those that this interest did not have.
    pub new: u64,
    /// Works of which there is nothing but an id that is not known here.
    pub unknown: Vec<PaperId>,
}

/// The works of a library, by what is known of them here.
#[derive(Default)]
pub(super) struct Matched {
    /// They are papers here.
    pub(super) liked: Vec<PaperId>,
    /// They are not, and have a text.
    pub(super) own: Vec<LibraryWork>,
    /// There is nothing but an id.
    pub(super) unknown: Vec<PaperId>,
}

/// Looks for the works of `library` among the papers.
pub(super) fn match_works(db: &Db, library: &Library) -> Result<Matched, StoreError> {
    let mut matched = Matched::default();
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

/// Takes `library` into the interest called `interest`, which is made if the
/// subscriber has none of that name. Taking the same in again changes nothing.
pub fn take_library(
    db: &Db,
    subscriber: &mut Subscriber,
    interest: &str,
    library: &Library,
    now: DateTime<Utc>,
) -> Result<Taken, StoreError> {
    let Matched {
        liked,
        own,
        unknown,
    } = match_works(db, library)?;
    let mut taken = Taken {
        unknown,
        ..Taken::default()
    };
    taken.known = liked.len() as u64;
    taken.learned = own.len() as u64;
    if liked.is_empty() && own.is_empty() {
        return Ok(taken);
    }
    let interests = &mut subscriber.details.interests;
    let at = interests
        .iter()
        .position(|known| known.name.eq_ignore_ascii_case(interest))
        .unwrap_or_else(|| {
            interests.push(Interest {
                name: interest.to_owned(),
                ..Interest::default()
            });
            interests.len() - 1
        });
    let into = &mut interests[at];
    let before = into.liked.len();
    for id in liked {
        if !into.liked.contains(&id) && !into.disliked.contains(&id) {
            into.liked.push(id);
        }
    }
    taken.new = (into.liked.len() - before) as u64;
    let (id, name) = (subscriber.id, into.name.clone());
    taken.new += db.run_here(|store| {
        store.save_subscriber(subscriber, now)?;
        store.add_library(id, &name, &own, now)
    })?;
    Ok(taken)
}

/// The paper that a work is. A title alone is shared by many works; with its
/// first author, or with more than a few words where no author is named, it is one.
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
