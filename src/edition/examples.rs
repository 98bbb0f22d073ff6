//! The papers that people liked and disliked, as vectors.

use crate::paper::PaperId;
use crate::profile::features::weigh;
use crate::profile::{Background, Example, TermCounter};
use crate::store::{Db, StoreError};
use crate::subscriber::Subscriber;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Vectors kept from one page of subscribers to the next: some 60 MB.
const KEPT_MAX: usize = 20_000;

/// Vectors by paper; `None` for papers that are not known here.
#[derive(Default)]
pub(crate) struct Examples(HashMap<PaperId, Option<Example>>);

impl Examples {
    /// Fetches what the interests of `subscribers` name and is not here yet.
    pub(crate) fn fetch<'a>(
        &mut self,
        db: &Db,
        subscribers: impl Iterator<Item = &'a Subscriber>,
        background: &Background,
    ) -> Result<(), StoreError> {
        if self.0.len() > KEPT_MAX {
            self.0.clear();
        }
        let named = subscribers.flat_map(|subscriber| &subscriber.details.interests);
        let wanted: HashSet<&PaperId> = named
            .flat_map(|interest| interest.liked.iter().chain(&interest.disliked))
            .filter(|id| !self.0.contains_key(id))
            .collect();
        let wanted: Vec<PaperId> = wanted.into_iter().cloned().collect();
        let found = db.run_here(|store| store.papers_by_id(&wanted))?;
        let found: Vec<(PaperId, Example)> = found
            .into_par_iter()
            .map_init(TermCounter::new, |counter, stored| {
                let features = Arc::new(weigh(&counter.paper(&stored.paper), background));
                (stored.paper.id, Example { title: stored.paper.title, features, dense: None, weight: 1.0 })
            })
            .collect();
        self.0.extend(wanted.into_iter().map(|id| (id, None)));
        self.0.extend(found.into_iter().map(|(id, example)| (id, Some(example))));
        Ok(())
    }

    /// Those of `ids` that are known, in their order.
    pub(crate) fn of(&self, ids: &[PaperId]) -> Vec<Example> {
        ids.iter().filter_map(|id| self.0.get(id)?.clone()).collect()
    }
}
