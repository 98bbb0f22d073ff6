//! Examples that interests learn from: liked and disliked papers, thumbs, clicks and
//! libraries, as vectors.

use super::clicks::are_peoples;
use crate::archive::ArchiveStats;
use crate::paper::{Paper, PaperId};
use crate::pick::Thumb;
use crate::profile::features::{given_names, weigh};
use crate::profile::learn::words_of;
use crate::profile::{Example, Profile, TermCounter, TrainingPapers, click_weight, thumb_weight};
use crate::store::{Db, Feedback, LibraryWork, PaperRow, StoreError, StoredPaper};
use crate::subscriber::{Interest, Subscriber, SubscriberId};
use chrono::{DateTime, Utc};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Vectors cached from one batch of subscribers to the next: some 70 MB.
const KEPT_MAX: usize = 20_000;

/// Works of a library that one interest learns from: more of them change nothing about
/// what they have in common, and a batch of 256 readers with such libraries still fits
/// into 150 MB.
const LIBRARY_MAX: u32 = 500;

/// Most opened papers that are learned from, newest first: many clicks together must
/// not outweigh a thumb.
const CLICKS_MAX: usize = 20;

/// Weights below this are dropped.
const COUNTS_MIN: f32 = 0.02;

/// Name of the interest of a reader who has none and gives thumbs.
pub const YOUR_PICKS: &str = "Your picks";

/// An interest with the evidence for it.
pub(crate) struct InterestEvidence {
    pub(crate) interest: Interest,
    pub(crate) evidence: TrainingPapers,
}

impl InterestEvidence {
    fn profile(&self, archive: &ArchiveStats, counter: &mut TermCounter) -> Profile {
        Profile::learn(
            &self.interest,
            self.evidence.clone(),
            &archive.background,
            None,
            counter,
        )
    }
}

/// A thumb or a click of a reader.
struct ReaderAction {
    id: PaperId,
    /// The thumb; `None` for a click.
    thumb: Option<Thumb>,
    /// The interest that it is about, if known.
    interest: Option<String>,
    at: DateTime<Utc>,
}

/// The examples of some readers.
#[derive(Default)]
pub(crate) struct Examples {
    /// Vectors by paper, with its row; `None` for papers that are not in the archive.
    papers: HashMap<PaperId, Option<(PaperRow, Example)>>,
    /// Dense vectors by text.
    words: HashMap<String, Vec<f32>>,
    // The fields below hold the readers that were fetched last.
    thumbs: HashMap<SubscriberId, Vec<Feedback>>,
    clicks: HashMap<SubscriberId, Vec<ReaderAction>>,
    /// Works by interest, each with one of its names.
    libraries: HashMap<SubscriberId, Vec<(String, PaperId, Example)>>,
    muted: HashMap<SubscriberId, Vec<String>>,
}

