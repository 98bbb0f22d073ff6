//! Weights of interests.

use serde::{Serialize, Serializer};
use std::fmt;
use utoipa::ToSchema;

/// The share of the issue that an interest gets, relative to the others: one of 2 gets twice
/// the places of one of 1, the default. From 0.1 to 10, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(as = Weight, value_type = f64, minimum = 0.1, maximum = 10, example = 1)]
pub struct InterestWeight(u16);

impl InterestWeight {
    /// The default.
    pub const USUAL: InterestWeight = InterestWeight(100);

    /// Least and greatest weight.
    pub const RANGE: std::ops::RangeInclusive<f64> = 0.1..=10.0;

    /// Returns the weight of a number in [`InterestWeight::RANGE`], to the nearest hundredth.
    pub fn new(number: f64) -> Option<Self> {
        Self::RANGE
            .contains(&number)
            .then(|| InterestWeight((number * 100.0).round() as u16))
    }

    /// Returns the weight as a number.
    pub fn number(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Returns the weight in hundredths.
    pub fn hundredths(self) -> u64 {
        u64::from(self.0)
    }
}

impl Default for InterestWeight {
    fn default() -> Self {
        InterestWeight::USUAL
    }
}

/// `1`, `2.5`.
impl fmt::Display for InterestWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl Serialize for InterestWeight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Written as people do: 1, not 1.0.
        if self.0.is_multiple_of(100) {
            serializer.serialize_u16(self.0 / 100)
        } else {
            serializer.serialize_f64(self.number())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_written_as_people_write_them() {
        for (number, text) in [
            (1.0, "1"),
            (2.0, "2"),
            (0.5, "0.5"),
            (0.333, "0.33"),
            (10.0, "10"),
            (0.1, "0.1"),
        ] {
            let weight = InterestWeight::new(number).unwrap();
            assert_eq!(
                (weight.to_string(), serde_json::to_string(&weight).unwrap()),
                (text.to_owned(), text.to_owned())
            );
        }
        for number in [0.0, -1.0, 10.01, f64::NAN, f64::INFINITY] {
            assert_eq!(InterestWeight::new(number), None, "{number}");
        }
    }
}
