//! The papers that people liked and disliked, and the words of their interests, as vectors.

use super::background::Archive;
use crate::paper::{Paper, PaperId};
use crate::profile::features::weigh;
use crate::profile::learn::words_of;
use crate::profile::{Example, TermCounter};
use crate::store::{Db, StoreError};
use crate::subscriber::{Interest, Subscriber};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Vectors kept from one page of subscribers to the next: some 70 MB.
const KEPT_MAX: usize = 20_000;

/// Vectors by paper, `None` for papers that are not known here; and dense vectors by words.
#[derive(Default)]
pub(crate) struct Examples {
    papers: HashMap<PaperId, Option<Example>>,
    words: HashMap<String, Vec<f32>>,
}

impl Examples {
    /// Fetches what the interests of `subscribers` name and is not here yet.
    pub(crate) fn fetch<'a>(
        &mut self,
        db: &Db,
        subscribers: impl Iterator<Item = &'a Subscriber>,
        archive: &Archive,
    ) -> Result<(), StoreError> {
        if self.papers.len() + self.words.len() > KEPT_MAX {
            *self = Examples::default();
        }
        let interests: Vec<&Interest> = subscribers.flat_map(|subscriber| &subscriber.details.interests).collect();
        self.fetch_papers(db, &interests, archive)?;
        self.make_words(&interests, archive);
        Ok(())
    }

    fn fetch_papers(&mut self, db: &Db, interests: &[&Interest], archive: &Archive) -> Result<(), StoreError> {
        let wanted: HashSet<&PaperId> = interests
            .iter()
            .flat_map(|interest| interest.liked.iter().chain(&interest.disliked))
            .filter(|id| !self.papers.contains_key(id))
            .collect();
        let wanted: Vec<PaperId> = wanted.into_iter().cloned().collect();
        let found: Vec<Paper> =
            db.run_here(|store| store.papers_by_id(&wanted))?.into_iter().map(|stored| stored.paper).collect();
        let vectors = archive.vectors.as_ref().map(|vectors| vectors.of(&found.iter().collect::<Vec<_>>()));
        let examples: Vec<Example> = found
            .par_iter()
            .enumerate()
            .map_init(TermCounter::new, |counter, (at, paper)| Example {
                title: paper.title.clone(),
                features: Arc::new(weigh(&counter.paper(paper), &archive.background)),
                dense: vectors.as_ref().map(|vectors| Arc::new(vectors[at].clone())),
                weight: 1.0,
            })
            .collect();
        self.papers.extend(wanted.into_iter().map(|id| (id, None)));
        // A paper has other names besides its id: each of them finds it.
        for (paper, example) in found.into_iter().zip(examples) {
            for name in paper.same_as {
                self.papers.insert(name, Some(example.clone()));
            }
            self.papers.insert(paper.id, Some(example));
        }
        Ok(())
    }

    fn make_words(&mut self, interests: &[&Interest], archive: &Archive) {
        let Some(vectors) = &archive.vectors else { return };
        let texts: HashSet<String> = interests.iter().map(|interest| words_of(interest)).collect();
        let texts: Vec<String> =
            texts.into_iter().filter(|text| !text.trim().is_empty() && !self.words.contains_key(text)).collect();
        let made = vectors.of_words(&texts);
        self.words.extend(texts.into_iter().zip(made));
    }

    /// Those of `ids` that are known, in their order.
    pub(crate) fn of(&self, ids: &[PaperId]) -> Vec<Example> {
        ids.iter().filter_map(|id| self.papers.get(id)?.clone()).collect()
    }

    /// The dense vector of the words of an interest.
    pub(crate) fn words(&self, interest: &Interest) -> Option<Vec<f32>> {
        self.words.get(&words_of(interest)).cloned()
    }
}