impl Examples {
    /// Fetches the examples of `subscribers` that are not cached.
    pub(crate) fn fetch<'a>(
        &mut self,
        db: &Db,
        subscribers: impl Iterator<Item = &'a Subscriber> + Clone,
        archive: &ArchiveStats,
    ) -> Result<(), StoreError> {
        if self.papers.len() + self.words.len() > KEPT_MAX {
            self.papers.clear();
            self.words.clear();
        }
        let readers: Vec<SubscriberId> = subscribers
            .clone()
            .map(|subscriber| subscriber.id)
            .collect();
        let (thumbs, works, muted) = db.run_here(|store| {
            Ok((
                store.feedback_of(&readers)?,
                store.library_of(&readers, LIBRARY_MAX)?,
                store.muted_authors(&readers)?,
            ))
        })?;
        let clicks = opened_papers(db, &readers)?;
        let interests: Vec<&Interest> = subscribers
            .flat_map(|subscriber| &subscriber.details.interests)
            .collect();
        let wanted: HashSet<&PaperId> = interests
            .iter()
            .flat_map(|interest| interest.liked.iter().chain(&interest.disliked))
            .chain(thumbs.iter().map(|thumb| &thumb.id))
            .chain(clicks.iter().map(|(_, action)| &action.id))
            .filter(|id| !self.papers.contains_key(id))
            .collect();
        let wanted: Vec<PaperId> = wanted.into_iter().cloned().collect();
        self.fetch_papers(db, wanted, archive)?;
        self.embed_words(&interests, archive);
        self.libraries = by_reader(library_examples(works, archive));
        self.thumbs = by_reader(thumbs.into_iter().map(|thumb| (thumb.subscriber, thumb)));
        self.clicks = by_reader(clicks);
        self.muted = by_reader(muted);
        Ok(())
    }

    /// Adds works that an interest of a reader learns from.
    pub(crate) fn add_library(
        &mut self,
        reader: SubscriberId,
        interest: &str,
        works: Vec<LibraryWork>,
        archive: &ArchiveStats,
    ) {
        let works = works
            .into_iter()
            .take(LIBRARY_MAX as usize)
            .map(|work| (reader, interest.to_owned(), work));
        let examples = library_examples(works.collect(), archive)
            .into_iter()
            .map(|(_, example)| example);
        self.libraries.entry(reader).or_default().extend(examples);
    }

    fn fetch_papers(
        &mut self,
        db: &Db,
        wanted: Vec<PaperId>,
        archive: &ArchiveStats,
    ) -> Result<(), StoreError> {
        let found = db.run_here(|store| store.papers_by_id(&wanted))?;
        let (names, papers): (Vec<PaperId>, Vec<StoredPaper>) = found.into_iter().unzip();
        let dense = match &archive.vectors {
            Some(vectors) => vectors.of(db, &papers)?.into_iter().map(Some).collect(),
            None => vec![None; papers.len()],
        };
        let examples: Vec<Example> = papers
            .par_iter()
            .zip(dense)
            .map_init(TermCounter::new, |counter, (stored, dense)| {
                example(&stored.paper, dense, archive, counter)
            })
            .collect();
        self.papers.extend(wanted.into_iter().map(|id| (id, None)));
        let rows = papers.iter().map(|stored| stored.row);
        self.papers
            .extend(names.into_iter().zip(rows.zip(examples).map(Some)));
        Ok(())
    }

    fn embed_words(&mut self, interests: &[&Interest], archive: &ArchiveStats) {
        let Some(vectors) = &archive.vectors else {
            return;
        };
        let texts: HashSet<String> = interests
            .iter()
            .map(|interest| words_of(interest))
            .collect();
        let texts: Vec<String> = texts
            .into_iter()
            .filter(|text| !text.trim().is_empty() && !self.words.contains_key(text))
            .collect();
        let made = vectors.of_words(&texts);
        self.words.extend(texts.into_iter().zip(made));
    }

    /// The evidence for each interest of a reader. A thumb counts for the interest that its
    /// paper came through; without one of that name, for the one whose profile is nearest,
    /// as clicks do. A reader without interests who likes something gets [`YOUR_PICKS`].
    pub(crate) fn evidence_for(
        &self,
        subscriber: &Subscriber,
        archive: &ArchiveStats,
        counter: &mut TermCounter,
        now: DateTime<Utc>,
    ) -> Vec<InterestEvidence> {
        let thumbs = self
            .thumbs
            .get(&subscriber.id)
            .map_or(&[][..], Vec::as_slice);
        let rated: HashSet<&PaperId> = thumbs.iter().map(|thumb| &thumb.id).collect();
        let mut interests = subscriber.interests.clone();
        let likes = thumbs.iter().filter(|thumb| thumb.thumb != Thumb::Less);
        if interests.is_empty() && likes.clone().next().is_some() {
            let liked = likes.map(|thumb| thumb.id.clone()).collect();
            interests.push(Interest {
                name: YOUR_PICKS.to_owned(),
                liked,
                ..Interest::default()
            });
        }
        let mut taught: Vec<InterestEvidence> = interests
            .into_iter()
            .map(|interest| self.listed_examples(subscriber.id, interest, &rated))
            .collect();
        if taught.is_empty() {
            return taught;
        }
        let actions: Vec<ReaderAction> = thumbs.iter().map(action).collect();
        // A click on a liked or disliked paper adds nothing.
        let listed: HashSet<&PaperId> = subscriber
            .interests
            .iter()
            .flat_map(|interest| interest.liked.iter().chain(&interest.disliked))
            .chain(rated)
            .collect();
        let clicks = self
            .clicks
            .get(&subscriber.id)
            .into_iter()
            .flatten()
            .filter(|click| !listed.contains(&click.id));
        let place = |taught: &[InterestEvidence], action: &ReaderAction| {
            let name = action.interest.as_deref()?;
            taught
                .iter()
                .position(|taught| taught.interest.name.eq_ignore_ascii_case(name))
        };
        let (placed, open): (Vec<&ReaderAction>, Vec<&ReaderAction>) = actions
            .iter()
            .chain(clicks)
            .partition(|action| taught.len() == 1 || place(&taught, action).is_some());
        for action in placed {
            let at = place(&taught, action).unwrap_or(0);
            self.teach(&mut taught[at], action, now);
        }
        if !open.is_empty() {
            let profiles: Vec<Profile> = taught
                .iter()
                .map(|taught| taught.profile(archive, counter))
                .collect();
            for action in open {
                let Some(example) = self.example(&action.id) else {
                    continue;
                };
                let nearness = |profile: &Profile| profile.text.dot(&example.features);
                let nearest = (0..profiles.len()).max_by(|a, b| {
                    nearness(&profiles[*a])
                        .total_cmp(&nearness(&profiles[*b]))
                        .then(b.cmp(a))
                });
                self.teach(&mut taught[nearest.unwrap_or(0)], action, now);
            }
        }
        taught
    }

    /// An interest with the papers that it names and those of its library.
    fn listed_examples(
        &self,
        subscriber: SubscriberId,
        mut interest: Interest,
        rated: &HashSet<&PaperId>,
    ) -> InterestEvidence {
        // A thumb is newer than the list of an interest and replaces it.
        let of = |ids: &[PaperId]| -> Vec<Example> {
            ids.iter()
                .filter(|id| !rated.contains(id))
                .filter_map(|id| self.example(id))
                .collect()
        };
        let (mut liked, disliked) = (of(&interest.liked), of(&interest.disliked));
        let library = self
            .libraries
            .get(&subscriber)
            .map_or(&[][..], Vec::as_slice);
        let own: Vec<_> = library
            .iter()
            .filter(|(name, ..)| name.eq_ignore_ascii_case(&interest.name))
            .collect();
        liked.extend(own.iter().map(|(.., example)| example.clone()));
        // Liked works say more than the name of their list.
        interest
            .liked
            .extend(own.iter().map(|(_, id, _)| id.clone()));
        let words = self.words.get(&words_of(&interest)).cloned();
        InterestEvidence {
            evidence: TrainingPapers {
                liked,
                disliked,
                words,
            },
            interest,
        }
    }

    fn teach(&self, taught: &mut InterestEvidence, action: &ReaderAction, now: DateTime<Utc>) {
        let age = now - action.at;
        let weight = action
            .thumb
            .map_or_else(|| click_weight(age), |thumb| thumb_weight(age, thumb));
        if weight < COUNTS_MIN {
            return;
        }
        let evidence = &mut taught.evidence;
        let into = if action.thumb == Some(Thumb::Less) {
            &mut evidence.disliked
        } else {
            &mut evidence.liked
        };
        let Some(example) = self.example(&action.id) else {
            return;
        };
        // A click is no like, so no reason may name the paper as liked.
        let title = if action.thumb.is_none() {
            String::new()
        } else {
            example.title.clone()
        };
        into.push(Example {
            title,
            weight,
            ..example
        });
    }

    /// The authors that a reader muted.
    pub(crate) fn muted(&self, subscriber: SubscriberId) -> &[String] {
        self.muted.get(&subscriber).map_or(&[], Vec::as_slice)
    }

    /// The papers that a reader disliked.
    pub(crate) fn unwanted(&self, subscriber: SubscriberId) -> impl Iterator<Item = PaperRow> + '_ {
        let thumbs = self.thumbs.get(&subscriber).into_iter().flatten();
        thumbs
            .filter(|thumb| thumb.thumb == Thumb::Less)
            .map(|thumb| thumb.paper)
    }

    /// The papers that the interests of a reader name, liked and disliked.
    pub(crate) fn named_in_interests(
        &self,
        subscriber: &Subscriber,
    ) -> impl Iterator<Item = PaperRow> {
        let ids = subscriber
            .interests
            .iter()
            .flat_map(|interest| interest.liked.iter().chain(&interest.disliked));
        ids.filter_map(|id| self.papers.get(id)?.as_ref().map(|(row, _)| *row))
    }

    fn example(&self, id: &PaperId) -> Option<Example> {
        self.papers
            .get(id)?
            .as_ref()
            .map(|(_, example)| example.clone())
    }
}

