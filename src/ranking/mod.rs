//! Ranks: profiles and papers to ordered picks with reasons. Pure.
//!
//! 1. [`Candidates`] prepares the papers of some days once for all subscribers.
//! 2. [`rules`] say what a profile asks for by name and what it rules out;
//!    [`learned`] says how much each paper is what the profile was learned from;
//!    [`score`] makes one score of both.
//! 3. [`pick`] chooses for one subscriber: the best of each interest, in
//!    sections, no paper twice, no two that say the same, and one that is tried;
//!    [`trending`] where there are no interests.
//! 4. [`reason`] says of each pick which signals carried it, and
//!    [`explain`](mod@explain) gives the whole sum.
//!
//! Everything is deterministic, whatever the number of threads: ties go to the
//! paper with more votes, then to the one that was announced first.

pub mod because;
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
use crate::profile::Profile;
use crate::subscriber::InterestWeight;
use choose::{Chooser, Wanted};
use chrono::{DateTime, NaiveDate, Utc};
use learned::Learned;
use rules::Pin;
use score::Scored;
use serde::Serialize;
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
    /// Near the line and unlike the rest: to learn what they say to it.
    Exploring,
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
    /// The interest that gave the score; `None` where votes did.
    pub interest: Option<String>,
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
    /// Papers above the line for which there was no room, near-duplicates of picks among them.
    pub no_room: usize,
    /// Papers below the line that nothing rules out.
    pub below_the_line: usize,
    /// The best score below the line, if anything had one.
    pub best_missed: Option<f32>,
    /// Papers that were looked at.
    pub considered: usize,
    /// The places of each interest with something above the line, in their order;
    /// what is left over went to the best of all.
    pub shares: Vec<Share>,
}

/// The places of one interest in an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The interest.
    pub interest: String,
    /// What it weighs.
    pub weight: InterestWeight,
    /// The places that it was given before the best of all shared the rest.
    pub places: usize,
}

/// Scores below this are no better than nothing.
const SOMETHING: f32 = 0.01;

/// Chooses the papers of one issue.
///
/// Every interest gets its share of the room, by its weight, before the best of all
/// interests share what is left, so that none starves; followed authors come first but
/// may take only half of the room while interests have something to say.
pub fn pick(candidates: &Candidates, profiles: &[Profile], request: &Request<'_>) -> Picks {
    let dense = candidates.dense_scores(&profiles.iter().collect::<Vec<_>>());
    pick_with(candidates, profiles, &dense, request)
}

/// The same with what [`Candidates::dense_scores`] gives for the profiles: it
/// costs least for many subscribers at a time.
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
    let mut best: Vec<Wanted> = Vec::new();
    let learned: Vec<Learned> = profiles
        .iter()
        .zip(dense)
        .map(|(profile, dense)| Learned::of(candidates, profile, dense.as_deref()))
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
    let (mut above, below): (Vec<Wanted>, Vec<Wanted>) = best
        .into_iter()
        .partition(|(scored, _)| scored.pin.is_some() || scored.score >= request.min_score);
    above.sort_by_cached_key(|(scored, _)| choose::order(candidates, scored));
    let best_missed = below
        .iter()
        .map(|(scored, _)| scored.score)
        .filter(|score| *score >= SOMETHING);
    let best_missed = best_missed.max_by(f32::total_cmp);

    let counts = (above.len(), below.len());
    let Choice {
        chosen,
        tried,
        shares,
    } = choose(candidates, &above, &below, profiles, request);
    let picked = |wanted: &Wanted, is_tried| {
        picked(
            candidates,
            &profiles[wanted.1],
            &learned[wanted.1],
            wanted,
            is_tried,
        )
    };
    let mut picks: Vec<Pick> = chosen.iter().map(|wanted| picked(wanted, false)).collect();
    picks.extend(tried.iter().map(|wanted| picked(wanted, true)));
    let (no_room, below_the_line) = (counts.0 - chosen.len(), counts.1 - tried.len());
    Picks {
        picks,
        no_room,
        below_the_line,
        best_missed,
        considered,
        shares,
    }
}

/// What goes into the issue, section by section, what is tried besides, and who was given which places.
struct Choice {
    chosen: Vec<Wanted>,
    tried: Vec<Wanted>,
    shares: Vec<Share>,
}

fn choose(
    candidates: &Candidates,
    above: &[Wanted],
    below: &[Wanted],
    profiles: &[Profile],
    request: &Request<'_>,
) -> Choice {
    let weights: Vec<InterestWeight> = profiles.iter().map(|profile| profile.weight).collect();
    let fill = |room: usize| {
        let mut chooser = Chooser::new(candidates, above, room);
        chooser.share_room(&weights, choose::turn(request.days));
        chooser.chosen()
    };
    let (mut chosen, mut shares) = fill(request.max_papers);
    let mut tried = choose::explore(
        candidates,
        below,
        &chosen,
        request,
        choose::explores(request.max_papers),
    );
    // In a full issue what is tried takes the place of the weakest, but never of what was asked for by name.
    let over = (chosen.len() + tried.len()).saturating_sub(request.max_papers);
    let is_free = chosen
        .iter()
        .filter(|(scored, _)| scored.pin.is_none())
        .count()
        > over;
    if over > 0 && is_free {
        (chosen, shares) = fill(request.max_papers - tried.len());
    } else if over > 0 {
        tried.clear();
    }
    chosen.sort_by(|(a, a_profile), (b, b_profile)| {
        let section = |scored: &Scored, profile: usize| {
            if scored.is_author_pin() {
                0
            } else {
                1 + profile
            }
        };
        let order = |scored: &Scored| choose::order(candidates, scored);
        section(a, *a_profile)
            .cmp(&section(b, *b_profile))
            .then_with(|| order(a).cmp(&order(b)))
    });
    let share = |(at, places): (usize, usize)| {
        let Profile { name, weight, .. } = &profiles[at];
        Share {
            interest: name.clone(),
            weight: *weight,
            places,
        }
    };
    Choice {
        chosen,
        tried,
        shares: shares.into_iter().map(share).collect(),
    }
}

fn picked(
    candidates: &Candidates,
    profile: &Profile,
    learned: &Learned,
    (scored, _): &Wanted,
    is_tried: bool,
) -> Pick {
    let followed = match &scored.pin {
        Some(Pin::Author(names)) => names.clone(),
        _ => Vec::new(),
    };
    let section = if is_tried {
        Section::Exploring
    } else if scored.is_author_pin() {
        Section::FollowedAuthors
    } else {
        Section::Interest(profile.name.clone())
    };
    let mut reason = reason::reason(candidates, profile, learned, scored);
    if is_tried {
        let mut all = vec![because::Because::Beyond(profile.name.clone())];
        all.extend(because::read(&reason));
        reason = because::write(&all);
    }
    Pick {
        candidate: scored.candidate,
        paper: Arc::clone(candidates.paper(scored.candidate)),
        score: scored.score,
        section,
        interest: Some(profile.name.clone()),
        reason,
        followed,
    }
}
