//! How much what somebody did with a paper says of them.

use chrono::TimeDelta;

/// What somebody did with a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thumb {
    /// Asked for more like it.
    More,
    /// Kept it.
    Save,
    /// Asked for less like it.
    Less,
    /// Opened it.
    Click,
}

impl Thumb {
    /// Whether it speaks against papers like it: then it belongs to the disliked.
    pub fn is_against(self) -> bool {
        self == Thumb::Less
    }

    /// Its weight on the day, where a paper that an interest names weighs 1. Few
    /// people ever say what they do not want, so it counts for more (Scholar
    /// Inbox and arxiv-sanity-x weigh it five times, against thousands of random
    /// papers that are not wanted either; research/recommenders.md sections 3.2
    /// and 3.6). A click says that a title was well chosen.
    fn fresh(self) -> f32 {
        match self {
            Thumb::More | Thumb::Save => 1.0,
            Thumb::Less => 2.0,
            Thumb::Click => 0.15,
        }
    }

    /// In so many days it comes to count half as much: what was kept stays of use
    /// longest, a click is forgotten soonest.
    fn half_life_days(self) -> f32 {
        match self {
            Thumb::More | Thumb::Less => 120.0,
            Thumb::Save => 180.0,
            Thumb::Click => 60.0,
        }
    }
}

/// How much a thumb counts at this age, as the weight of an
/// [`Example`](super::Example). What an interest itself names does not age.
pub fn thumb_weight(age: TimeDelta, kind: Thumb) -> f32 {
    // A clock that was put back makes nothing count for more than it did.
    let days = age.num_minutes().max(0) as f32 / (24.0 * 60.0);
    kind.fresh() * (-days / kind.half_life_days()).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbs_fade_and_say_different_things() {
        let weight = |days, kind| thumb_weight(TimeDelta::days(days), kind);
        assert!((weight(120, Thumb::More) - 0.5).abs() < 1e-6);
        assert!((weight(180, Thumb::Save) - 0.5).abs() < 1e-6);
        assert!(weight(0, Thumb::Less) > weight(0, Thumb::More));
        assert!(6.0 * weight(0, Thumb::Click) < weight(0, Thumb::Save));
        assert!(weight(10_000, Thumb::More) < 1e-6 && weight(-5, Thumb::More) <= 1.0);
        assert!(Thumb::Less.is_against() && !Thumb::Click.is_against());
    }
}
