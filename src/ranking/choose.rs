//! Selection: the papers above the line that fit an issue, near misses, and exploring picks.

use super::score::Scored;
use super::{Candidates, Days, Request};
use crate::profile::Group;
use crate::profile::features::dot;
use crate::subscriber::InterestWeight;
use crate::text::fold;
use chrono::Datelike as _;

/// A candidate with the position of the profile that gave its best score.
pub(super) type Ranked = (Scored, usize);

/// Cosine of their words from which two papers are near-duplicates that take room from
/// each other; at 1 a paper loses [`REPEATED`] of its score.
const ALIKE: f32 = 0.5;
const REPEATED: f32 = 0.5;

/// Cosine from which two records with the same title are one work: one is left out.
const SAME: f32 = 0.95;

/// Papers whose dense cosine is less than this are no near-duplicates.
const MEANING_ALIKE: f32 = 0.7;

/// Scores this close are a tie, which votes break.
const TIE: f32 = 0.005;

/// Room of issues with one exploring pick, and with two.
const EXPLORES_FROM: usize = 5;
const EXPLORES_TWICE_FROM: usize = 20;

/// Least score of an exploring pick, as a share of the line.
const NEAR_THE_LINE: f32 = 0.5;

/// Scores below this are noise: there is no evidence for the paper.
pub(super) const EVIDENCE_MIN: f32 = 0.01;

/// With fewer papers above the line there is nothing to explore beyond.
const CHOSEN_MIN: usize = 3;

/// The sort key, best first; ties go to more votes, then to the earlier announcement.
pub(super) fn order(candidates: &Candidates, scored: &Scored) -> impl Ord + use<> {
    let step = (scored.score / TIE).round() as u32;
    let votes = candidates.paper(scored.candidate).upvotes.unwrap_or(0);
    // Scores are not negative, so their bits sort as they do. One number sorts in half the
    // time of four.
    let parts = [
        !step,
        !votes,
        !scored.score.to_bits(),
        scored.candidate as u32,
    ];
    parts
        .into_iter()
        .fold(0_u128, |all, part| all << 32 | u128::from(part))
}

/// The cosine of the words of two candidates, or 0 if they are plainly different.
pub(super) fn likeness(candidates: &Candidates, a: usize, b: usize) -> f32 {
    // The dense product costs a hundredth of the sparse one.
    if let (Some(left), Some(right)) = (candidates.dense(a), candidates.dense(b))
        && crate::profile::dense::dot(left, right) < MEANING_ALIKE
    {
        return 0.0;
    }
    dot(
        candidates.features(a).group(Group::Text),
        candidates.features(b).group(Group::Text),
    )
}

/// Whether two papers are two records of one work.
pub(super) fn is_same(candidates: &Candidates, a: usize, b: usize) -> bool {
    is_same_if_alike(candidates, a, b, likeness(candidates, a, b))
}

fn is_same_if_alike(candidates: &Candidates, a: usize, b: usize, alike: f32) -> bool {
    alike >= SAME && fold(&candidates.paper(a).title) == fold(&candidates.paper(b).title)
}

/// Whether two papers are near-duplicates.
pub(super) fn repeats(candidates: &Candidates, a: usize, b: usize) -> bool {
    likeness(candidates, a, b) >= ALIKE
}

/// Fills an issue.
pub(super) struct Chooser<'a> {
    candidates: &'a Candidates,
    above: &'a [Ranked],
    taken: Vec<bool>,
    /// The candidates that were taken.
    papers: Vec<usize>,
    /// How many of those each was compared with: only contenders are.
    held: Vec<usize>,
    /// The highest similarity of each to one of those.
    repeats: Vec<f32>,
    /// Whether each is a record of one of those works.
    is_same: Vec<bool>,
    left: usize,
    /// The places reserved for each interest, by its position.
    shares: Vec<(usize, usize)>,
}

impl<'a> Chooser<'a> {
    /// A chooser for the papers `above` the line, best first.
    pub(super) fn new(candidates: &'a Candidates, above: &'a [Ranked], room: usize) -> Self {
        let count = above.len();
        Chooser {
            candidates,
            above,
            taken: vec![false; count],
            papers: Vec::new(),
            held: vec![0; count],
            repeats: vec![0.0; count],
            is_same: vec![false; count],
            left: room,
            shares: Vec::new(),
        }
    }

