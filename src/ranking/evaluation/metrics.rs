//! Measures of a ranking.

/// The agreement of a ranking with the known choices. `None` where it is undefined:
/// nothing was chosen, or for the AUC everything.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// Normalised discounted cumulative gain of the first ten, gain 2^grade − 1
    /// (Burges and others, "Learning to Rank using Gradient Descent", 2005).
    pub ndcg10: Option<f64>,
    /// The probability that a chosen paper is before one that was not; ties count half.
    pub auc: Option<f64>,
    /// One over the rank of the first chosen paper.
    pub mrr: Option<f64>,
    /// The share of the chosen papers among the first twenty.
    pub recall20: Option<f64>,
}

impl Metrics {
    /// The measures by name.
    pub fn named(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("ndcg10", self.ndcg10),
            ("auc", self.auc),
            ("mrr", self.mrr),
            ("recall20", self.recall20),
        ]
    }

    /// Means over the defined values.
    pub fn mean(all: &[Metrics]) -> Metrics {
        let mean = |which: fn(&Metrics) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(which).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Metrics {
            ndcg10: mean(|metrics| metrics.ndcg10),
            auc: mean(|metrics| metrics.auc),
            mrr: mean(|metrics| metrics.mrr),
            recall20: mean(|metrics| metrics.recall20),
        }
    }
}

/// Measures one ranking, given as score and grade of each candidate. Of equal scores the
/// earlier candidate is first, as in an issue.
pub fn measure(graded: &[(f32, f64)]) -> Metrics {
    let mut order: Vec<&(f32, f64)> = graded.iter().collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let chosen = order.iter().filter(|(_, grade)| *grade > 0.0).count();
    if chosen == 0 {
        return Metrics::default();
    }
    let gain = |grades: &mut dyn Iterator<Item = f64>| -> f64 {
        grades
            .take(10)
            .enumerate()
            .map(|(at, grade)| (2_f64.powf(grade) - 1.0) / (at as f64 + 2.0).log2())
            .sum()
    };
    let reached = gain(&mut order.iter().map(|(_, grade)| *grade));
    let mut grades: Vec<f64> = graded.iter().map(|(_, grade)| *grade).collect();
    grades.sort_by(|a, b| b.total_cmp(a));
    let best = gain(&mut grades.into_iter());
    let first = order.iter().position(|(_, grade)| *grade > 0.0);
    let early = order
        .iter()
        .take(20)
        .filter(|(_, grade)| *grade > 0.0)
        .count();
    Metrics {
        ndcg10: Some(reached / best),
        auc: auc(&order, chosen),
        mrr: first.map(|at| 1.0 / (at as f64 + 1.0)),
        recall20: Some(early as f64 / chosen as f64),
    }
}

/// From the sum of ranks (Mann and Whitney, 1947); equal scores share their mean rank.
fn auc(order: &[&(f32, f64)], chosen: usize) -> Option<f64> {
    let others = order.len() - chosen;
    if others == 0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut rank = order.len() as f64;
    for tied in order.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let mean_rank = rank - (tied.len() as f64 - 1.0) / 2.0;
        rank_sum += mean_rank * tied.iter().filter(|(_, grade)| *grade > 0.0).count() as f64;
        rank -= tied.len() as f64;
    }
    let (chosen, others) = (chosen as f64, others as f64);
    Some((rank_sum - chosen * (chosen + 1.0) / 2.0) / (chosen * others))
}

/// The 95 % interval of a mean, by drawing people with replacement (Efron and
/// Tibshirani, "An Introduction to the Bootstrap", chapter 13). The draws are the same
/// every time.
pub fn interval(values: &[f64]) -> Option<(f64, f64)> {
    const DRAWS: usize = 1_000;
    if values.is_empty() {
        return None;
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64* (Vigna, 2016).
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    };
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let sum: f64 = values
                .iter()
                .map(|_| values[next() as usize % values.len()])
                .sum();
            sum / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some((means[DRAWS / 40], means[DRAWS - 1 - DRAWS / 40]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn a_perfect_order_has_ones() {
        let metrics = measure(&[(3.0, 2.0), (2.0, 1.0), (1.0, 0.0), (0.0, 0.0)]);
        assert!(
            metrics.named().iter().all(|(_, value)| near(*value, 1.0)),
            "{metrics:?}"
        );
    }

    #[test]
    fn measures_are_those_of_the_text_books() {
        // Grades in order: 0, 3, 0, 1.
        let metrics = measure(&[(4.0, 0.0), (3.0, 3.0), (2.0, 0.0), (1.0, 1.0)]);
        let ideal = 7.0 + 1.0 / 3_f64.log2();
        assert!(near(
            metrics.ndcg10,
            (7.0 / 3_f64.log2() + 1.0 / 5_f64.log2()) / ideal
        ));
        assert!(
            near(metrics.auc, 0.25) && near(metrics.mrr, 0.5) && near(metrics.recall20, 1.0),
            "{metrics:?}"
        );
    }

    #[test]
    fn ties_count_half_and_nothing_is_undefined_silently() {
        assert!(near(measure(&[(1.0, 1.0), (1.0, 0.0)]).auc, 0.5));
        assert_eq!(measure(&[(1.0, 1.0)]).auc, None);
        assert_eq!(measure(&[(1.0, 0.0)]), Metrics::default());
        assert_eq!(measure(&[]), Metrics::default());
    }

    #[test]
    fn intervals_hold_the_mean_and_are_the_same_again() {
        let values: Vec<f64> = (0..50).map(|at| f64::from(at) / 50.0).collect();
        let (low, high) = interval(&values).unwrap();
        assert!(
            low < 0.49 && 0.49 < high && high - low < 0.3,
            "{low} {high}"
        );
        assert_eq!(interval(&values), Some((low, high)));
        assert_eq!(interval(&[]), None);
    }
}
