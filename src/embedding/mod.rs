//! Makes dense vectors of papers.
//!
//! A maker turns texts into vectors of unit length in which likeness of meaning
//! is a scalar product. Vectors of two makers are never compared: every stored
//! one carries the name of its maker.
//!
//! Two kinds of models can be installed ([`crate::model`] keeps their folders):
//! static tables ([`StaticTable`]) and, in builds with the feature `encoder`,
//! sentence encoders of the BERT family.

#[cfg(feature = "encoder")]
mod distill;
#[cfg(feature = "encoder")]
mod eigen;
#[cfg(feature = "encoder")]
mod encoder;
mod quantized;
mod static_table;
mod wordpiece;

#[cfg(feature = "encoder")]
pub use distill::{Distilled, distill};
#[cfg(feature = "encoder")]
pub use encoder::{EncoderFiles, EncoderWeights, Pooling, SentenceEncoder};
pub use quantized::{QuantizedVector, pack, unpack};
pub use static_table::StaticTable;

mod matrix;
pub mod svd;

pub use svd::SvdEmbedder;

use crate::paper::Paper;
use serde_json::Value;

/// A maker of dense vectors.
pub trait Embedder: Send + Sync {
    /// What tells its vectors from those of any other maker: kind, model and a
    /// checksum of its weights, such as `svd-256-1f3a9c20`.
    fn name(&self) -> &str;

    /// Numbers in each vector.
    fn dimensions(&self) -> usize;

    /// One vector for each of `papers`, in order: unit length, or all zero where
    /// the maker knows nothing of the text.
    fn embed(&self, papers: &[&Paper]) -> Vec<Vec<f32>>;
}

/// What files make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    /// A [`StaticTable`].
    Table,
    /// A sentence encoder.
    Encoder,
}

/// What a model with this `config.json` makes. A network of another family is refused.
pub fn kind_of(config: &[u8]) -> Result<EmbedderKind, BadModel> {
    let config: Value = serde_json::from_slice(config)
        .map_err(|error| BadModel::broken("config.json", error.to_string()))?;
    match config["model_type"].as_str() {
        Some("bert") => Ok(EmbedderKind::Encoder),
        Some("model2vec") => Ok(EmbedderKind::Table),
        // The first tables did not say what they are.
        None if config["num_hidden_layers"].is_null() => Ok(EmbedderKind::Table),
        other => Err(BadModel::Family {
            found: other.map_or("no model_type".to_owned(), |kind| format!("{kind:?}")),
        }),
    }
}

/// Looks whether a model with these files can be used by this program, before
/// its weights are fetched.
pub fn check_small(config: &[u8], tokenizer: &[u8]) -> Result<EmbedderKind, BadModel> {
    let kind = kind_of(config)?;
    if kind == EmbedderKind::Encoder && cfg!(not(feature = "encoder")) {
        return Err(BadModel::NeedsEncoder);
    }
    wordpiece::WordPiece::read(tokenizer)?;
    Ok(kind)
}

/// Why files are no model that paperboy can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadModel {
    /// A file that does not hold what it should.
    #[error("{file} cannot be used: {why}")]
    Broken {
        /// Its name.
        file: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Text would have to be cut in a way that paperboy does not know.
    #[error(
        "tokenizer.json holds {found}; supported is what models of the BERT family have: \
         WordPiece with BertNormalizer and BertPreTokenizer"
    )]
    Tokenizer {
        /// What it holds.
        found: String,
    },
    /// A network of another family.
    #[error(
        "config.json describes {found}; supported are encoders of the BERT family (model_type \"bert\")"
    )]
    Family {
        /// What it describes.
        found: String,
    },
    /// It is a sentence encoder.
    #[error(
        "this is a sentence encoder, and this paperboy was built without them: build it with \
         `cargo build --release --features encoder`, or install a static table such as potion-base-8M"
    )]
    NeedsEncoder,
}

impl BadModel {
    pub(crate) fn broken(file: &'static str, why: impl Into<String>) -> Self {
        BadModel::Broken {
            file,
            why: why.into(),
        }
    }
}

/// What is embedded of a paper.
fn text_of(paper: &Paper) -> String {
    let mut text = String::with_capacity(paper.title.len() + 2 + paper.abstract_text.len());
    text.push_str(&paper.title);
    if !paper.abstract_text.is_empty() {
        text.push_str(". ");
        text.push_str(&paper.abstract_text);
    }
    text
}

/// Makes a vector as long as 1; one without direction stays all zero.
fn normalise(vector: &mut [f32]) {
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    let times = if length > 0.0 && length.is_finite() {
        length.recip()
    } else {
        0.0
    };
    for number in vector {
        *number = if times > 0.0 { *number * times } else { 0.0 };
    }
}