    /// Shares the room: followed authors may take half of it while interests have papers,
    /// then each interest takes its quota, then the best papers take the rest.
    ///
    /// Quotas follow `weights`, one for each interest: twice the weight, twice the places.
    /// Each interest with papers gets a place while there are as many as such interests.
    ///
    /// With less room than interests, they take turns: `turn` selects the first one and
    /// differs from issue to issue; a heavier interest is first more often.
    pub(super) fn share_room(&mut self, weights: &[InterestWeight], turn: u64) {
        let room = self.left;
        let has_others = self.above.iter().any(|(scored, _)| !scored.is_author_pin());
        let for_authors = if has_others { room.div_ceil(2) } else { room };
        self.take(for_authors, |scored, _| scored.is_author_pin());
        let says = |at: &usize| self.above.iter().any(|(_, of)| of == at);
        let speaking: Vec<usize> = (0..weights.len()).filter(says).collect();
        let own: Vec<InterestWeight> = speaking.iter().map(|at| weights[*at]).collect();
        self.shares = speaking.into_iter().zip(shares(self.left, &own)).collect();
        let in_turn = self.shares.clone();
        for &(interest, share) in in_turn
            .iter()
            .cycle()
            .skip(first(&own, turn))
            .take(in_turn.len())
        {
            self.take(share, |scored, profile| {
                profile == interest && !scored.is_author_pin()
            });
        }
        self.take(room, |_, _| true);
    }

    /// Takes the best of those that are `wanted`: each time the one with the highest score
    /// less its repetition of those taken (maximal marginal relevance: Carbonell, Goldstein,
    /// "The Use of MMR", 1998).
    fn take(&mut self, most: usize, wanted: impl Fn(&Scored, usize) -> bool) {
        for _ in 0..most.min(self.left) {
            // Of equal ones the earlier, which is first by `order`.
            let mut best: Option<(usize, f32)> = None;
            for at in 0..self.above.len() {
                if self.taken[at] || !wanted(&self.above[at].0, self.above[at].1) {
                    continue;
                }
                self.hold_against_taken(at);
                if self.is_same[at] {
                    continue;
                }
                let repeated = ((self.repeats[at] - ALIKE) / (1.0 - ALIKE)).max(0.0);
                let worth = self.above[at].0.score - REPEATED * repeated;
                if best.is_none_or(|(_, most)| worth > most) {
                    best = Some((at, worth));
                }
                // Sorted best first: no paper after one without repetition is worth more.
                if repeated <= 0.0 {
                    break;
                }
            }
            let Some((at, _)) = best else { return };
            self.taken[at] = true;
            self.left -= 1;
            self.papers.push(self.above[at].0.candidate);
        }
    }

    fn hold_against_taken(&mut self, at: usize) {
        let other = self.above[at].0.candidate;
        for &paper in &self.papers[self.held[at]..] {
            let alike = likeness(self.candidates, paper, other);
            self.is_same[at] |= is_same_if_alike(self.candidates, paper, other, alike);
            self.repeats[at] = self.repeats[at].max(alike);
        }
        self.held[at] = self.papers.len();
    }

    /// The papers taken, and the quotas reserved before the best took the rest.
    pub(super) fn chosen(self) -> (Vec<Ranked>, Vec<(usize, usize)>) {
        let taken = self
            .above
            .iter()
            .zip(self.taken)
            .filter(|(_, taken)| *taken)
            .map(|(wanted, _)| wanted.clone());
        (taken.collect(), self.shares)
    }
}

/// The quota of each of these weights in `places`; the best papers take what is left over.
fn shares(places: usize, weights: &[InterestWeight]) -> Vec<usize> {
    let all: u64 = weights.iter().map(|weight| weight.hundredths()).sum();
    let fair = |weight: &InterestWeight| places as f64 * weight.hundredths() as f64 / all as f64;
    let mut shares: Vec<usize> = weights
        .iter()
        .map(|weight| (fair(weight).floor() as usize).max(1))
        .collect();
    // An interest that is rounded up to one place takes it from the one furthest above its share.
    while places >= weights.len() && shares.iter().sum::<usize>() > places {
        let over = |at: &usize| shares[*at] as f64 - fair(&weights[*at]);
        let able = (0..shares.len()).filter(|at| shares[*at] > 1);
        let Some(at) = able.max_by(|a, b| over(a).total_cmp(&over(b)).then(b.cmp(a))) else {
            break;
        };
        shares[at] -= 1;
    }
    shares
}

