//! Dense linear algebra for learning vectors. Sums are taken in a fixed order, whatever the
//! number of threads.

use rayon::prelude::*;

/// A matrix in rows of `width` numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    pub(super) width: usize,
    pub(super) values: Vec<f32>,
}

impl Matrix {
    pub(super) fn zero(height: usize, width: usize) -> Self {
        Matrix {
            width,
            values: vec![0.0; height * width],
        }
    }

    /// A fixed pseudorandom matrix of plus and minus one: as good a start as Gaussian numbers
    /// (Halko and others, section 4.6).
    pub(super) fn signs(height: usize, width: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let values = (0..height * width)
            .map(|_| {
                // xorshift64* (Vigna, 2016).
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                if state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 63 == 0 {
                    1.0
                } else {
                    -1.0
                }
            })
            .collect();
        Matrix { width, values }
    }

    pub(super) fn row(&self, at: usize) -> &[f32] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// The product with a square matrix, row by row.
    pub(super) fn times(&self, square: &Square) -> Matrix {
        let mut product = Matrix::zero(self.values.len() / self.width, self.width);
        product
            .values
            .par_chunks_mut(self.width)
            .zip(self.values.par_chunks(self.width))
            .for_each(|(out, row)| {
                for (&value, line) in row.iter().zip(square.0.chunks_exact(self.width)) {
                    for (out, &other) in out.iter_mut().zip(line) {
                        *out += value * other as f32;
                    }
                }
            });
        product
    }
}

/// A square matrix by rows, in double precision.
pub(super) struct Square(pub(super) Vec<f64>);

/// Scalar products of all pairs of columns.
pub(super) fn gram(matrix: &Matrix) -> Square {
    const CHUNK: usize = 1_024;
    let width = matrix.width;
    let partial: Vec<Vec<f64>> = matrix
        .values
        .par_chunks(CHUNK * width)
        .map(|rows| {
            let mut sums = vec![0.0_f32; width * width];
            for row in rows.chunks_exact(width) {
                for (at, &value) in row.iter().enumerate() {
                    for (sum, &other) in sums[at * width..=at * width + at].iter_mut().zip(row) {
                        *sum += value * other;
                    }
                }
            }
            sums.into_iter().map(f64::from).collect()
        })
        .collect();
    let mut sums = vec![0.0; width * width];
    for part in partial {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    for at in 0..width {
        for other in 0..at {
            sums[other * width + at] = sums[at * width + other];
        }
    }
    Square(sums)
}

/// Makes the columns orthonormal: twice by way of Cholesky's factor (Yamamoto
/// and others, "Roundoff error analysis of the `CholeskyQR2` algorithm", 2015).
pub(super) fn orthonormalise(matrix: &mut Matrix) {
    for _ in 0..2 {
        let width = matrix.width;
        let factor = cholesky(gram(matrix), width);
        matrix.values.par_chunks_mut(width).for_each(|row| {
            for at in 0..width {
                let line = &factor.0[at * width..at * width + at];
                let known: f64 = line
                    .iter()
                    .zip(&*row)
                    .map(|(factor, value)| factor * f64::from(*value))
                    .sum();
                row[at] = ((f64::from(row[at]) - known) / factor.0[at * width + at]) as f32;
            }
        });
    }
}

/// The lower factor. A column that depends on the previous ones, up to rounding, gets an
/// infinite pivot: dividing by it makes the column zero.
fn cholesky(Square(mut values): Square, width: usize) -> Square {
    const ROUNDING: f64 = 1e-6;
    for at in 0..width {
        for column in 0..=at {
            let known: f64 = (0..column)
                .map(|k| values[at * width + k] * values[column * width + k])
                .sum();
            let whole = values[at * width + column];
            let rest = whole - known;
            values[at * width + column] = if at != column {
                rest / values[column * width + column]
            } else if rest <= whole * ROUNDING {
                f64::INFINITY
            } else {
                rest.sqrt()
            };
        }
    }
    Square(values)
}

/// Eigenvectors of a symmetric matrix as columns, largest eigenvalue first, by
/// Jacobi's rotations (Golub, Van Loan, "Matrix Computations", section 8.5).
pub(super) fn eigenvectors(symmetric: &Square) -> Square {
    let width = symmetric.0.len().isqrt();
    let mut a = symmetric.0.clone();
    let mut vectors = vec![0.0; width * width];
    for at in 0..width {
        vectors[at * width + at] = 1.0;
    }
    let total: f64 = a.iter().map(|value| value * value).sum();
    for _sweep in 0..12 {
        let off: f64 = (0..width)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * width + j].powi(2))
            .sum();
        if off <= total * 1e-18 {
            break;
        }
        for p in 0..width {
            for q in p + 1..width {
                rotate(&mut a, &mut vectors, width, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&i, &j| {
        a[j * width + j]
            .total_cmp(&a[i * width + i])
            .then(i.cmp(&j))
    });
    // The rotations keep eigenvectors as rows.
    let mut sorted = vec![0.0; width * width];
    for (column, &from) in order.iter().enumerate() {
        for row in 0..width {
            sorted[row * width + column] = vectors[from * width + row];
        }
    }
    Square(sorted)
}

fn rotate(a: &mut [f64], vectors: &mut [f64], width: usize, p: usize, q: usize) {
    let off = a[p * width + q];
    if off.abs() < 1e-300 {
        return;
    }
    let theta = (a[q * width + q] - a[p * width + p]) / (2.0 * off);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for row in 0..width {
        let (left, right) = (a[row * width + p], a[row * width + q]);
        a[row * width + p] = cosine * left - sine * right;
        a[row * width + q] = sine * left + cosine * right;
    }
    for values in [a, vectors] {
        for column in 0..width {
            let (upper, lower) = (values[p * width + column], values[q * width + column]);
            values[p * width + column] = cosine * upper - sine * lower;
            values[q * width + column] = sine * upper + cosine * lower;
        }
    }
}

/// Scales a vector to unit length; zero stays.
pub(super) fn scale_to_one(vector: &mut [f32]) {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 1e-12 {
        for value in vector {
            *value /= norm;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_orthonormal() {
        let mut matrix = Matrix::signs(300, 12);
        orthonormalise(&mut matrix);
        for (at, value) in gram(&matrix).0.iter().enumerate() {
            let expected = if at % 12 == at / 12 { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "{at}: {value}");
        }
    }

    #[test]
    fn eigenvectors_come_longest_first() {
        // Eigenvalues 3 and 1 along the diagonals.
        let vectors = eigenvectors(&Square(vec![2.0, 1.0, 1.0, 2.0]));
        let half = 0.5_f64.sqrt();
        let expected = [half, half, half, half];
        for (value, expected) in vectors.0.iter().zip(expected) {
            assert!((value.abs() - expected).abs() < 1e-9, "{:?}", vectors.0);
        }
        assert!(vectors.0[0] * vectors.0[2] > 0.0 && vectors.0[1] * vectors.0[3] < 0.0);
    }
}
