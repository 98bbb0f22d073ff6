//! Static tables in the layout of model2vec: a vector for each token of a
//! vocabulary, and the vector of a text is their mean
//! (<https://github.com/MinishLab/model2vec>).

use super::wordpiece::WordPiece;
use super::{BadModel, Embedder, normalise, text_of};
use crate::paper::Paper;
use rayon::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

/// The file of the tensors.
const WEIGHTS: &str = "model.safetensors";

/// Tokens of a text that are used, unless `config.json` sets it: model2vec's default.
const TOKENS_MAX: usize = 512;

/// A static table.
pub struct StaticTable {
    name: String,
    tokenizer: WordPiece,
    /// The rows, one after another, of `dimensions` each.
    rows: Vec<f32>,
    dimensions: usize,
    /// The row of each token; if absent, the token's id is its row.
    mapping: Option<Vec<u32>>,
    /// The weight of each token.
    weights: Option<Vec<f32>>,
    tokens_max: usize,
}

#[derive(Deserialize)]
#[serde(default)]
struct TableConfig {
    /// `null` for no limit.
    max_length: Option<usize>,
}

impl Default for TableConfig {
    fn default() -> Self {
        TableConfig {
            max_length: Some(TOKENS_MAX),
        }
    }
}

impl std::fmt::Debug for StaticTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticTable")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl StaticTable {
    /// Reads a table from `model.safetensors`, `tokenizer.json` and `config.json`; `sum` is a
    /// checksum of them.
    ///
    /// `normalize` in the settings is ignored: our vectors always have unit length.
    pub fn read(
        weights: &[u8],
        tokenizer: &[u8],
        config: &[u8],
        sum: &str,
    ) -> Result<Self, BadModel> {
        let tokenizer = WordPiece::read(tokenizer)?;
        let config: TableConfig = serde_json::from_slice(config)
            .map_err(|error| BadModel::broken("config.json", error.to_string()))?;
        let broken = |why: String| BadModel::broken(WEIGHTS, why);
        let tensors =
            SafeTensors::deserialize(weights).map_err(|error| broken(error.to_string()))?;
        // sentence-transformers saves the same table under another name.
        let table = ["embeddings", "embedding.weight"]
            .iter()
            .find_map(|name| tensors.tensor(name).ok());
        let table = table.ok_or_else(|| broken("it holds no tensor `embeddings`".to_owned()))?;
        let &[count, dimensions] = table.shape() else {
            return Err(broken(format!(
                "`embeddings` has {} dimensions, not 2",
                table.shape().len()
            )));
        };
        if count == 0 || dimensions == 0 {
            return Err(broken("`embeddings` is empty".to_owned()));
        }
        let rows = numbers(&table).map_err(broken)?;
        if rows.iter().any(|number| !number.is_finite()) {
            return Err(broken(
                "`embeddings` holds numbers that are none".to_owned(),
            ));
        }
        let token_weights = match tensors.tensor("weights") {
            Ok(weights) => Some(numbers(&weights).map_err(broken)?),
            Err(_) => None,
        };
        let mapping = match tensors.tensor("mapping") {
            Ok(mapping) => Some(indices(&mapping).map_err(broken)?),
            Err(_) => None,
        };
        let tokens = tokenizer.tokens();
        let rows_needed = match &mapping {
            Some(mapping) if mapping.len() < tokens => {
                return Err(broken(format!(
                    "`mapping` is for {} tokens, the vocabulary has {tokens}",
                    mapping.len()
                )));
            }
            Some(mapping) => mapping.iter().max().map_or(0, |row| *row as usize + 1),
            None => tokens,
        };
        if rows_needed > count {
            return Err(broken(format!(
                "`embeddings` has {count} rows, the vocabulary needs {rows_needed}"
            )));
        }
        if let Some(weights) = &token_weights
            && weights.len() < tokens
        {
            return Err(broken(format!(
                "`weights` is for {} tokens, the vocabulary has {tokens}",
                weights.len()
            )));
        }
        Ok(StaticTable {
            name: format!("static-{dimensions}-{sum}"),
            tokenizer,
            rows,
            dimensions,
            mapping,
            weights: token_weights,
            tokens_max: config.max_length.unwrap_or(usize::MAX),
        })
    }

    /// The vector of one text; `ids` is room to work in.
    pub fn vector(&self, text: &str, ids: &mut Vec<u32>) -> Vec<f32> {
        ids.clear();
        self.tokenizer
            .encode(self.beginning(text), self.tokens_max, ids);
        // Unknown tokens are left out.
        ids.retain(|id| *id != self.tokenizer.unknown());
        let mut sum = vec![0.0_f32; self.dimensions];
        for id in ids {
            let id = *id as usize;
            let row = self
                .mapping
                .as_ref()
                .map_or(id, |mapping| mapping[id] as usize);
            let row = &self.rows[row * self.dimensions..][..self.dimensions];
            match self.weights.as_ref().map(|weights| weights[id]) {
                None => sum
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, number)| *sum += number),
                Some(weight) => sum
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, number)| *sum += number * weight),
            }
        }
        // The sum has the direction of the mean.
        normalise(&mut sum);
        sum
    }

    /// The part of a text that is used: `most` times the median length of a token in characters,
    /// as in model2vec.
    fn beginning<'a>(&self, text: &'a str) -> &'a str {
        let chars_max = self
            .tokens_max
            .saturating_mul(self.tokenizer.token_chars().max(1));
        if text.len() <= chars_max {
            return text;
        }
        text.char_indices()
            .nth(chars_max)
            .map_or(text, |(end, _)| &text[..end])
    }
}

