//! What readers taught their interests: the papers that they liked and
//! disliked, their thumbs, and their libraries, as vectors.

use crate::links::Thumb;
use crate::paper::{Paper, PaperId};
use crate::profile::features::weigh;
use crate::profile::{Background, Example, Profile, TermCounter};
use crate::store::{Db, Feedback, LibraryWork, PaperRow, StoreError};
use crate::subscriber::{Interest, Subscriber, SubscriberId};
use chrono::{DateTime, TimeDelta, Utc};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Vectors kept from one page of subscribers to the next: some 60 MB.
const KEPT_MAX: usize = 20_000;

/// Works of a library that one interest learns from: more of them change
/// nothing about what they have in common, and a page of 256 readers with such
/// libraries still fits into 150 MB.
const LIBRARY_MAX: u32 = 500;

/// The section of a reader without interests who gives thumbs all the same.
pub const YOUR_PICKS: &str = "Your picks";

/// What one interest goes by.
pub(crate) struct Taught {
    pub(crate) interest: Interest,
    pub(crate) liked: Vec<Example>,
    pub(crate) disliked: Vec<Example>,
}

impl Taught {
    fn profile(&self, background: &Background, counter: &mut TermCounter) -> Profile {
        Profile::learn(&self.interest, self.liked.clone(), &self.disliked, background, counter)
    }
}

/// What the interests of some readers go by.
#[derive(Default)]
pub(crate) struct Examples {
    /// Vectors by paper; `None` for papers that are not known here.
    papers: HashMap<PaperId, Option<Example>>,
    // From here on, of the readers that were fetched last.
    thumbs: HashMap<SubscriberId, Vec<Feedback>>,
    libraries: HashMap<SubscriberId, Vec<(String, Example)>>,
    muted: HashMap<SubscriberId, Vec<String>>,
}

