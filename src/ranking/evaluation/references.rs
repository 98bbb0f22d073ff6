//! Published rankers, in our own implementation, as references.

use super::Ranker;
use super::svm::{self, Row, Weights};
use crate::paper::Paper;
use crate::text::Tokenizer;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The texts from which a matrix is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Title and abstract.
    Text,
    /// The names of the authors too, as in arxiv-sanity-lite.
    TextAndAuthors,
}

/// TF-IDF of scikit-learn's `TfidfVectorizer` with arxiv-sanity-lite's settings: words
/// without accents and stop words, pairs of neighbours, at most 20,000 terms by
/// frequency, in at least 5 and at most a tenth of the papers, logarithmic counts,
/// smoothed IDF, unit length. The stop words are our own.
fn tfidf(papers: &[Arc<Paper>], reads: Reads) -> Vec<Row> {
    const TERMS_MAX: usize = 20_000;
    let documents: Vec<Vec<(u64, u32)>> = papers
        .par_iter()
        .map_init(Tokenizer::new, |tokenizer, paper| {
            let mut text = format!("{}\n{}", paper.title, paper.abstract_text);
            if reads == Reads::TextAndAuthors {
                text.push('\n');
                text.push_str(&paper.authors.join(" "));
            }
            counted(tokenizer, &text)
        })
        .collect();
    let mut found: HashMap<u64, (u32, u32)> = HashMap::new();
    for &(term, count) in documents.iter().flatten() {
        let entry = found.entry(term).or_insert((0, 0));
        entry.0 += count;
        entry.1 += 1;
    }
    // Small sets would keep no word at all with a floor of 5 papers.
    let (least, most) = (
        if papers.len() < 500 { 1 } else { 5 },
        (papers.len() as f64 * 0.1).max(2.0) as u32,
    );
    let mut kept: Vec<(u64, u32, u32)> = found
        .into_iter()
        .filter(|(_, (_, having))| (least..=most).contains(having))
        .map(|(term, (count, having))| (term, count, having))
        .collect();
    kept.sort_unstable_by_key(|&(term, count, _)| (std::cmp::Reverse(count), term));
    kept.truncate(TERMS_MAX);
    let total = papers.len() as f32;
    let columns: HashMap<u64, (u32, f32)> = kept
        .iter()
        .enumerate()
        .map(|(column, &(term, _, having))| {
            (
                term,
                (
                    column as u32,
                    ((1.0 + total) / (1.0 + having as f32)).ln() + 1.0,
                ),
            )
        })
        .collect();
    documents
        .par_iter()
        .map(|document| {
            let mut row: Row = document
                .iter()
                .filter_map(|(term, count)| {
                    columns
                        .get(term)
                        .map(|(column, idf)| (*column, (1.0 + (*count as f32).ln()) * idf))
                })
                .collect();
            let norm = row
                .iter()
                .map(|(_, value)| value * value)
                .sum::<f32>()
                .sqrt()
                .max(1e-9);
            for (_, value) in &mut row {
                *value /= norm;
            }
            row.sort_unstable_by_key(|(column, _)| *column);
            row
        })
        .collect()
}

/// Words without stemming and pairs of neighbours, hashed and counted.
fn counted(tokenizer: &mut Tokenizer, text: &str) -> Vec<(u64, u32)> {
    let mut hashes = Vec::new();
    let mut before: Option<String> = None;
    tokenizer.for_each_token(text, |token| {
        if token.is_joined {
            return;
        }
        let word = crate::text::fold(token.surface);
        hashes.push(hash(word.as_bytes()));
        if let Some(before) = &before {
            hashes.push(hash(format!("{before} {word}").as_bytes()));
        }
        before = Some(word);
    });
    hashes.sort_unstable();
    hashes
        .chunk_by(|a, b| a == b)
        .map(|same| (same[0], same.len() as u32))
        .collect()
}

/// FNV-1a in 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The mean of the liked papers' TF-IDF vectors.
pub struct Centroid(Vec<Row>);

