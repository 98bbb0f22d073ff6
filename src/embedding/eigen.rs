//! Eigenvectors of symmetric matrices, by Jacobi's rotations (Golub and Van
//! Loan, "Matrix Computations", 4th edition, section 8.5).

/// Sweeps over the matrix; seven or eight are enough for hundreds of rows.
const SWEEPS_MAX: usize = 30;

/// Eigenvalues of the symmetric `size` × `size` matrix with their eigenvectors
/// (of length 1), largest first.
pub(super) fn symmetric(mut matrix: Vec<f64>, size: usize) -> Vec<(f64, Vec<f64>)> {
    assert_eq!(
        matrix.len(),
        size * size,
        "a square matrix has as many rows as columns"
    );
    // Row k is what becomes eigenvector k.
    let mut vectors: Vec<f64> = (0..size * size)
        .map(|at| f64::from(u8::from(at / size == at % size)))
        .collect();
    let whole: f64 = matrix.iter().map(|number| number * number).sum();
    for _ in 0..SWEEPS_MAX {
        let beside = |matrix: &[f64]| -> f64 {
            (0..size)
                .flat_map(|row| (0..row).map(move |column| row * size + column))
                .map(|at| matrix[at].powi(2))
                .sum()
        };
        if beside(&matrix) <= whole * 1e-22 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut vectors, size, p, q);
            }
        }
    }
    let mut found: Vec<(f64, Vec<f64>)> = (0..size)
        .map(|at| {
            (
                matrix[at * size + at],
                vectors[at * size..][..size].to_vec(),
            )
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
}

/// Rotates rows and columns `p` and `q` so that the element (p, q) becomes 0.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], size: usize, p: usize, q: usize) {
    let (pp, qq, pq) = (
        matrix[p * size + p],
        matrix[q * size + q],
        matrix[p * size + q],
    );
    if pq.abs() <= f64::EPSILON * (pp.abs() * qq.abs()).sqrt() * 1e-3 {
        return;
    }
    let tau = (qq - pp) / (2.0 * pq);
    let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cos = 1.0 / tangent.hypot(1.0);
    let sin = tangent * cos;
    for row in matrix.chunks_exact_mut(size) {
        (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
    }
    for rows in [matrix, vectors] {
        let (above, below) = rows.split_at_mut(q * size);
        for (one, other) in above[p * size..][..size].iter_mut().zip(&mut below[..size]) {
            (*one, *other) = (cos * *one - sin * *other, sin * *one + cos * *other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_the_sum_of_its_parts() {
        let size = 12;
        let mut matrix = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..size {
                matrix[row * size + column] = ((row * column + row + column) % 7) as f64 - 3.0;
            }
        }
        let parts = symmetric(matrix.clone(), size);
        assert!(parts.windows(2).all(|pair| pair[0].0 >= pair[1].0));
        for row in 0..size {
            for column in 0..size {
                let sum: f64 = parts
                    .iter()
                    .map(|(value, vector)| value * vector[row] * vector[column])
                    .sum();
                assert!((sum - matrix[row * size + column]).abs() < 1e-9);
            }
        }
    }
}
