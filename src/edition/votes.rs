//! Votes from our readers' thumbs and clicks. Pure.

use super::clicks::are_peoples;
use crate::pick::Thumb;
use crate::store::{PaperRow, StoredClick, Vote};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, HashSet};

/// Days in which a vote loses half of its weight.
const HALF_LIFE_DAYS: f32 = 7.0;

/// Older votes weigh less than a sixteenth, and are not read.
pub(crate) const REMEMBERED: TimeDelta = TimeDelta::days(28);

/// Weight of a click: it says that a title was good, not that the paper was.
const CLICK: f32 = 0.1;

/// The votes for each paper, as of `now`.
pub(crate) fn votes(
    likes: &[Vote],
    clicks: &[StoredClick],
    now: DateTime<Utc>,
) -> HashMap<PaperRow, f32> {
    let mut votes: HashMap<PaperRow, f32> = HashMap::new();
    for like in likes {
        let worth = match like.thumb {
            Thumb::More | Thumb::Save => 1.0,
            Thumb::Less => 0.0,
        };
        *votes.entry(like.paper).or_default() += worth * left_after(now - like.at);
    }
    let mut counted = HashSet::new();
    for (stored, is_persons) in clicks.iter().zip(are_peoples(clicks)) {
        let click = &stored.click;
        // Several clicks of one reader on a paper count once.
        if is_persons && counted.insert((click.subscriber, click.paper)) {
            *votes.entry(click.paper).or_default() += CLICK * left_after(now - click.at);
        }
    }
    votes
}

fn left_after(age: TimeDelta) -> f32 {
    let days = age.num_seconds().max(0) as f32 / 86_400.0;
    0.5_f32.powf(days / HALF_LIFE_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_decay_within_weeks() {
        let now: DateTime<Utc> = "2026-08-29T07:00:00Z".parse().unwrap();
        let vote = |paper, days| Vote {
            paper: PaperRow(paper),
            thumb: Thumb::More,
            at: now - TimeDelta::days(days),
        };
        let votes = votes(&[vote(1, 0), vote(1, 7), vote(2, 14)], &[], now);
        assert!(
            (votes[&PaperRow(1)] - 1.5).abs() < 1e-6 && (votes[&PaperRow(2)] - 0.25).abs() < 1e-6
        );
    }
}
