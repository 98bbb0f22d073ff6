//! Ranking: profiles and papers to ordered picks with reasons. Pure.
//!
//! 1. [`Candidates`] prepares the papers of some days once for all subscribers.
//! 2. [`rules`] apply what a profile asks for by name or rules out; [`learned`] scores each
//!    paper by the evidence; [`score`] combines both.
//! 3. [`pick`] selects for one subscriber: the best of each interest, in sections, no
//!    paper twice, no near-duplicates, near misses on a short day, and exploring picks;
//!    [`trending`] without interests.
//! 4. [`reason`] names the signals that carried each pick, and [`explain`](mod@explain)
//!    gives the whole sum.
//!
//! Everything is deterministic, whatever the number of threads: ties go to the paper with
//! more votes, then to the one that was announced first.

pub mod candidates;
mod choose;
pub mod evaluation;
pub mod explain;
pub mod learned;
pub mod neighbours;
pub mod reason;
pub mod rules;
pub mod score;
pub mod signature;
pub mod similar;
pub mod trending;

pub use candidates::Candidates;
pub use explain::{Explanation, Fate, explain, fate};

use crate::paper::Paper;
use crate::pick::{Reason, Section};
use crate::profile::Profile;
use crate::subscriber::InterestWeight;
use choose::{Chooser, Ranked};
use chrono::{DateTime, NaiveDate, Utc};
use learned::LearnedScores;
use rules::Pin;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Announcement days. Of a day with an instant, only the papers taken in after it count:
/// the others were looked at for an earlier issue.
pub type Days = BTreeMap<NaiveDate, Option<DateTime<Utc>>>;

/// The request of one subscriber.
#[derive(Debug)]
pub struct Request<'a> {
    /// The announcement days of the issue.
    pub days: &'a Days,
    /// Candidates they were sent before, by position.
    pub sent: &'a HashSet<usize>,
    /// Most picks.
    pub max_papers: usize,
    /// The line: picks that are not pinned need this score, 0 to 1.
    pub min_score: f32,
    /// With fewer picks above the line, the nearest ones below it fill up to this number.
    pub min_papers: usize,
}

/// A paper chosen for an issue.
#[derive(Debug, Clone)]
pub struct Pick {
    /// Its position among the candidates.
    pub candidate: usize,
    /// The paper.
    pub paper: Arc<Paper>,
    /// Score, 0 to 1.
    pub score: f32,
    /// Its section.
    pub section: Section,
    /// The interest that gave the score; `None` where votes did.
    pub interest: Option<String>,
    /// The reasons for it, strongest first.
    pub reasons: Vec<Reason>,
    /// Its followed authors, as the paper writes them.
    pub followed: Vec<String>,
}

/// The picks of one issue.
#[derive(Debug, Clone, Default)]
pub struct Picks {
    /// Section by section, best first in each.
    pub picks: Vec<Pick>,
    /// Papers above the line without room, near-duplicates of picks among them.
    pub no_room: usize,
    /// Papers below the line that no rule excludes.
    pub below_the_line: usize,
    /// The best score below the line; `None` without evidence for any paper.
    pub best_missed: Option<f32>,
    /// Papers that were looked at.
    pub considered: usize,
    /// The quotas of the interests with papers above the line, in their order.
    pub shares: Vec<Quota>,
}

/// The places reserved for one interest in an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// Name of the interest.
    pub interest: String,
    /// Its weight.
    pub weight: InterestWeight,
    /// Places reserved before the best of all interests share the rest.
    pub places: usize,
}

/// Chooses the papers of one issue.
///
/// Every interest has a quota of the room, by its weight, before the best of all interests
/// share the rest, so that none starves; followed authors come first but may take only
/// half of the room while interests have papers.
pub fn pick(candidates: &Candidates, profiles: &[Profile], request: &Request<'_>) -> Picks {
    let dense = candidates.dense_scores(&profiles.iter().collect::<Vec<_>>());
    pick_with(candidates, profiles, &dense, request)
}

