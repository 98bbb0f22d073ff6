//! Dense vectors learned from the operator's own archive: nothing to install.
//!
//! A truncated singular value decomposition of the archive's TF-IDF matrix
//! (latent semantic analysis: Deerwester and others, 1990) by subspace
//! iteration from a fixed start (Halko, Martinsson, Tropp, "Finding structure
//! with randomness", 2011, algorithm 4.4). Words of the same papers get similar vectors, so
//! that a paper with other words on the same subject is found.
//!
//! The same papers give the same vectors, whatever the number of threads: every
//! sum is taken in one order.

use super::Embedder;
use super::matrix::{self, Matrix};
use crate::paper::Paper;
use crate::profile::{Group, TermCounter, TermCounts};
use rayon::prelude::*;
use std::collections::HashMap;

/// Dimensions of a vector.
const DIMENSIONS: usize = 128;

/// Additional directions (oversampling), so that the last kept ones are accurate.
const SPARE: usize = 16;

/// Subspace iterations.
const ITERATIONS: usize = 3;

/// The most terms with a vector, the commonest ones: 4 MB.
const TERMS_MAX: usize = 32_000;

/// Least document frequency of a term with a vector.
const PAPERS_MIN: u32 = 3;

/// Largest document frequency, as a share of the papers, of a term with a vector.
const SHARE_MAX: f32 = 0.2;

/// The fewest papers to learn from.
pub const LEARN_MIN: usize = 50;

/// The most papers to learn from; more cost time and change little.
pub const LEARN_MAX: usize = 20_000;

/// First byte of the stored form.
const FORMAT: u8 = 1;

/// The embedder. Vectors of terms are kept as bytes with a scale for each term.
pub struct SvdEmbedder {
    name: String,
    dimensions: usize,
    /// The terms, sorted by hash.
    terms: Vec<u32>,
    /// Inverse document frequencies in the papers that were learned from.
    rarity: Vec<f32>,
    scales: Vec<f32>,
    /// A row of `dimensions` for each term.
    bytes: Vec<i8>,
}

impl std::fmt::Debug for SvdEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SvdEmbedder({}, {} terms)", self.name, self.terms.len())
    }
}

impl SvdEmbedder {
    /// Learns from counted papers; `None` if there are too few.
    pub fn learn(papers: &[TermCounts]) -> Option<Self> {
        if papers.len() < LEARN_MIN {
            return None;
        }
        let (terms, rarity) = vocabulary(papers);
        let dimensions = DIMENSIONS.min(papers.len() / 4).min(terms.len() / 4);
        if dimensions < 2 {
            return None;
        }
        let rows: Vec<SparseRow> = papers
            .par_iter()
            .map(|paper| row(paper, &terms, &rarity))
            .collect();
        let directions = principal_directions(&rows, terms.len(), dimensions);
        Some(Self::pack(dimensions, terms, rarity, &directions))
    }

    fn pack(dimensions: usize, terms: Vec<u32>, rarity: Vec<f32>, directions: &Matrix) -> Self {
        let (mut scales, mut bytes) = (
            Vec::with_capacity(terms.len()),
            Vec::with_capacity(terms.len() * dimensions),
        );
        for term in 0..terms.len() {
            let row = &directions.row(term)[..dimensions];
            let most = row
                .iter()
                .fold(0.0_f32, |most, value| most.max(value.abs()));
            let scale = (most / 127.0).max(f32::MIN_POSITIVE);
            scales.push(scale);
            bytes.extend(row.iter().map(|value| (value / scale).round() as i8));
        }
        let mut made = SvdEmbedder {
            name: String::new(),
            dimensions,
            terms,
            rarity,
            scales,
            bytes,
        };
        made.name = format!("svd-{dimensions}-{:08x}", checksum(&made.body()));
        made
    }

