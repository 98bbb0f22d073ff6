//! Which of the papers above the line go into an issue, and what is tried besides.

use super::score::Scored;
use super::{Candidates, Days, Request};
use crate::profile::Group;
use crate::profile::features::dot;
use crate::subscriber::InterestWeight;
use crate::text::fold;
use chrono::Datelike as _;

/// A candidate with the position of the profile that gave its best score.
pub(super) type Wanted = (Scored, usize);

/// From this cosine of their words on, two papers are near-duplicates that take
/// room from each other; at 1 a paper has lost [`REPEATED`] of its score.
const ALIKE: f32 = 0.5;
const REPEATED: f32 = 0.5;

/// From here on, and under the same title, two records are of one work: one of them is left out.
const SAME: f32 = 0.95;

/// Papers whose dense vectors are less alike than this are no near-duplicates.
const MEANING_ALIKE: f32 = 0.7;

/// Scores this close are a tie, which votes break.
const TIE: f32 = 0.005;

/// Issues with room for so many papers have room for one that is tried, and for two.
const EXPLORES_FROM: usize = 5;
const EXPLORES_TWICE_FROM: usize = 20;

/// A paper that is tried has at least this share of what the line asks for.
const NEAR_THE_LINE: f32 = 0.5;

/// With fewer papers above the line there is nothing to go beyond.
const CHOSEN_MIN: usize = 3;

/// What best first goes by; ties go to the paper with more votes, then to the one announced first.
pub(super) fn order(candidates: &Candidates, scored: &Scored) -> impl Ord + use<> {
    let step = (scored.score / TIE).round() as u32;
    let votes = candidates.paper(scored.candidate).upvotes.unwrap_or(0);
    // Scores are not negative, so their bits are in their order. One number is put in
    // order in half the time of four.
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

/// Whether two papers are so alike that they take room from each other.
pub(super) fn repeats(candidates: &Candidates, a: usize, b: usize) -> bool {
    likeness(candidates, a, b) >= ALIKE
}

/// Fills an issue.
pub(super) struct Chooser<'a> {
    candidates: &'a Candidates,
    above: &'a [Wanted],
    taken: Vec<bool>,
    /// The candidates that were taken.
    papers: Vec<usize>,
    /// How many of those each was held against: only who may be taken is.
    held: Vec<usize>,
    /// How much each is like the one of those that it is most like.
    repeats: Vec<f32>,
    /// Whether each is a record of one of those works.
    is_same: Vec<bool>,
    left: usize,
    /// The places that each interest was given, by its position.
    shares: Vec<(usize, usize)>,
}