/// [`pick`] with the result of [`Candidates::dense_scores`] for the profiles, which is
/// cheapest for many subscribers at a time.
pub fn pick_with(
    candidates: &Candidates,
    profiles: &[Profile],
    dense: &[Option<Vec<f32>>],
    request: &Request<'_>,
) -> Picks {
    if profiles.is_empty() {
        return trending::pick(candidates, request);
    }
    let considered = candidates
        .on_days(request.days)
        .filter(|at| !request.sent.contains(at))
        .count();
    let mut best: Vec<Ranked> = Vec::new();
    let learned: Vec<LearnedScores> = profiles
        .iter()
        .zip(dense)
        .map(|(profile, dense)| LearnedScores::of(candidates, profile, dense.as_deref()))
        .collect();
    for (profile_at, (profile, learned)) in profiles.iter().zip(&learned).enumerate() {
        for scored in score::score_learned(candidates, profile, learned, request) {
            best.push((scored, profile_at));
        }
    }
    if profiles.len() > 1 {
        // The best score of each paper counts, and the interest that gave it.
        best.sort_by(|(a, a_profile), (b, b_profile)| {
            (a.candidate.cmp(&b.candidate))
                .then(a.is_author_pin().cmp(&b.is_author_pin()).reverse())
                .then(b.score.total_cmp(&a.score))
                .then(a_profile.cmp(b_profile))
        });
        best.dedup_by_key(|(scored, _)| scored.candidate);
    }
    let (mut above, below): (Vec<Ranked>, Vec<Ranked>) = best
        .into_iter()
        .partition(|(scored, _)| scored.pin.is_some() || scored.score >= request.min_score);
    above.sort_by_cached_key(|(scored, _)| choose::order(candidates, scored));
    let best_missed = below
        .iter()
        .map(|(scored, _)| scored.score)
        .filter(|score| *score >= choose::EVIDENCE_MIN);
    let best_missed = best_missed.max_by(f32::total_cmp);

    let counts = (above.len(), below.len());
    let Choice {
        chosen,
        exploring,
        quotas,
    } = choose(candidates, &above, &below, profiles, request);
    let (no_room, below_the_line) =
        chosen
            .iter()
            .chain(&exploring)
            .fold(counts, |(above, below), (_, lane)| {
                if *lane == Lane::Above {
                    (above - 1, below)
                } else {
                    (above, below - 1)
                }
            });
    let picks = chosen.iter().chain(&exploring).map(|(ranked, lane)| {
        picked(
            candidates,
            &profiles[ranked.1],
            &learned[ranked.1],
            ranked,
            *lane,
        )
    });
    Picks {
        picks: picks.collect(),
        no_room,
        below_the_line,
        best_missed,
        considered,
        shares: quotas,
    }
}

/// The way in which a paper came into an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// Above the line.
    Above,
    /// Below it, on a short day.
    NearMiss,
    /// Below it, to learn from the reader's answer.
    Exploring,
}

/// The picks of an issue, section by section, its exploring picks, and the quotas.
struct Choice {
    chosen: Vec<(Ranked, Lane)>,
    exploring: Vec<(Ranked, Lane)>,
    quotas: Vec<Quota>,
}

fn choose(
    candidates: &Candidates,
    above: &[Ranked],
    below: &[Ranked],
    profiles: &[Profile],
    request: &Request<'_>,
) -> Choice {
    let weights: Vec<InterestWeight> = profiles.iter().map(|profile| profile.weight).collect();
    let fill = |room: usize| {
        let mut chooser = Chooser::new(candidates, above, room);
        chooser.share_room(&weights, choose::rotation(request.days));
        chooser.chosen()
    };
    let (mut chosen, mut quotas) = fill(request.max_papers);
    let near_misses = choose::near_misses(candidates, below, &chosen, request);
    // A short day is filled with near misses, and explores nothing.
    let explores = if near_misses.is_empty() {
        choose::explores(request.max_papers)
    } else {
        0
    };
    let mut exploring = choose::explore(candidates, below, &chosen, request, explores);
    // In a full issue exploring picks replace the weakest ones, but never pinned ones.
    let over = (chosen.len() + exploring.len()).saturating_sub(request.max_papers);
    let is_free = chosen
        .iter()
        .filter(|(scored, _)| scored.pin.is_none())
        .count()
        > over;
    if over > 0 && is_free {
        (chosen, quotas) = fill(request.max_papers - exploring.len());
    } else if over > 0 {
        exploring.clear();
    }
    let above = chosen.into_iter().map(|ranked| (ranked, Lane::Above));
    let near_misses = near_misses
        .into_iter()
        .map(|ranked| (ranked, Lane::NearMiss));
    let mut chosen: Vec<(Ranked, Lane)> = above.chain(near_misses).collect();
    chosen.sort_by_cached_key(|((scored, profile), _)| {
        let section = if scored.is_author_pin() {
            0
        } else {
            1 + profile
        };
        (section, choose::order(candidates, scored))
    });
    let quota = |(at, places): (usize, usize)| {
        let Profile { name, weight, .. } = &profiles[at];
        Quota {
            interest: name.clone(),
            weight: *weight,
            places,
        }
    };
    Choice {
        chosen,
        exploring: exploring
            .into_iter()
            .map(|ranked| (ranked, Lane::Exploring))
            .collect(),
        quotas: quotas.into_iter().map(quota).collect(),
    }
}

fn picked(
    candidates: &Candidates,
    profile: &Profile,
    learned: &LearnedScores,
    (scored, _): &Ranked,
    lane: Lane,
) -> Pick {
    let followed = match &scored.pin {
        Some(Pin::Author(names)) => names.clone(),
        _ => Vec::new(),
    };
    let section = if lane == Lane::Exploring {
        Section::Exploring
    } else if scored.is_author_pin() {
        Section::FollowedAuthors
    } else {
        Section::Interest(profile.name.clone())
    };
    let mut reasons = reason::reasons(candidates, profile, learned, scored);
    match lane {
        Lane::Above => {}
        Lane::NearMiss => reasons.insert(0, Reason::NearMiss),
        Lane::Exploring => reasons.insert(0, Reason::Exploring(profile.name.clone())),
    }
    Pick {
        candidate: scored.candidate,
        paper: Arc::clone(candidates.paper(scored.candidate)),
        score: scored.score,
        section,
        interest: Some(profile.name.clone()),
        reasons,
        followed,
    }
}