    /// The vector of counted terms: of unit length, or zero if no term is known.
    pub fn embed_terms(&self, terms: &TermCounts) -> Vec<f32> {
        let mut vector = vec![0.0; self.dimensions];
        for (at, weight) in row(terms, &self.terms, &self.rarity) {
            let at = at as usize;
            let weight = weight * self.scales[at];
            let bytes = &self.bytes[at * self.dimensions..(at + 1) * self.dimensions];
            for (sum, &byte) in vector.iter_mut().zip(bytes) {
                *sum += weight * f32::from(byte);
            }
        }
        matrix::scale_to_one(&mut vector);
        vector
    }

    /// Encodes it for the database.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend(self.body());
        out
    }

    fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.terms.len() * (12 + self.dimensions));
        out.extend((self.dimensions as u32).to_le_bytes());
        out.extend((self.terms.len() as u32).to_le_bytes());
        out.extend(self.terms.iter().flat_map(|term| term.to_le_bytes()));
        out.extend(
            self.rarity
                .iter()
                .chain(&self.scales)
                .flat_map(|value| value.to_le_bytes()),
        );
        out.extend(self.bytes.iter().map(|byte| byte.cast_unsigned()));
        out
    }

    /// Decodes the stored form; `None` if another version wrote it: then learn again.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, body) = bytes.split_first()? else {
            return None;
        };
        let word = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?));
        let (dimensions, count) = (word(0)? as usize, word(4)? as usize);
        if body.len() != count.checked_mul(12 + dimensions)?.checked_add(8)? {
            return None;
        }
        let words = |from: usize| {
            body[from..from + 4 * count]
                .chunks_exact(4)
                .map(|four| [four[0], four[1], four[2], four[3]])
        };
        Some(SvdEmbedder {
            name: format!("svd-{dimensions}-{:08x}", checksum(body)),
            dimensions,
            terms: words(8).map(u32::from_le_bytes).collect(),
            rarity: words(8 + 4 * count).map(f32::from_le_bytes).collect(),
            scales: words(8 + 8 * count).map(f32::from_le_bytes).collect(),
            bytes: body[8 + 12 * count..]
                .iter()
                .map(|byte| byte.cast_signed())
                .collect(),
        })
    }
}

impl Embedder for SvdEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, papers: &[&Paper]) -> Vec<Vec<f32>> {
        papers
            .par_iter()
            .map_init(TermCounter::new, |counter, paper| {
                self.embed_terms(&counter.paper(paper))
            })
            .collect()
    }
}

/// A paper as columns and weights.
type SparseRow = Vec<(u32, f32)>;

/// The terms that get a vector, by hash, with their inverse document frequencies.
fn vocabulary(papers: &[TermCounts]) -> (Vec<u32>, Vec<f32>) {
    let mut having: HashMap<u32, u32> = HashMap::new();
    for &(term, _) in papers.iter().flatten() {
        *having.entry(term).or_insert(0) += 1;
    }
    let most = (papers.len() as f32 * SHARE_MAX) as u32;
    let mut kept: Vec<(u32, u32)> = having
        .into_iter()
        .filter(|&(term, count)| {
            Group::of(term) == Group::Text && (PAPERS_MIN..=most).contains(&count)
        })
        .collect();
    kept.sort_unstable_by_key(|&(term, count)| (std::cmp::Reverse(count), term));
    kept.truncate(TERMS_MAX);
    kept.sort_unstable();
    let total = papers.len() as f32;
    kept.into_iter()
        .map(|(term, count)| (term, ((1.0 + total) / (1.0 + count as f32)).ln() + 1.0))
        .unzip()
}

/// A paper over the vocabulary, at unit length.
fn row(paper: &TermCounts, terms: &[u32], rarity: &[f32]) -> SparseRow {
    let mut row: SparseRow = paper
        .iter()
        .filter_map(|&(term, count)| {
            let at = terms.binary_search(&term).ok()?;
            Some((at as u32, (1.0 + (count as f32).ln()) * rarity[at]))
        })
        .collect();
    let norm = row
        .iter()
        .map(|(_, weight)| weight * weight)
        .sum::<f32>()
        .sqrt()
        .max(1e-9);
    for (_, weight) in &mut row {
        *weight /= norm;
    }
    row
}

