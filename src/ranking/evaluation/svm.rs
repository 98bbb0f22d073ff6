//! A linear support vector machine with squared hinge loss, by dual coordinate
//! descent (Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate Descent
//! Method for Large-scale Linear SVM", ICML 2008, algorithm 1), which is what
//! scikit-learn's `LinearSVC` runs.

use std::collections::HashSet;

/// A sparse row: column and value, by column.
pub(super) type Row = Vec<(u32, f32)>;

/// arxiv-sanity-lite: `LinearSVC(class_weight='balanced', C=0.01, tol=1e-6, max_iter=10000)`.
const C: f64 = 0.01;
const TOLERANCE: f64 = 1e-6;
const ROUNDS_MAX: usize = 10_000;

/// Learned weights; the last one is the intercept.
pub(super) struct Weights(Vec<f64>);

/// Trains with the rows at `positives` against all other rows.
pub(super) fn train(rows: &[Row], positives: &HashSet<usize>) -> Weights {
    let columns = rows
        .iter()
        .flatten()
        .map(|(column, _)| *column as usize + 1)
        .max()
        .unwrap_or(0);
    let mut weights = vec![0.0; columns + 1];
    if positives.is_empty() || positives.len() == rows.len() {
        return Weights(weights);
    }
    // 'balanced' gives each class the same total weight.
    let half = rows.len() as f64 / 2.0;
    let (c_positive, c_negative) = (
        C * half / positives.len() as f64,
        C * half / (rows.len() - positives.len()) as f64,
    );
    let mut alphas = vec![0.0; rows.len()];
    let squares: Vec<f64> = rows
        .iter()
        .map(|row| {
            1.0 + row
                .iter()
                .map(|(_, value)| f64::from(value * value))
                .sum::<f64>()
        })
        .collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..ROUNDS_MAX {
        // A new order every round, the same in every run.
        for at in (1..order.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.swap(at, (state >> 33) as usize % (at + 1));
        }
        let mut worst: f64 = 0.0;
        for &at in &order {
            let is_positive = positives.contains(&at);
            let (sign, c) = if is_positive {
                (1.0, c_positive)
            } else {
                (-1.0, c_negative)
            };
            let diagonal = 0.5 / c;
            let gradient = sign * decide_exactly(&weights, &rows[at]) - 1.0 + diagonal * alphas[at];
            let projected = if alphas[at] == 0.0 {
                gradient.min(0.0)
            } else {
                gradient
            };
            worst = worst.max(projected.abs());
            if projected.abs() > 1e-12 {
                let before = alphas[at];
                alphas[at] = (before - gradient / (squares[at] + diagonal)).max(0.0);
                let change = (alphas[at] - before) * sign;
                for &(column, value) in &rows[at] {
                    weights[column as usize] += change * f64::from(value);
                }
                weights[columns] += change;
            }
        }
        if worst < TOLERANCE {
            break;
        }
    }
    Weights(weights)
}

/// The signed distance of a row from the border.
pub(super) fn decide(weights: &Weights, row: &Row) -> f32 {
    decide_exactly(&weights.0, row) as f32
}

fn decide_exactly(weights: &[f64], row: &Row) -> f64 {
    let intercept = weights.last().copied().unwrap_or(0.0);
    intercept
        + row
            .iter()
            .map(|(column, value)| weights[*column as usize] * f64::from(*value))
            .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separable_classes_are_separated() {
        let rows = vec![
            vec![(0, 1.0)],
            vec![(0, 0.9), (1, 0.1)],
            vec![(1, 1.0)],
            vec![(1, 0.8), (2, 0.6)],
        ];
        let weights = train(&rows, &HashSet::from([0, 1]));
        let decided: Vec<bool> = rows.iter().map(|row| decide(&weights, row) > 0.0).collect();
        assert_eq!(decided, [true, true, false, false]);
    }

    #[test]
    fn a_single_class_gives_zeros() {
        let rows = vec![vec![(0, 1.0)], vec![(1, 1.0)]];
        assert!(decide(&train(&rows, &HashSet::new()), &rows[0]).abs() < f32::EPSILON);
    }
}