fn action(thumb: &Feedback) -> ReaderAction {
    ReaderAction {
        id: thumb.id.clone(),
        thumb: Some(thumb.thumb),
        interest: thumb.interest.clone(),
        at: thumb.at,
    }
}

/// The papers that these readers opened last, each once.
fn opened_papers(
    db: &Db,
    readers: &[SubscriberId],
) -> Result<Vec<(SubscriberId, ReaderAction)>, StoreError> {
    let clicks = db.run_here(|store| store.clicks_of(readers))?;
    let mut newest: HashMap<SubscriberId, Vec<(PaperRow, DateTime<Utc>)>> = HashMap::new();
    for (stored, _) in clicks
        .iter()
        .zip(are_peoples(&clicks))
        .filter(|(_, is_persons)| *is_persons)
        .rev()
    {
        let of_reader = newest.entry(stored.click.subscriber).or_default();
        let is_known = of_reader
            .iter()
            .any(|(paper, _)| *paper == stored.click.paper);
        if !is_known && of_reader.len() < CLICKS_MAX {
            of_reader.push((stored.click.paper, stored.click.at));
        }
    }
    let rows: Vec<PaperRow> = newest.values().flatten().map(|(row, _)| *row).collect();
    let papers = db.run_here(|store| store.papers_in_rows(&rows))?;
    let ids: HashMap<PaperRow, PaperId> = papers
        .into_iter()
        .map(|stored| (stored.row, stored.paper.id))
        .collect();
    let action = |row: &PaperRow, at| {
        Some(ReaderAction {
            id: ids.get(row)?.clone(),
            thumb: None,
            interest: None,
            at,
        })
    };
    let actions = newest.iter().flat_map(|(reader, clicks)| {
        clicks
            .iter()
            .filter_map(move |(row, at)| Some((*reader, action(row, *at)?)))
    });
    Ok(actions.collect())
}

