//! Distils a sentence encoder into a static table as model2vec does: every token of the
//! vocabulary is encoded alone, principal components shorten the vectors, and common tokens
//! are weighted down
//! (<https://github.com/MinishLab/model2vec>, the chapter on distillation; Arora,
//! Liang, Ma, "A simple but tough-to-beat baseline for sentence embeddings", 2017).

use super::BadModel;
use super::eigen::symmetric;
use super::encoder::{Pooling, SentenceEncoder};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Map, Value, json};

/// The most dimensions of a vector.
const DIMENSIONS: usize = 256;

/// The weight of a token of probability p is SIF / (SIF + p).
const SIF: f64 = 1e-4;

/// Tokens in one batch.
const TOGETHER: usize = 64;

/// Tokens between two calls of `step`.
const STEP: usize = 1024;

/// The files of a table.
#[derive(Debug)]
pub struct Distilled {
    /// `model.safetensors`.
    pub weights: Vec<u8>,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `config.json`.
    pub config: Vec<u8>,
}

/// Distils `encoder` into a table of its vocabulary; `tokenizer` is its `tokenizer.json`.
/// `step` is called with the tokens done and the total.
pub fn distill(
    encoder: &SentenceEncoder,
    tokenizer: &[u8],
    mut step: impl FnMut(u64, u64),
) -> Result<Distilled, BadModel> {
    let mut file: Value = serde_json::from_slice(tokenizer)
        .map_err(|error| BadModel::broken("tokenizer.json", error.to_string()))?;
    let mut tokens: Vec<(String, u32)> = file["model"]["vocab"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(token, id)| Some((token.clone(), id.as_u64()? as u32)))
        // Unused entries, and marks that occur in no text.
        .filter(|(token, _)| {
            !token.starts_with("[unused") && !["[CLS]", "[SEP]", "[MASK]"].contains(&token.as_str())
        })
        .collect();
    tokens.sort_by_key(|(_, id)| *id);
    let rows = through(encoder, &tokens, &mut step).map_err(|error| {
        BadModel::broken(
            "model.safetensors",
            error.to_string().lines().next().unwrap_or_default(),
        )
    })?;
    let (mut rows, dimensions) = components(&rows);
    weigh(&mut rows, dimensions);

    let kept: Map<String, Value> = tokens
        .iter()
        .enumerate()
        .map(|(at, (token, _))| (token.clone(), json!(at)))
        .collect();
    let added: Vec<Value> = file["added_tokens"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|added| {
            let at = kept.get(added["content"].as_str()?)?;
            let mut added = added.clone();
            added["id"] = at.clone();
            Some(added)
        })
        .collect();
    file["model"]["vocab"] = Value::Object(kept);
    file["added_tokens"] = Value::Array(added);
    // These refer to removed marks.
    for part in ["post_processor", "truncation", "padding"] {
        file[part] = Value::Null;
    }
    let bytes: Vec<u8> = rows
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let view = TensorView::new(Dtype::F32, vec![tokens.len(), dimensions], &bytes)
        .map_err(|error| BadModel::broken("model.safetensors", error.to_string()))?;
    let weights = safetensors::serialize([("embeddings", view)], None)
        .map_err(|error| BadModel::broken("model.safetensors", error.to_string()))?;
    let config = json!({
        "model_type": "model2vec", "architectures": ["StaticModel"], "apply_pca": dimensions,
        "sif_coefficient": SIF, "hidden_dim": dimensions, "normalize": true, "max_length": 512,
    });
    Ok(Distilled {
        weights,
        tokenizer: file.to_string().into_bytes(),
        config: config.to_string().into_bytes(),
    })
}

/// The vector of each token alone: the mean of the token and its two marks.
fn through(
    encoder: &SentenceEncoder,
    tokens: &[(String, u32)],
    step: &mut impl FnMut(u64, u64),
) -> candle_core::Result<Vec<Vec<f32>>> {
    let (cls, sep) = encoder.frame();
    let mut rows = Vec::with_capacity(tokens.len());
    for part in tokens.chunks(STEP) {
        let made: Result<Vec<_>, _> = part
            .par_chunks(TOGETHER)
            .map(|alike| {
                let texts: Vec<[u32; 3]> = alike.iter().map(|(_, id)| [cls, *id, sep]).collect();
                let texts: Vec<&[u32]> = texts.iter().map(<[u32; 3]>::as_slice).collect();
                encoder.pooled(&texts, Pooling::Mean)
            })
            .collect();
        rows.extend(made?.into_iter().flatten());
        step(rows.len() as u64, tokens.len() as u64);
    }
    Ok(rows)
}

/// The rows projected on their principal components of largest variance, row after row, and
/// the number of components.
fn components(rows: &[Vec<f32>]) -> (Vec<f32>, usize) {
    let size = rows.first().map_or(0, Vec::len);
    let count = rows.len().max(1) as f64;
    let mut mean = vec![0.0_f64; size];
    for row in rows {
        mean.iter_mut()
            .zip(row)
            .for_each(|(mean, number)| *mean += f64::from(*number) / count);
    }
    let mut all: Vec<f32> = Vec::with_capacity(rows.len() * size);
    for row in rows {
        all.extend(
            row.iter()
                .zip(&mean)
                .map(|(number, mean)| number - *mean as f32),
        );
    }
    let dimensions = DIMENSIONS.min(size);
    // With fewer tokens than dimensions the variance is undefined.
    if rows.len() <= dimensions {
        return (rows.concat(), size);
    }
    let product = |a: &Tensor, b: &Tensor| a.matmul(b)?.flatten_all()?.to_vec1::<f32>();
    let shape = "the shapes are those of the rows";
    let all = Tensor::from_vec(all, (rows.len(), size), &Device::Cpu).expect(shape);
    let turned = all.t().and_then(|turned| turned.contiguous()).expect(shape);
    let covariance = product(&turned, &all).expect(shape);
    let parts = symmetric(
        covariance
            .into_iter()
            .map(|number| f64::from(number) / (count - 1.0))
            .collect(),
        size,
    );
    let mut axes = vec![0.0_f32; size * dimensions];
    for (column, (_, axis)) in parts.iter().take(dimensions).enumerate() {
        for (row, number) in axis.iter().enumerate() {
            axes[row * dimensions + column] = *number as f32;
        }
    }
    let axes = Tensor::from_vec(axes, (size, dimensions), &Device::Cpu).expect(shape);
    (product(&all, &axes).expect(shape), dimensions)
}

/// Weights common tokens down. A token's id is roughly its rank by frequency, and its
/// probability is one over that rank (Zipf's law).
fn weigh(rows: &mut [f32], dimensions: usize) {
    let count = rows.len() / dimensions.max(1);
    let chances = |at: usize| 1.0 / (at + 2) as f64;
    let whole: f64 = (0..count).map(chances).sum();
    for (at, row) in rows.chunks_exact_mut(dimensions.max(1)).enumerate() {
        let weight = (SIF / (SIF + chances(at) / whole)) as f32;
        for number in row {
            *number *= weight;
        }
    }
}