/// The right singular vectors of the largest singular values, as columns.
fn principal_directions(rows: &[SparseRow], columns: usize, dimensions: usize) -> Matrix {
    let mut turned: Vec<SparseRow> = vec![Vec::new(); columns];
    for (at, row) in rows.iter().enumerate() {
        for &(column, weight) in row {
            turned[column as usize].push((at as u32, weight));
        }
    }
    let width = (dimensions + SPARE).min(columns).min(rows.len());
    let mut directions = Matrix::signs(columns, width);
    for _ in 0..ITERATIONS {
        let mut images = times(rows, &directions);
        matrix::orthonormalise(&mut images);
        directions = times(&turned, &images);
        matrix::orthonormalise(&mut directions);
    }
    // Rotated to the principal axes, longest first.
    let images = times(rows, &directions);
    let axes = matrix::eigenvectors(&matrix::gram(&images));
    directions.times(&axes)
}

fn times(rows: &[SparseRow], right: &Matrix) -> Matrix {
    let mut product = Matrix::zero(rows.len(), right.width);
    product
        .values
        .par_chunks_mut(right.width)
        .zip(rows)
        .for_each(|(sum, row)| {
            for &(column, weight) in row {
                for (sum, value) in sum.iter_mut().zip(right.row(column as usize)) {
                    *sum += weight * value;
                }
            }
        });
    product
}

/// FNV-1a in 32 bits.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5_u32, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty papers on each of twelve subjects. Each subject has two names, which
    /// never meet, and both meet its other words.
    fn archive() -> Vec<TermCounts> {
        let mut counter = TermCounter::new();
        let text = |at: usize| {
            let name = if (at / 12).is_multiple_of(2) {
                "first"
            } else {
                "second"
            };
            let letter = char::from(b'a' + (at % 12) as u8);
            format!("{name}q{letter}. alphaz{letter}. betaz{letter}")
        };
        (0..240).map(|at| counter.text(&text(at))).collect()
    }

    fn cosine(made: &SvdEmbedder, a: &str, b: &str) -> f32 {
        let mut counter = TermCounter::new();
        let (a, b) = (
            made.embed_terms(&counter.text(a)),
            made.embed_terms(&counter.text(b)),
        );
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn words_in_the_same_company_are_alike() {
        let made = SvdEmbedder::learn(&archive()).unwrap();
        let (same, other) = (
            cosine(&made, "firstqa", "secondqa"),
            cosine(&made, "firstqa", "secondqb"),
        );
        assert!(same > other + 0.3, "{same} {other}");
        assert!(
            made.embed_terms(&TermCounter::new().text("unheard"))
                .iter()
                .all(|value| *value == 0.0)
        );
    }

    #[test]
    fn the_same_papers_give_the_same_maker_and_it_is_read_back() {
        let made = SvdEmbedder::learn(&archive()).unwrap();
        let one_thread = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let again = one_thread.install(|| SvdEmbedder::learn(&archive()).unwrap());
        assert_eq!(made.to_bytes(), again.to_bytes());
        let read = SvdEmbedder::from_bytes(&made.to_bytes()).unwrap();
        assert_eq!(
            (read.name(), read.to_bytes()),
            (made.name(), made.to_bytes())
        );
        assert!(
            SvdEmbedder::from_bytes(b"nonsense").is_none()
                && SvdEmbedder::from_bytes(&[1; 9]).is_none()
        );
    }

    #[test]
    fn a_handful_of_papers_teaches_nothing() {
        assert!(SvdEmbedder::learn(&archive()[..10]).is_none());
        assert!(SvdEmbedder::learn(&vec![TermCounter::new().text("the same"); 100]).is_none());
    }
}