fn library_examples(
    works: Vec<(SubscriberId, String, LibraryWork)>,
    archive: &ArchiveStats,
) -> Vec<(SubscriberId, (String, PaperId, Example))> {
    let works: Vec<(SubscriberId, String, Paper)> = works
        .into_iter()
        .map(|(reader, interest, work)| (reader, interest, as_paper(work)))
        .collect();
    let dense = match &archive.vectors {
        Some(vectors) => {
            let papers: Vec<&Paper> = works.iter().map(|(.., paper)| paper).collect();
            vectors.of_others(&papers).into_iter().map(Some).collect()
        }
        None => vec![None; works.len()],
    };
    works
        .into_par_iter()
        .zip(dense)
        .map_init(
            TermCounter::new,
            |counter, ((reader, interest, paper), dense)| {
                let example = example(&paper, dense, archive, counter);
                (reader, (interest, paper.id, example))
            },
        )
        .collect()
}

fn example(
    paper: &Paper,
    dense: Option<Vec<f32>>,
    archive: &ArchiveStats,
    counter: &mut TermCounter,
) -> Example {
    Example {
        title: paper.title.clone(),
        features: Arc::new(weigh(&counter.paper(paper), &archive.background)),
        names: Arc::new(given_names(&paper.authors)),
        dense: dense.map(Arc::new),
        weight: 1.0,
    }
}

/// The paper form of a work: only its text is learned from.
fn as_paper(work: LibraryWork) -> Paper {
    // The id does not matter.
    let id = work.ids.into_iter().next();
    let id = id.unwrap_or_else(|| "library".parse().expect("a word is an id"));
    Paper {
        abstract_text: work.abstract_text,
        authors: work.authors,
        ..Paper::new(id, work.title)
    }
}

fn by_reader<T>(all: impl IntoIterator<Item = (SubscriberId, T)>) -> HashMap<SubscriberId, Vec<T>> {
    let mut by_reader: HashMap<SubscriberId, Vec<T>> = HashMap::new();
    for (subscriber, thing) in all {
        by_reader.entry(subscriber).or_default().push(thing);
    }
    by_reader
}
