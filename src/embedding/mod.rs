//! Embeds papers as dense vectors.
//!
//! An embedder turns texts into vectors of unit length in which similarity of meaning is a
//! scalar product. Vectors of two embedders are never compared: every stored one carries the
//! name of its embedder.
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

/// Embeds texts as dense vectors.
pub trait Embedder: Send + Sync {
    /// Its name, which identifies its vectors: kind, model and a checksum of the weights, such as
    /// `svd-256-1f3a9c20`.
    fn name(&self) -> &str;

    /// Dimensions of each vector.
    fn dimensions(&self) -> usize;

    /// One vector for each of `papers`, in order: of unit length, or zero if no token of the text
    /// is known.
    fn embed(&self, papers: &[&Paper]) -> Vec<Vec<f32>>;
}

/// The kind of an installed model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    /// A [`StaticTable`].
    Table,
    /// A sentence encoder.
    Encoder,
}

/// The kind of the model with this `config.json`. Networks of other families are refused.
pub fn kind_of(config: &[u8]) -> Result<EmbedderKind, BadModel> {
    let config: Value = serde_json::from_slice(config)
        .map_err(|error| BadModel::broken("config.json", error.to_string()))?;
    match config["model_type"].as_str() {
        Some("bert") => Ok(EmbedderKind::Encoder),
        Some("model2vec") => Ok(EmbedderKind::Table),
        // The first tables did not name their kind.
        None if config["num_hidden_layers"].is_null() => Ok(EmbedderKind::Table),
        other => Err(BadModel::Family {
            found: other.map_or("no model_type".to_owned(), |kind| format!("{kind:?}")),
        }),
    }
}

/// Checks whether this program can use a model with these files, before its weights are
/// downloaded.
pub fn check_small(config: &[u8], tokenizer: &[u8]) -> Result<EmbedderKind, BadModel> {
    let kind = kind_of(config)?;
    if kind == EmbedderKind::Encoder && cfg!(not(feature = "encoder")) {
        return Err(BadModel::NeedsEncoder);
    }
    wordpiece::WordPiece::read(tokenizer)?;
    Ok(kind)
}

/// The reason why files are not a usable model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadModel {
    /// A file is malformed.
    #[error("{file} cannot be used: {why}")]
    Broken {
        /// Its name.
        file: &'static str,
        /// The fault of the file.
        why: String,
    },
    /// The tokenizer is of an unsupported kind.
    #[error(
        "tokenizer.json holds {found}; supported is what models of the BERT family have: \
         WordPiece with BertNormalizer and BertPreTokenizer"
    )]
    Tokenizer {
        /// The kind of the tokenizer.
        found: String,
    },
    /// The network is of an unsupported family.
    #[error(
        "config.json describes {found}; supported are encoders of the BERT family (model_type \"bert\")"
    )]
    Family {
        /// The family of the network.
        found: String,
    },
    /// It is a sentence encoder, which this build does not support.
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

/// The text of a paper that is embedded.
fn text_of(paper: &Paper) -> String {
    let mut text = String::with_capacity(paper.title.len() + 2 + paper.abstract_text.len());
    text.push_str(&paper.title);
    if !paper.abstract_text.is_empty() {
        text.push_str(". ");
        text.push_str(&paper.abstract_text);
    }
    text
}

/// Scales a vector to unit length; zero stays zero.
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