impl Embedder for StaticTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, papers: &[&Paper]) -> Vec<Vec<f32>> {
        papers
            .par_iter()
            .map_init(Vec::new, |ids, paper| self.vector(&text_of(paper), ids))
            .collect()
    }
}

fn numbers(tensor: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let bytes = tensor.data();
    Ok(match tensor.dtype() {
        Dtype::F32 => bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F64 => {
            let eight = bytes.chunks_exact(8);
            eight
                .map(|b| {
                    f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32
                })
                .collect()
        }
        Dtype::F16 => bytes
            .chunks_exact(2)
            .map(|b| from_half(u16::from_le_bytes([b[0], b[1]])))
            .collect(),
        // The upper half of an f32.
        Dtype::BF16 => bytes
            .chunks_exact(2)
            .map(|b| f32::from_le_bytes([0, 0, b[0], b[1]]))
            .collect(),
        Dtype::I8 => bytes.iter().map(|b| f32::from(*b as i8)).collect(),
        other => {
            return Err(format!(
                "numbers of kind {other:?} are not supported; f32, f16, bf16, f64 and i8 are"
            ));
        }
    })
}

fn indices(tensor: &TensorView<'_>) -> Result<Vec<u32>, String> {
    let bytes = tensor.data();
    let wide: Vec<i64> = match tensor.dtype() {
        Dtype::I64 | Dtype::U64 => {
            let eight = bytes.chunks_exact(8);
            eight
                .map(|b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
                .collect()
        }
        Dtype::I32 => bytes
            .chunks_exact(4)
            .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into())
            .collect(),
        Dtype::U32 => bytes
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]).into())
            .collect(),
        other => {
            return Err(format!(
                "`mapping` of kind {other:?} is not supported; i64, u64, i32 and u32 are"
            ));
        }
    };
    wide.into_iter()
        .map(|row| u32::try_from(row).map_err(|_| format!("`mapping` names row {row}")))
        .collect()
}

/// A number of IEEE 754's binary16 format.
fn from_half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_numbers_are_what_ieee_754_says() {
        for (bits, expected) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0, 0.0),
        ] {
            assert!(
                (from_half(bits) - expected).abs() <= f32::EPSILON * expected.abs(),
                "{bits:x}"
            );
        }
        assert!(from_half(0x7E00).is_nan());
        assert!(from_half(0xFC00).is_infinite());
    }
}