impl Examples {
    /// Fetches what the interests of `subscribers` go by and is not here yet.
    pub(crate) fn fetch<'a>(
        &mut self,
        db: &Db,
        subscribers: impl Iterator<Item = &'a Subscriber> + Clone,
        background: &Background,
    ) -> Result<(), StoreError> {
        if self.papers.len() > KEPT_MAX {
            self.papers.clear();
        }
        let readers: Vec<SubscriberId> = subscribers.clone().map(|subscriber| subscriber.id).collect();
        let (thumbs, works, muted) = db.run_here(|store| {
            Ok((store.feedback_of(&readers)?, store.library_of(&readers, LIBRARY_MAX)?, store.muted_authors(&readers)?))
        })?;
        let interests = subscribers.flat_map(|subscriber| &subscriber.details.interests);
        let wanted: HashSet<&PaperId> = interests
            .flat_map(|interest| interest.liked.iter().chain(&interest.disliked))
            .chain(thumbs.iter().map(|thumb| &thumb.id))
            .filter(|id| !self.papers.contains_key(id))
            .collect();
        let wanted: Vec<PaperId> = wanted.into_iter().cloned().collect();
        let found = db.run_here(|store| store.papers_by_id(&wanted))?;
        let found: Vec<(PaperId, Example)> = found
            .into_par_iter()
            .map_init(TermCounter::new, |counter, (id, stored)| {
                let example = example(&stored.paper, background, counter);
                (id, example)
            })
            .collect();
        self.papers.extend(wanted.into_iter().map(|id| (id, None)));
        self.papers.extend(found.into_iter().map(|(id, example)| (id, Some(example))));

        let works: Vec<(SubscriberId, (String, Example))> = works
            .into_par_iter()
            .map_init(TermCounter::new, |counter, (subscriber, interest, work)| {
                (subscriber, (interest, example(&as_paper(work), background, counter)))
            })
            .collect();
        self.libraries = by_reader(works);
        self.thumbs = by_reader(thumbs.into_iter().map(|thumb| (thumb.subscriber, thumb)));
        self.muted = by_reader(muted);
        Ok(())
    }

    /// What each interest of a reader goes by. A thumb is about the interest
    /// that its paper came through; where there is none of that name, about the
    /// one whose profile is nearest. Somebody without interests who likes
    /// something has one after all: [`YOUR_PICKS`].
    pub(crate) fn taught(
        &self,
        subscriber: &Subscriber,
        background: &Background,
        counter: &mut TermCounter,
        now: DateTime<Utc>,
    ) -> Vec<Taught> {
        let thumbs = self.thumbs.get(&subscriber.id).map_or(&[][..], Vec::as_slice);
        let spoken_of: HashSet<&PaperId> = thumbs.iter().map(|thumb| &thumb.id).collect();
        let mut interests = subscriber.interests.clone();
        if interests.is_empty() && thumbs.iter().any(|thumb| thumb.thumb != Thumb::Less) {
            interests.push(Interest { name: YOUR_PICKS.to_owned(), ..Interest::default() });
        }
        let library = self.libraries.get(&subscriber.id).map_or(&[][..], Vec::as_slice);
        let mut taught: Vec<Taught> = interests
            .into_iter()
            .map(|interest| {
                // A thumb says what they think of a paper now, a list what they once thought.
                let of = |ids: &[PaperId]| -> Vec<Example> {
                    ids.iter().filter(|id| !spoken_of.contains(id)).filter_map(|id| self.example(id)).collect()
                };
                let mut liked = of(&interest.liked);
                let own = library.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&interest.name));
                liked.extend(own.map(|(_, example)| example.clone()));
                let disliked = of(&interest.disliked);
                Taught { interest, liked, disliked }
            })
            .collect();
        if taught.is_empty() {
            return taught;
        }
        let named = |taught: &[Taught], thumb: &Feedback| {
            let name = thumb.interest.as_deref()?;
            taught.iter().position(|taught| taught.interest.name.eq_ignore_ascii_case(name))
        };
        let (placed, open): (Vec<_>, Vec<_>) =
            thumbs.iter().partition(|thumb| taught.len() == 1 || named(&taught, thumb).is_some());
        for thumb in placed {
            let at = named(&taught, thumb).unwrap_or(0);
            self.teach(&mut taught[at], thumb, now);
        }
        if !open.is_empty() {
            let profiles: Vec<Profile> = taught.iter().map(|taught| taught.profile(background, counter)).collect();
            for thumb in open {
                let Some(example) = self.example(&thumb.id) else { continue };
                let nearness = |profile: &Profile| profile.text.dot(&example.features);
                let nearest = (0..profiles.len())
                    .max_by(|a, b| nearness(&profiles[*a]).total_cmp(&nearness(&profiles[*b])).then(b.cmp(a)));
                self.teach(&mut taught[nearest.unwrap_or(0)], thumb, now);
            }
        }
        taught
    }

    fn teach(&self, taught: &mut Taught, thumb: &Feedback, now: DateTime<Utc>) {
        if thumb_weight(now - thumb.at, thumb.thumb) < COUNTS {
            return;
        }
        let into = if thumb.thumb == Thumb::Less { &mut taught.disliked } else { &mut taught.liked };
        into.extend(self.example(&thumb.id));
    }

    /// The authors whom a reader does not want to see.
    pub(crate) fn muted(&self, subscriber: SubscriberId) -> &[String] {
        self.muted.get(&subscriber).map_or(&[], Vec::as_slice)
    }

    /// The papers of which a reader wants less.
    pub(crate) fn unwanted(&self, subscriber: SubscriberId) -> impl Iterator<Item = PaperRow> + '_ {
        let thumbs = self.thumbs.get(&subscriber).into_iter().flatten();
        thumbs.filter(|thumb| thumb.thumb == Thumb::Less).map(|thumb| thumb.paper)
    }

    fn example(&self, id: &PaperId) -> Option<Example> {
        self.papers.get(id)?.clone()
    }
}

/// Thumbs that are worth less are forgotten.
const COUNTS: f32 = 0.25;

/// What a thumb is worth after some time: half of it after 120 days, since
/// interests drift; and what is not wanted is said more rarely and more firmly
/// than what is.
fn thumb_weight(age: TimeDelta, thumb: Thumb) -> f32 {
    let fresh = match thumb {
        Thumb::More | Thumb::Save => 1.0,
        Thumb::Less => 1.5,
    };
    let days = age.num_seconds().max(0) as f32 / 86_400.0;
    fresh * 0.5_f32.powf(days / 120.0)
}

fn example(paper: &Paper, background: &Background, counter: &mut TermCounter) -> Example {
    let features = Arc::new(weigh(&counter.paper(paper), background));
    Example { title: paper.title.clone(), features }
}

/// The text of a work, which is all that is learned from.
fn as_paper(work: LibraryWork) -> Paper {
    // The id stands in no text; any will do.
    let id = work.ids.into_iter().next();
    let id = id.unwrap_or_else(|| "library".parse().expect("a word is an id"));
    Paper { abstract_text: work.abstract_text, authors: work.authors, ..Paper::new(id, work.title) }
}

fn by_reader<T>(all: impl IntoIterator<Item = (SubscriberId, T)>) -> HashMap<SubscriberId, Vec<T>> {
    let mut by_reader: HashMap<SubscriberId, Vec<T>> = HashMap::new();
    for (subscriber, thing) in all {
        by_reader.entry(subscriber).or_default().push(thing);
    }
    by_reader
}
