//! Importing a reader's library into one of their interests.

use crate::archive::{MatchedWorks, match_works};
use crate::paper::PaperId;
use crate::profile::library::Library;
use crate::store::{Db, StoreError};
use crate::subscriber::{Interest, Subscriber};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Name of the interest that a library goes into by default.
pub const YOUR_LIBRARY: &str = "My library";

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LibraryImport {
    /// Works that are papers of the archive: they are liked now.
    pub known: u64,
    /// Works that are learned from by title and abstract.
    pub learned: u64,
    /// Works of both kinds that this interest did not have.
    pub new: u64,
    /// Ids that stand alone and are not in the archive.
    pub unknown: Vec<PaperId>,
}

/// Imports `library` into the interest called `interest`, which is added if the
/// subscriber has none of that name. Importing the same again changes nothing.
pub fn import_library(
    db: &Db,
    subscriber: &mut Subscriber,
    interest: &str,
    library: &Library,
    now: DateTime<Utc>,
) -> Result<LibraryImport, StoreError> {
    let MatchedWorks {
        liked,
        own,
        unknown,
    } = match_works(db, library)?;
    let mut taken = LibraryImport {
        unknown,
        ..LibraryImport::default()
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
