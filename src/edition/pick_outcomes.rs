//! Outcomes of picks: thumbs and clicks by kind and by place.

use super::clicks::are_peoples;
use crate::store::{Db, PaperRow, PickKind, PickPlace, PickStats, StoreError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// The outcome of some picks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PickOutcome {
    /// How many there were.
    pub shown: u64,
    /// How many of them are liked now.
    pub more: u64,
    /// How many are disliked.
    pub less: u64,
    /// How many are saved.
    pub save: u64,
    /// How many were opened by their readers; scanners do not count.
    pub clicks: u64,
}

impl PickOutcome {
    fn add(&mut self, fared: &PickStats) {
        self.shown += fared.shown;
        self.more += fared.more;
        self.less += fared.less;
        self.save += fared.save;
    }
}

/// The outcome of the picks at one place of the issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RankOutcomes {
    /// The place, from 1.
    pub rank: u32,
    /// Picks above the line.
    pub chosen: PickOutcome,
    /// Near misses.
    pub near_miss: PickOutcome,
    /// Exploring picks.
    pub exploring: PickOutcome,
}

/// The outcome of the picks of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PickOutcomes {
    /// Picks above the line.
    pub chosen: PickOutcome,
    /// Near misses.
    pub near_miss: PickOutcome,
    /// Exploring picks.
    pub exploring: PickOutcome,
    /// By place, first to last; places without picks are missing.
    pub ranks: Vec<RankOutcomes>,
}

/// The outcome of the picks in issues composed since `since`: current thumbs, and clicks
/// by people, one for each pick. News of papers are no picks.
pub fn pick_outcomes(db: &Db, since: DateTime<Utc>) -> Result<PickOutcomes, StoreError> {
    let (fared, clicks) =
        db.read_here(|store| Ok((store.pick_stats(since)?, store.clicks_since(since)?)))?;
    let peoples = clicks
        .iter()
        .zip(are_peoples(&clicks))
        .filter(|(_, is_persons)| *is_persons);
    let mut seen = HashSet::new();
    let clicked: Vec<(i64, PaperRow)> = peoples
        .filter_map(|(stored, _)| Some((stored.issue?, stored.click.paper)))
        .filter(|pick| seen.insert(*pick))
        .collect();
    let places = db.read_here(|store| store.pick_places(&clicked, since))?;
    Ok(sum(&fared, places.into_iter().flatten()))
}

fn sum(fared: &[PickStats], clicked: impl Iterator<Item = PickPlace>) -> PickOutcomes {
    let mut outcomes = PickOutcomes::default();
    let mut ranks: BTreeMap<u32, RankOutcomes> = BTreeMap::new();
    let none = |rank| RankOutcomes {
        rank,
        chosen: PickOutcome::default(),
        near_miss: PickOutcome::default(),
        exploring: PickOutcome::default(),
    };
    for fared in fared {
        let at = ranks.entry(fared.rank).or_insert_with(|| none(fared.rank));
        let (all, here) = match fared.kind {
            PickKind::Chosen => (&mut outcomes.chosen, &mut at.chosen),
            PickKind::NearMiss => (&mut outcomes.near_miss, &mut at.near_miss),
            PickKind::Exploring => (&mut outcomes.exploring, &mut at.exploring),
        };
        all.add(fared);
        here.add(fared);
    }
    for PickPlace { kind, rank } in clicked {
        let at = ranks.entry(rank).or_insert_with(|| none(rank));
        let (all, here) = match kind {
            PickKind::Chosen => (&mut outcomes.chosen, &mut at.chosen),
            PickKind::NearMiss => (&mut outcomes.near_miss, &mut at.near_miss),
            PickKind::Exploring => (&mut outcomes.exploring, &mut at.exploring),
        };
        all.clicks += 1;
        here.clicks += 1;
    }
    outcomes.ranks = ranks.into_values().collect();
    outcomes
}
