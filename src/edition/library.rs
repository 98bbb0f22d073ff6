//! Takes a reader's library into one of their interests.

use crate::paper::PaperId;
use crate::profile::library::{Library, Work};
use crate::store::{Db, Found, LibraryWork, StoreError, WorkNames};
use crate::subscriber::{Interest, Subscriber};
use crate::text::same_person;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The interest that a library goes into unless another one is named.
pub const YOUR_LIBRARY: &str = "My library";

/// Works looked for at a time.
const BATCH: usize = 1_000;

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

/// Takes `library` into the interest called `interest`, which is made if the
/// subscriber has none of that name. Taking the same in again changes nothing.
pub fn take_library(
    db: &Db,
    subscriber: &mut Subscriber,
    interest: &str,
    library: &Library,
    now: DateTime<Utc>,
) -> Result<Taken, StoreError> {
    let (mut taken, mut liked, mut own) = (Taken::default(), Vec::new(), Vec::new());
    for works in library.works.chunks(BATCH) {
        let names: Vec<WorkNames<'_>> =
            works.iter().map(|work| WorkNames { ids: &work.ids, title: &work.title }).collect();
        let found = db.run_here(|store| store.find_works(&names))?;
        for (work, found) in works.iter().zip(found) {
            match paper_of(work, found) {
                Some(id) => liked.push(id),
                None if work.title.is_empty() => taken.unknown.extend(work.ids.first().cloned()),
                None => own.push(as_library_work(work)),
            }
        }
    }
    taken.known = liked.len() as u64;
    taken.learned = own.len() as u64;
    if liked.is_empty() && own.is_empty() {
        return Ok(taken);
    }
    let interests = &mut subscriber.details.interests;
    let at = interests.iter().position(|known| known.name.eq_ignore_ascii_case(interest)).unwrap_or_else(|| {
        interests.push(Interest { name: interest.to_owned(), ..Interest::default() });
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
fn paper_of(work: &Work, found: Found) -> Option<PaperId> {
    let candidates = match found {
        Found::ById(_, id) => return Some(id),
        Found::ByTitle(candidates) => candidates,
    };
    let fits = |authors: &[String]| match work.authors.first() {
        Some(first) => authors.iter().any(|author| same_person(author, first)),
        None => work.title.split_whitespace().count() >= 5,
    };
    candidates.into_iter().find(|(_, _, authors)| fits(authors)).map(|(_, id, _)| id)
}

fn as_library_work(work: &Work) -> LibraryWork {
    LibraryWork {
        key: work.key(),
        title: work.title.clone(),
        abstract_text: work.abstract_text.clone(),
        authors: work.authors.clone(),
        ids: work.ids.clone(),
    }
}