impl Centroid {
    /// Prepares all papers.
    pub fn new(papers: &[Arc<Paper>]) -> Self {
        Centroid(tfidf(papers, Reads::Text))
    }
}

impl Ranker for Centroid {
    fn name(&self) -> &'static str {
        "tfidf-centroid"
    }

    fn score(&self, pool: &[usize], people: &[&[usize]]) -> Vec<Vec<f32>> {
        people
            .par_iter()
            .map(|liked| products(&self.0, pool, &weighted_mean(&self.0, liked, |_| 1.0)))
            .collect()
    }
}

/// The ranker of zotero-arxiv-daily: the mean cosine to the liked papers, newest first
/// with weights 1 / (1 + log10(i + 1)). It uses a sentence encoder; the vectors here are
/// TF-IDF.
pub struct MeanCosine(Vec<Row>);

impl MeanCosine {
    /// Prepares all papers.
    pub fn new(papers: &[Arc<Paper>]) -> Self {
        MeanCosine(tfidf(papers, Reads::Text))
    }
}

impl Ranker for MeanCosine {
    fn name(&self) -> &'static str {
        "mean-cosine"
    }

    fn score(&self, pool: &[usize], people: &[&[usize]]) -> Vec<Vec<f32>> {
        people
            .par_iter()
            .map(|liked| {
                // Profiles are in the order of time: the last one is the newest.
                let newest_first: Vec<usize> = liked.iter().rev().copied().collect();
                let weight = |at: usize| 1.0 / (1.0 + (at as f32 + 1.0).log10());
                products(
                    &self.0,
                    pool,
                    &weighted_mean(&self.0, &newest_first, weight),
                )
            })
            .collect()
    }
}

/// The ranker of arxiv-sanity-lite: a linear SVM, the liked papers against all others.
pub struct SanitySvm {
    rows: Vec<Row>,
    /// Weights by the positions of the liked papers: one person comes with many pools.
    trained: Mutex<HashMap<Vec<usize>, Arc<Weights>>>,
}

impl SanitySvm {
    /// Prepares all papers.
    pub fn new(papers: &[Arc<Paper>]) -> Self {
        SanitySvm {
            rows: tfidf(papers, Reads::TextAndAuthors),
            trained: Mutex::default(),
        }
    }

    fn weights(&self, liked: &[usize]) -> Arc<Weights> {
        let known = |trained: &HashMap<Vec<usize>, Arc<Weights>>| trained.get(liked).cloned();
        if let Some(weights) = known(&self.trained.lock().unwrap_or_else(PoisonError::into_inner)) {
            return weights;
        }
        let weights = Arc::new(svm::train(&self.rows, &liked.iter().copied().collect()));
        let mut trained = self.trained.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(trained.entry(liked.to_vec()).or_insert(weights))
    }
}

impl Ranker for SanitySvm {
    fn name(&self) -> &'static str {
        "arxiv-sanity-lite-svm"
    }

    fn score(&self, pool: &[usize], people: &[&[usize]]) -> Vec<Vec<f32>> {
        people
            .par_iter()
            .map(|liked| {
                let weights = self.weights(liked);
                pool.iter()
                    .map(|&at| svm::decide(&weights, &self.rows[at]))
                    .collect()
            })
            .collect()
    }
}

fn weighted_mean(
    rows: &[Row],
    liked: &[usize],
    weight: impl Fn(usize) -> f32,
) -> HashMap<u32, f32> {
    let mut mean = HashMap::new();
    for (at, &paper) in liked.iter().enumerate() {
        for &(column, value) in &rows[paper] {
            *mean.entry(column).or_insert(0.0) += weight(at) * value;
        }
    }
    mean
}

fn products(rows: &[Row], pool: &[usize], weights: &HashMap<u32, f32>) -> Vec<f32> {
    let product = |row: &Row| {
        row.iter()
            .map(|(column, value)| weights.get(column).copied().unwrap_or(0.0) * value)
            .sum()
    };
    pool.iter().map(|&at| product(&rows[at])).collect()
}
