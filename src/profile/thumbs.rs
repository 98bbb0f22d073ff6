//! Weights of thumbs and clicks, by their age.

use crate::pick::Thumb;
use chrono::TimeDelta;

/// Weight of a thumb at this age, as the weight of an [`Example`](super::Example). A
/// paper that an interest names weighs 1 and does not age.
///
/// Few people ever say what they do not want, so it counts for more: Scholar Inbox and
/// arxiv-sanity-x weigh it five times, against thousands of random papers that are not
/// wanted either. What was saved stays of use longest.
pub fn thumb_weight(age: TimeDelta, thumb: Thumb) -> f32 {
    match thumb {
        Thumb::More => decayed(1.0, 120.0, age),
        Thumb::Less => decayed(2.0, 120.0, age),
        Thumb::Save => decayed(1.0, 180.0, age),
    }
}

/// Weight of an opened paper at this age: a click says that a title was well chosen.
pub fn click_weight(age: TimeDelta) -> f32 {
    decayed(0.15, 60.0, age)
}

fn decayed(fresh: f32, half_life_days: f32, age: TimeDelta) -> f32 {
    // After a clock was put back nothing counts for more than on its first day.
    let days = age.num_minutes().max(0) as f32 / (24.0 * 60.0);
    fresh * (-days / half_life_days).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbs_decay_and_differ_in_weight() {
        let weight = |days, thumb| thumb_weight(TimeDelta::days(days), thumb);
        assert!((weight(120, Thumb::More) - 0.5).abs() < 1e-6);
        assert!((weight(180, Thumb::Save) - 0.5).abs() < 1e-6);
        assert!(weight(0, Thumb::Less) > weight(0, Thumb::More));
        assert!(6.0 * click_weight(TimeDelta::zero()) < weight(0, Thumb::Save));
        assert!(weight(10_000, Thumb::More) < 1e-6 && weight(-5, Thumb::More) <= 1.0);
    }
}
