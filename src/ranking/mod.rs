//! Ranks: profiles and papers to ordered picks with reasons. Pure.
//!
//! 1. [`Candidates`] prepares the papers of some days once for all subscribers.
//! 2. [`score`] gives each of them a score for one profile: rules first (vetoes
//!    leave a paper out, pins lift it above the line), then the learned score.
//! 3. [`pick`] chooses for one subscriber: the best of each interest, in
//!    sections, no paper twice; [`trending`] where there are no interests.
//! 4. [`reason`] says of each pick which signals carried it.
//!
//! Everything is deterministic: ties go to the paper that was announced first.

pub mod candidates;
pub mod evaluation;
pub mod learned;
pub mod reason;
pub mod score;
pub mod trending;

pub use candidates::Candidates;

use crate::paper::Paper;
use crate::profile::Profile;
use chrono::{DateTime, NaiveDate, Utc};
use score::{Pin, Scored};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Announcement days. Of a day with an instant, only the papers taken in after
/// it count: the others were looked at for an earlier issue.
pub type Days = BTreeMap<NaiveDate, Option<DateTime<Utc>>>;

/// What one subscriber wants of the candidates.
#[derive(Debug)]
pub struct Request<'a> {
    /// The announcement days that the issue is about.
    pub days: &'a Days,
    /// Candidates they were sent before, by position.
    pub sent: &'a HashSet<usize>,
    /// Most picks.
    pub max_papers: usize,
    /// The line: picks that are not pinned need this score, 0 to 1.
    pub min_score: f32,
}

/// Where in an issue a pick stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// By somebody they follow.
    FollowedAuthors,
    /// For the interest of this name.
    Interest(String),
    /// What everybody reads.
    Trending,
    /// Newly announced, for a reader who asks for nothing in particular.
    New,
}

/// A paper chosen for an issue.
#[derive(Debug, Clone)]
pub struct Pick {
    /// Its position among the candidates.
    pub candidate: usize,
    /// The paper.
    pub paper: Arc<Paper>,
    /// 0 to 1.
    pub score: f32,
    /// Where it stands.
    pub section: Section,
    /// Why, for the reader.
    pub reason: String,
    /// The authors of the paper whom they follow, as the paper writes them.
    pub followed: Vec<String>,
}

/// The choice for one issue.
#[derive(Debug, Clone, Default)]
pub struct Picks {
    /// Section by section, best first in each.
    pub picks: Vec<Pick>,
    /// Papers above the line for which there was no room.
    pub no_room: usize,
    /// The best score below the line, if anything had one.
    pub best_missed: Option<f32>,
    /// Papers that were looked at.
    pub considered: usize,
}

/// Scores below this are no better than nothing.
const SOMETHING: f32 = 0.01;

/// Chooses the papers of one issue.
///
/// Every interest gets its share of the room before the best of all interests
/// share what is left, so that none starves; followed authors come first but
/// may take only half of the room while interests have something to say.
pub fn pick(candidates: &Candidates, profiles: &[Profile], request: &Request<'_>) -> Picks {
    if profiles.is_empty() {
        return trending::pick(candidates, request);
    }
    let considered = candidates.on_days(request.days).filter(|at| !request.sent.contains(at)).count();
    let mut best: Vec<(Scored, usize)> = Vec::new();
    for (profile_at, profile) in profiles.iter().enumerate() {
        for scored in score::score(candidates, profile, request) {
            best.push((scored, profile_at));
        }
    }
    // The best score of each paper counts, and the interest that gave it.
    best.sort_by(|(a, a_profile), (b, b_profile)| {
        (a.candidate.cmp(&b.candidate))
            .then(a.is_author_pin().cmp(&b.is_author_pin()).reverse())
            .then(b.score.total_cmp(&a.score))
            .then(a_profile.cmp(b_profile))
    });
    best.dedup_by_key(|(scored, _)| scored.candidate);
    let is_above = |scored: &Scored| scored.pin.is_some() || scored.score >= request.min_score;
    let missed = best.iter().map(|(scored, _)| scored).filter(|scored| !is_above(scored));
    let best_missed = missed.map(|scored| scored.score).filter(|score| *score >= SOMETHING).max_by(f32::total_cmp);
    best.retain(|(scored, _)| is_above(scored));
    best.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(a.candidate.cmp(&b.candidate)));

    let above = best.len();
    let mut chosen = share_room(best, profiles.len(), request.max_papers);
    chosen.sort_by(|(a, a_profile), (b, b_profile)| {
        let section = |scored: &Scored, profile: usize| if scored.is_author_pin() { 0 } else { 1 + profile };
        section(a, *a_profile)
            .cmp(&section(b, *b_profile))
            .then(b.score.total_cmp(&a.score))
            .then(a.candidate.cmp(&b.candidate))
    });
    let picks: Vec<Pick> = chosen
        .into_iter()
        .map(|(scored, at)| {
            let profile = &profiles[at];
            let followed = match &scored.pin {
                Some(Pin::Author(names)) => names.clone(),
                _ => Vec::new(),
            };
            Pick {
                candidate: scored.candidate,
                paper: Arc::clone(candidates.paper(scored.candidate)),
                score: scored.score,
                section: if scored.is_author_pin() {
                    Section::FollowedAuthors
                } else {
                    Section::Interest(profile.name.clone())
                },
                reason: reason::reason(candidates, profile, &scored),
                followed,
            }
        })
        .collect();
    Picks { no_room: above - picks.len(), best_missed, picks, considered }
}

/// Takes up to `room` of the papers above the line, which come best first.
fn share_room(above: Vec<(Scored, usize)>, interests: usize, room: usize) -> Vec<(Scored, usize)> {
    let mut taken: Vec<bool> = vec![false; above.len()];
    let mut left = room;
    let has_others = above.iter().any(|(scored, _)| !scored.is_author_pin());
    let for_authors = if has_others { room.div_ceil(2) } else { room };
    let mut take = |wanted: &dyn Fn(&Scored, usize) -> bool, most: usize, left: &mut usize| {
        let mut got = 0;
        for (at, (scored, profile)) in above.iter().enumerate() {
            if *left == 0 || got == most {
                break;
            }
            if !taken[at] && wanted(scored, *profile) {
                taken[at] = true;
                got += 1;
                *left -= 1;
            }
        }
    };
    take(&|scored, _| scored.is_author_pin(), for_authors, &mut left);
    let share = (left / interests).max(1);
    for interest in 0..interests {
        take(&|scored, profile| profile == interest && !scored.is_author_pin(), share, &mut left);
    }
    take(&|_, _| true, room, &mut left);
    above.into_iter().zip(taken).filter(|(_, taken)| *taken).map(|(scored, _)| scored).collect()
}
