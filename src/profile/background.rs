//! Term statistics of the operator's own archive.

use super::{NegativeSample, TermCounts};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

/// Buckets of the document frequencies. Terms that share a bucket share their count; at
/// 75,000 papers fewer than one bucket in fifty holds a common word.
const BUCKETS: usize = 1 << 21;

/// First byte of the stored form. It changes with the meaning of the counts, so that the
/// archive is counted again.
const FORMAT: u8 = 3;

/// Papers kept as negative examples: ten times as many rank no better and make learning
/// slower.
const KEPT: usize = 600;

/// A longer stored form is invalid.
const BYTES_MAX: u64 = 64 << 20;

/// Document frequencies of terms. One background serves every subscriber.
#[derive(Clone)]
pub struct Background {
    papers: u32,
    counts: Vec<u32>,
    /// Root mean square length of a paper whose terms each occur once; it turns document
    /// frequencies into the mean vector of the archive.
    typical_length: f32,
    /// A random sample of papers, by the fingerprints of their terms.
    kept: BTreeMap<u64, TermCounts>,
    /// The sample, prepared for training.
    negative_sample: Arc<NegativeSample>,
}

impl Default for Background {
    fn default() -> Self {
        Background {
            papers: 0,
            counts: vec![0; BUCKETS],
            typical_length: 1.0,
            kept: BTreeMap::new(),
            negative_sample: Arc::default(),
        }
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Background({} papers)", self.papers)
    }
}

impl Background {
    /// Counts one more paper. Call [`Background::settle`] after the last one.
    pub fn count(&mut self, terms: &TermCounts) {
        self.papers += 1;
        for &(term, _) in terms {
            self.counts[bucket(term)] += 1;
        }
        // Fingerprints are spread evenly: those below all others are a fair sample,
        // the same in whichever order papers come.
        let key = fingerprint(terms.iter().map(|(term, _)| *term));
        if self.kept.len() < KEPT
            || self
                .kept
                .last_key_value()
                .is_some_and(|(last, _)| key < *last)
        {
            self.kept.insert(key, terms.clone());
            if self.kept.len() > KEPT {
                self.kept.pop_last();
            }
        }
    }

    /// Recomputes the values derived from the counts.
    pub fn settle(&mut self) {
        let papers = f64::from(self.papers.max(1));
        // Authors and categories are in the sum too, but too few to matter beside the words.
        let square: f64 = self
            .counts
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| f64::from(count) / papers * f64::from(self.rarity_of(count)).powi(2))
            .sum();
        self.typical_length = (square.sqrt() as f32).max(1e-6);
        self.negative_sample = Arc::new(NegativeSample::of(&self.kept, self));
    }

    /// The negative sample as of the last [`Background::settle`].
    pub fn negative_sample(&self) -> &NegativeSample {
        &self.negative_sample
    }

    /// Papers counted.
    pub fn papers(&self) -> u32 {
        self.papers
    }

    /// The inverse document frequency, smoothed as in scikit-learn: an unseen term is nearly as
    /// rare as one that a single paper has.
    pub fn rarity(&self, term: u32) -> f32 {
        self.rarity_of(self.counts[bucket(term)])
    }

    fn rarity_of(&self, count: u32) -> f32 {
        ((1.0 + self.papers as f32) / (1.0 + count as f32)).ln() + 1.0
    }

    /// The share of papers that have the term.
    pub fn share(&self, term: u32) -> f32 {
        self.counts[bucket(term)] as f32 / self.papers.max(1) as f32
    }

    /// The weight that `term` has in the mean of all papers' vectors.
    pub fn mean_weight(&self, term: u32) -> f32 {
        self.share(term) * self.rarity(term) / self.typical_length
    }

    /// The length of a usual paper's vector before normalisation.
    pub fn typical_length(&self) -> f32 {
        self.typical_length
    }

    /// Encodes it for the database.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(vec![FORMAT], Compression::fast());
        let mut plain = Vec::with_capacity(4 * (BUCKETS + 1));
        plain.extend_from_slice(&self.papers.to_le_bytes());
        for count in &self.counts {
            plain.extend_from_slice(&count.to_le_bytes());
        }
        for terms in self.kept.values() {
            plain.extend_from_slice(&(terms.len() as u32).to_le_bytes());
            plain.extend(
                terms
                    .iter()
                    .flat_map(|(term, count)| [term.to_le_bytes(), count.to_le_bytes()])
                    .flatten(),
            );
        }
        encoder
            .write_all(&plain)
            .expect("writing to memory cannot fail");
        encoder.finish().expect("writing to memory cannot fail")
    }

    /// Decodes the stored form; `None` if another version wrote it: then count again.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, bytes) = bytes.split_first()? else {
            return None;
        };
        let mut plain = Vec::with_capacity(4 * (BUCKETS + 1));
        ZlibDecoder::new(bytes)
            .take(BYTES_MAX)
            .read_to_end(&mut plain)
            .ok()?;
        if !plain.len().is_multiple_of(4) {
            return None;
        }
        let mut numbers = plain
            .chunks_exact(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        let mut background = Background {
            papers: numbers.next()?,
            ..Background::default()
        };
        for count in &mut background.counts {
            *count = numbers.next()?;
        }
        while let Some(length) = numbers.next() {
            let terms: TermCounts = (0..length)
                .map(|_| Some((numbers.next()?, numbers.next()?)))
                .collect::<Option<_>>()?;
            background
                .kept
                .insert(fingerprint(terms.iter().map(|(term, _)| *term)), terms);
        }
        background.settle();
        Some(background)
    }
}

/// A hash of the terms of a paper: FNV-1a, mixed once more so that it is spread evenly.
pub(crate) fn fingerprint(terms: impl Iterator<Item = u32>) -> u64 {
    let hash = terms.fold(0xcbf2_9ce4_8422_2325_u64, |hash, term| {
        (hash ^ u64::from(term)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn bucket(term: u32) -> usize {
    // The group's bits are part of the hash, so that a name and a word rarely share a bucket.
    (term ^ (term >> 21)) as usize % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_read_back() {
        let mut background = Background::default();
        background.count(&vec![(1, 2), (5, 1), (u32::MAX, 1)]);
        background.count(&vec![(1, 1)]);
        background.settle();
        let again = Background::from_bytes(&background.to_bytes()).unwrap();
        assert_eq!(
            (again.papers(), again.share(1), again.share(5)),
            (2, 1.0, 0.5)
        );
        assert!((again.mean_weight(5) - background.mean_weight(5)).abs() < 1e-9);
        assert!(Background::from_bytes(b"nonsense").is_none());
    }

    #[test]
    fn rare_terms_weigh_more() {
        let mut background = Background::default();
        for at in 0..100 {
            background.count(&vec![(1, 1), (1000 + at, 1)]);
        }
        assert!(background.rarity(1000) > 3.0 * background.rarity(1));
        assert!(background.rarity(77) >= background.rarity(1000));
    }
}