impl<'a> Chooser<'a> {
    /// `above`: the papers above the line, best first.
    pub(super) fn new(candidates: &'a Candidates, above: &'a [Wanted], room: usize) -> Self {
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

    /// Shares the room: followed authors may take half of it while interests have
    /// something to say, then each interest gets its share, then the best get the rest.
    ///
    /// Shares go by `weights`, one for each interest: where one weighs twice as
    /// much as another, it gets twice the places. None is left without a place
    /// while there are as many as interests with something to say.
    ///
    /// Where there is less room than interests, they take turns: `turn` says who
    /// is first, and differs from issue to issue; who weighs more is first more often.
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

    /// Takes the best of those that are `wanted`, each time the one with the best
    /// score less what it repeats (maximal marginal relevance: Carbonell,
    /// Goldstein, "The Use of MMR", 1998).
    fn take(&mut self, most: usize, wanted: impl Fn(&Scored, usize) -> bool) {
        for _ in 0..most.min(self.left) {
            // Of equals the earlier one, which comes first by `order`.
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
                // They come best first: nothing after one that repeats nothing is worth more.
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

    /// What was taken, and the places that interests were given before the best shared the rest.
    pub(super) fn chosen(self) -> (Vec<Wanted>, Vec<(usize, usize)>) {
        let taken = self
            .above
            .iter()
            .zip(self.taken)
            .filter(|(_, taken)| *taken)
            .map(|(wanted, _)| wanted.clone());
        (taken.collect(), self.shares)
    }
}

/// How many of `places` each of these weights is given; what is left over is the best papers'.
fn shares(places: usize, weights: &[InterestWeight]) -> Vec<usize> {
    let all: u64 = weights.iter().map(|weight| weight.hundredths()).sum();
    let fair = |weight: &InterestWeight| places as f64 * weight.hundredths() as f64 / all as f64;
    let mut shares: Vec<usize> = weights
        .iter()
        .map(|weight| (fair(weight).floor() as usize).max(1))
        .collect();
    // Who gets one place though it is more than its part takes it from those who have most above theirs.
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

/// Which of these weights is first in a turn: each as often as it weighs.
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

/// Whose turn it is in an issue about these days: a number without a rhythm, so
/// that nobody's is always the same weekday.
pub(super) fn turn(days: &Days) -> u64 {
    let newest = days
        .keys()
        .next_back()
        .map_or(0, |day| u64::from(day.num_days_from_ce().unsigned_abs()));
    // The multiplier of Knuth's multiplicative hashing, TAOCP volume 3, section 6.4.
    newest.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

/// How many papers may be tried in an issue of so many.
pub(super) fn explores(max_papers: usize) -> usize {
    usize::from(max_papers >= EXPLORES_FROM) + usize::from(max_papers >= EXPLORES_TWICE_FROM)
}

/// Which of the papers below the line are worth a try beside `chosen`: near the
/// line, and unlike what is chosen already, so that its outcome teaches something.
pub(super) fn explore(
    candidates: &Candidates,
    below: &[Wanted],
    chosen: &[Wanted],
    request: &Request<'_>,
    most: usize,
) -> Vec<Wanted> {
    if chosen.len() < CHOSEN_MIN {
        return Vec::new();
    }
    let near = below
        .iter()
        .filter(|(scored, _)| scored.score >= NEAR_THE_LINE * request.min_score);
    let mut open: Vec<(f32, &Wanted)> = near
        .filter(|(scored, _)| scored.score > 0.0)
        .map(|wanted| {
            let alike =
                |other: &Wanted| likeness(candidates, wanted.0.candidate, other.0.candidate);
            let repeats = chosen.iter().map(alike).fold(0.0, f32::max);
            (wanted.0.score * (1.0 - repeats), wanted)
        })
        .collect();
    open.sort_by(|(a, left), (b, right)| {
        b.total_cmp(a)
            .then(left.0.candidate.cmp(&right.0.candidate))
    });
    let mut tried: Vec<Wanted> = Vec::new();
    for (_, wanted) in open {
        let repeats =
            |other: &Wanted| likeness(candidates, wanted.0.candidate, other.0.candidate) >= ALIKE;
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
    fn shares_go_by_weight_and_none_starves() {
        check(10, &[1.0, 1.0], &[5, 5]);
        check(10, &[1.0, 1.0, 1.0], &[3, 3, 3]);
        check(9, &[2.0, 1.0], &[6, 3]);
        check(10, &[2.0, 1.0], &[6, 3]);
        check(10, &[10.0, 0.1], &[9, 1]);
        check(3, &[10.0, 1.0, 1.0], &[1, 1, 1]);
        check(5, &[10.0, 1.0, 1.0], &[3, 1, 1]);
        // Two turns are more than there is room for; who is first takes them.
        check(2, &[2.0, 1.0, 1.0], &[1, 1, 1]);
        check(7, &[1.0], &[7]);
        check(7, &[], &[]);
    }

    #[test]
    fn who_weighs_more_is_first_more_often() {
        let turns = |numbers: &[f64]| -> Vec<usize> {
            (0..6).map(|turn| first(&weights(numbers), turn)).collect()
        };
        assert_eq!(turns(&[1.0, 1.0, 1.0]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(turns(&[0.5, 0.5]), [0, 1, 0, 1, 0, 1]);
        assert_eq!(turns(&[2.0, 1.0]), [0, 0, 1, 0, 0, 1]);
        assert_eq!(turns(&[]), [0; 6]);
    }
}
