//! What came of the picks: are those that were tried worth it, and is the best at the top?

use super::clicks::are_peoples;
use super::compose::TOLD;
use crate::store::{Db, PaperRow, PickKind, PickPlace, PickStats, StoreError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// What came of some picks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// How many there were.
    pub shown: u64,
    /// Of them, how many are liked now.
    pub more: u64,
    /// Disliked.
    pub less: u64,
    /// Saved.
    pub save: u64,
    /// Followed to the paper by their reader; scanners are not counted.
    pub clicks: u64,
}

impl Outcome {
    fn add(&mut self, fared: &PickStats) {
        self.shown += fared.shown;
        self.more += fared.more;
        self.less += fared.less;
        self.save += fared.save;
    }
}

/// What came of the picks at one place of the issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RankOutcome {
    /// The place, from 1.
    pub rank: u32,
    /// Of those above the line.
    pub chosen: Outcome,
    /// Of those that were tried.
    pub exploring: Outcome,
}

/// What came of the picks of some time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// Of those above the line.
    pub chosen: Outcome,
    /// Of those that were tried.
    pub exploring: Outcome,
    /// By place, first to last; places where nothing stood are missing.
    pub ranks: Vec<RankOutcome>,
}

/// What came of the picks of the issues composed since `since`: thumbs as they
/// stand, and clicks by people, one for each pick. News of papers known already are no picks.
pub fn pick_stats(db: &Db, since: DateTime<Utc>) -> Result<Outcomes, StoreError> {
    let (fared, clicks) =
        db.read_here(|store| Ok((store.pick_stats(since, TOLD)?, store.clicks_since(since)?)))?;
    let peoples = clicks
        .iter()
        .zip(are_peoples(&clicks))
        .filter(|(_, is_persons)| *is_persons);
    let mut seen = HashSet::new();
    let clicked: Vec<(i64, PaperRow)> = peoples
        .filter_map(|(stored, _)| Some((stored.issue?, stored.click.paper)))
        .filter(|pick| seen.insert(*pick))
        .collect();
    let places = db.read_here(|store| store.pick_places(&clicked, since, TOLD))?;
    Ok(sum(&fared, places.into_iter().flatten()))
}

fn sum(fared: &[PickStats], clicked: impl Iterator<Item = PickPlace>) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let mut ranks: BTreeMap<u32, RankOutcome> = BTreeMap::new();
    let none = |rank| RankOutcome {
        rank,
        chosen: Outcome::default(),
        exploring: Outcome::default(),
    };
    for fared in fared {
        let at = ranks.entry(fared.rank).or_insert_with(|| none(fared.rank));
        let (all, here) = match fared.kind {
            PickKind::Chosen => (&mut outcomes.chosen, &mut at.chosen),
            PickKind::Exploring => (&mut outcomes.exploring, &mut at.exploring),
        };
        all.add(fared);
        here.add(fared);
    }
    for PickPlace { kind, rank } in clicked {
        let at = ranks.entry(rank).or_insert_with(|| none(rank));
        let (all, here) = match kind {
            PickKind::Chosen => (&mut outcomes.chosen, &mut at.chosen),
            PickKind::Exploring => (&mut outcomes.exploring, &mut at.exploring),
        };
        all.clicks += 1;
        here.clicks += 1;
    }
    outcomes.ranks = ranks.into_values().collect();
    outcomes
}