/// The first of these weights in a turn: each as often as it weighs.
fn first(weights: &[InterestWeight], turn: u64) -> usize {
    let unit = weights
        .iter()
        .map(|weight| weight.hundredths())
        .fold(0, greatest_common_divisor);
    let all: u64 = weights
        .iter()
        .map(|weight| weight.hundredths() / unit)
        .sum();
    let mut left = turn.checked_rem(all).unwrap_or(0);
    for (at, weight) in weights.iter().enumerate() {
        let own = weight.hundredths() / unit;
        if left < own {
            return at;
        }
        left -= own;
    }
    0
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// The turn of an issue about these days: a pseudo-random number, so that no interest is
/// always first on the same weekday.
pub(super) fn rotation(days: &Days) -> u64 {
    let newest = days
        .keys()
        .next_back()
        .map_or(0, |day| u64::from(day.num_days_from_ce().unsigned_abs()));
    // The multiplier of Knuth's multiplicative hashing, TAOCP volume 3, section 6.4.
    newest.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

/// Most exploring picks in an issue with this room.
pub(super) fn explores(max_papers: usize) -> usize {
    usize::from(max_papers >= EXPLORES_FROM) + usize::from(max_papers >= EXPLORES_TWICE_FROM)
}

/// The papers nearest below the line that fill a short issue up to
/// [`Request::min_papers`]: only those with evidence, and no second record of a work.
pub(super) fn near_misses(
    candidates: &Candidates,
    below: &[Ranked],
    chosen: &[Ranked],
    request: &Request<'_>,
) -> Vec<Ranked> {
    let room = request
        .min_papers
        .min(request.max_papers)
        .saturating_sub(chosen.len());
    if room == 0 {
        return Vec::new();
    }
    let mut near: Vec<&Ranked> = below
        .iter()
        .filter(|(scored, _)| scored.score >= EVIDENCE_MIN)
        .collect();
    near.sort_by_cached_key(|(scored, _)| order(candidates, scored));
    let mut near_misses: Vec<Ranked> = Vec::new();
    for ranked in near {
        let is_known = |other: &Ranked| is_same(candidates, ranked.0.candidate, other.0.candidate);
        if near_misses.len() < room && !near_misses.iter().chain(chosen).any(is_known) {
            near_misses.push(ranked.clone());
        }
    }
    near_misses
}

/// The exploring picks: papers below the line, near it and unlike the `chosen` ones, so
/// that the reader's answer is informative.
pub(super) fn explore(
    candidates: &Candidates,
    below: &[Ranked],
    chosen: &[Ranked],
    request: &Request<'_>,
    most: usize,
) -> Vec<Ranked> {
    if chosen.len() < CHOSEN_MIN {
        return Vec::new();
    }
    let near = below
        .iter()
        .filter(|(scored, _)| scored.score >= NEAR_THE_LINE * request.min_score);
    let mut open: Vec<(f32, &Ranked)> = near
        .filter(|(scored, _)| scored.score > 0.0)
        .map(|wanted| {
            let alike =
                |other: &Ranked| likeness(candidates, wanted.0.candidate, other.0.candidate);
            let repeats = chosen.iter().map(alike).fold(0.0, f32::max);
            (wanted.0.score * (1.0 - repeats), wanted)
        })
        .collect();
    open.sort_by(|(a, left), (b, right)| {
        b.total_cmp(a)
            .then(left.0.candidate.cmp(&right.0.candidate))
    });
    let mut tried: Vec<Ranked> = Vec::new();
    for (_, wanted) in open {
        let repeats =
            |other: &Ranked| likeness(candidates, wanted.0.candidate, other.0.candidate) >= ALIKE;
        if tried.len() < most && !tried.iter().chain(chosen).any(repeats) {
            tried.push(wanted.clone());
        }
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(numbers: &[f64]) -> Vec<InterestWeight> {
        numbers
            .iter()
            .map(|number| InterestWeight::new(*number).unwrap())
            .collect()
    }

    #[track_caller]
    fn check(places: usize, numbers: &[f64], expected: &[usize]) {
        assert_eq!(
            shares(places, &weights(numbers)),
            expected,
            "{places} for {numbers:?}"
        );
    }

    #[test]
    fn quotas_follow_weights_and_none_is_zero() {
        check(10, &[1.0, 1.0], &[5, 5]);
        check(10, &[1.0, 1.0, 1.0], &[3, 3, 3]);
        check(9, &[2.0, 1.0], &[6, 3]);
        check(10, &[2.0, 1.0], &[6, 3]);
        check(10, &[10.0, 0.1], &[9, 1]);
        check(3, &[10.0, 1.0, 1.0], &[1, 1, 1]);
        check(5, &[10.0, 1.0, 1.0], &[3, 1, 1]);
        // The quotas are more than the room; the first in turn takes it.
        check(2, &[2.0, 1.0, 1.0], &[1, 1, 1]);
        check(7, &[1.0], &[7]);
        check(7, &[], &[]);
    }

    #[test]
    fn a_heavier_interest_is_first_more_often() {
        let turns = |numbers: &[f64]| -> Vec<usize> {
            (0..6).map(|turn| first(&weights(numbers), turn)).collect()
        };
        assert_eq!(turns(&[1.0, 1.0, 1.0]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(turns(&[0.5, 0.5]), [0, 1, 0, 1, 0, 1]);
        assert_eq!(turns(&[2.0, 1.0]), [0, 0, 1, 0, 0, 1]);
        assert_eq!(turns(&[]), [0; 6]);
    }
}
