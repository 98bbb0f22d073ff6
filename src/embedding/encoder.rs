//! Sentence encoders of the BERT family (Devlin and others, "BERT", 2019), run
//! with candle: all-MiniLM-L6-v2, the base of SPECTER2 and similar models.
//!
//! The vector of a text is the mean of its tokens' vectors in the last layer, or that of
//! `[CLS]`, as `1_Pooling/config.json` says (Reimers and Gurevych, "Sentence-BERT", 2019).
//! Only texts with equally many tokens are in one batch, so that nothing is padded or masked.

use super::wordpiece::WordPiece;
use super::{BadModel, Embedder, normalise, text_of};
use crate::paper::Paper;
use candle_core::{DType, Device, Tensor};
use candle_nn::{LayerNorm, Module, ops};
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;

/// Tokens of a text that are encoded. With half as many the cosine to the full vector drops to
/// 0.90; more cost time and change little.
const TOKENS_MAX: usize = 256;

/// Texts of equal length in one batch.
const TOGETHER: usize = 8;

/// The files of an encoder.
#[derive(Debug)]
pub struct EncoderFiles<'a> {
    /// The weights.
    pub weights: EncoderWeights<'a>,
    /// `tokenizer.json`.
    pub tokenizer: &'a [u8],
    /// `config.json`.
    pub config: &'a [u8],
    /// How tokens become one vector.
    pub pooling: Pooling,
    /// Tokens of a text that are encoded, if the model sets a limit.
    pub tokens_max: Option<usize>,
    /// Whether `[SEP]` separates title and abstract, as in the training of SPECTER.
    pub parts_title: bool,
}

/// The file of an encoder's weights.
#[derive(Debug)]
pub enum EncoderWeights<'a> {
    /// The bytes of `model.safetensors`.
    Safetensors(&'a [u8]),
    /// A `pytorch_model.bin`.
    Torch(PathBuf),
}

/// The way in which tokens' vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The vector of `[CLS]`.
    Cls,
}

#[derive(Deserialize)]
struct EncoderConfig {
    #[serde(default)]
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    #[serde(default = "usual_eps")]
    layer_norm_eps: f64,
    #[serde(default = "usual_activation")]
    hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

fn usual_eps() -> f64 {
    1e-12
}

fn usual_activation() -> String {
    "gelu".to_owned()
}

#[derive(Debug, Clone, Copy)]
enum Activation {
    Gelu,
    GeluTanh,
    Relu,
}

/// A linear layer: weights and bias.
struct Linear {
    /// Inputs × outputs.
    weight: Tensor,
    bias: Tensor,
}

struct Layer {
    /// Queries, keys and values in one layer.
    attention: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

/// A sentence encoder.
pub struct SentenceEncoder {
    name: String,
    tokenizer: WordPiece,
    cls: u32,
    sep: u32,
    words: Tensor,
    /// Position embeddings, with that of the only segment added.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    heads: usize,
    hidden: usize,
    activation: Activation,
    pooling: Pooling,
    tokens_max: usize,
    parts_title: bool,
}

impl std::fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentenceEncoder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reads tensors from a file and checks their shapes.
struct Tensors {
    held: HashMap<String, Tensor>,
    file: &'static str,
}

impl Tensors {
    fn read(weights: &EncoderWeights<'_>) -> Result<Self, BadModel> {
        let (held, file) = match weights {
            EncoderWeights::Safetensors(bytes) => (
                candle_core::safetensors::load_buffer(bytes, &Device::Cpu),
                "model.safetensors",
            ),
            EncoderWeights::Torch(path) => (
                candle_core::pickle::read_all(path).map(|all| all.into_iter().collect()),
                "pytorch_model.bin",
            ),
        };
        let held = held.map_err(|error| BadModel::broken(file, first_line(&error)))?;
        Ok(Tensors { held, file })
    }

    fn take(&self, name: &str, shape: &[usize]) -> Result<Tensor, BadModel> {
        // Files are saved with or without the training head; old ones name the norms differently.
        let old = name
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta");
        let found = [name, &old].iter().find_map(|name| {
            self.held
                .get(*name)
                .or_else(|| self.held.get(&format!("bert.{name}")))
        });
        let tensor = found
            .ok_or_else(|| BadModel::broken(self.file, format!("it holds no tensor `{name}`")))?;
        if tensor.dims() != shape {
            let why = format!(
                "`{name}` has the shape {:?}, config.json says {shape:?}",
                tensor.dims()
            );
            return Err(BadModel::broken(self.file, why));
        }
        tensor
            .to_dtype(DType::F32)
            .map_err(|error| BadModel::broken(self.file, first_line(&error)))
    }

    fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, BadModel> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let weight = weight.t().and_then(|turned| turned.contiguous());
        let weight = weight.map_err(|error| BadModel::broken(self.file, first_line(&error)))?;
        Ok(Linear {
            weight,
            bias: self.take(&format!("{name}.bias"), &[outputs])?,
        })
    }

    fn norm(&self, name: &str, size: usize, eps: f64) -> Result<LayerNorm, BadModel> {
        let weight = self.take(&format!("{name}.weight"), &[size])?;
        Ok(LayerNorm::new(
            weight,
            self.take(&format!("{name}.bias"), &[size])?,
            eps,
        ))
    }
}

/// candle's errors may carry a backtrace.
fn first_line(error: &candle_core::Error) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

impl SentenceEncoder {
    /// Reads an encoder from `files`; `sum` is a checksum of them.
    pub fn read(files: &EncoderFiles<'_>, sum: &str) -> Result<Self, BadModel> {
        let broken = |why: String| BadModel::broken("config.json", why);
        let config: EncoderConfig =
            serde_json::from_slice(files.config).map_err(|error| broken(error.to_string()))?;
        if config.model_type != "bert" {
            return Err(BadModel::Family {
                found: format!("model_type {:?}", config.model_type),
            });
        }
        if let Some(kind) = config
            .position_embedding_type
            .as_deref()
            .filter(|kind| *kind != "absolute")
        {
            return Err(BadModel::Family {
                found: format!("{kind:?} positions"),
            });
        }
        let activation = match config.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => {
                return Err(BadModel::Family {
                    found: format!("hidden_act {other:?}"),
                });
            }
        };
        let (hidden, heads) = (config.hidden_size, config.num_attention_heads);
        if heads == 0 || hidden == 0 || !hidden.is_multiple_of(heads) {
            return Err(broken(format!(
                "{hidden} numbers cannot be shared by {heads} heads"
            )));
        }
        let tokenizer = WordPiece::read(files.tokenizer)?;
        if tokenizer.tokens() > config.vocab_size {
            let why = format!(
                "the vocabulary has {} tokens, config.json says {}",
                tokenizer.tokens(),
                config.vocab_size
            );
            return Err(BadModel::broken("tokenizer.json", why));
        }
        let id = |token: &str| {
            tokenizer
                .id_of(token)
                .ok_or_else(|| BadModel::broken("tokenizer.json", format!("it lacks {token}")))
        };
        let (cls, sep) = (id("[CLS]")?, id("[SEP]")?);
        let tensors = Tensors::read(&files.weights)?;
        let eps = config.layer_norm_eps;
        let places = config.max_position_embeddings;
        let segments = tensors
            .held
            .iter()
            .find(|(name, _)| name.ends_with("token_type_embeddings.weight"));
        let segments = segments
            .and_then(|(_, tensor)| tensor.dims().first().copied())
            .unwrap_or(2);
        let positions = tensors.take("embeddings.position_embeddings.weight", &[places, hidden])?;
        let segment = tensors.take(
            "embeddings.token_type_embeddings.weight",
            &[segments, hidden],
        )?;
        let positions = segment
            .narrow(0, 0, 1)
            .and_then(|first| positions.broadcast_add(&first));
        let layers: Result<_, _> = (0..config.num_hidden_layers)
            .map(|number| Layer::read(&tensors, number, hidden, config.intermediate_size, eps))
            .collect();
        Ok(SentenceEncoder {
            name: format!("bert-{hidden}-{sum}"),
            cls,
            sep,
            words: tensors.take(
                "embeddings.word_embeddings.weight",
                &[config.vocab_size, hidden],
            )?,
            positions: positions
                .map_err(|error| BadModel::broken(tensors.file, first_line(&error)))?,
            norm: tensors.norm("embeddings.LayerNorm", hidden, eps)?,
            layers: layers?,
            heads,
            hidden,
            activation,
            pooling: files.pooling,
            // `[CLS]` and `[SEP]` need room.
            tokens_max: files
                .tokens_max
                .unwrap_or(TOKENS_MAX)
                .min(TOKENS_MAX)
                .min(places)
                .max(3),
            parts_title: files.parts_title,
            tokenizer,
        })
    }

    /// `[CLS]`, the text's tokens as far as there is room, `[SEP]`.
    fn tokens(&self, paper: &Paper) -> Vec<u32> {
        let mut ids = vec![self.cls];
        let most = self.tokens_max - 1;
        if self.parts_title {
            self.tokenizer.encode(&paper.title, most, &mut ids);
            if !paper.abstract_text.is_empty() && ids.len() < most {
                ids.push(self.sep);
                self.tokenizer.encode(&paper.abstract_text, most, &mut ids);
            }
        } else {
            self.tokenizer.encode(&text_of(paper), most, &mut ids);
        }
        ids.push(self.sep);
        ids
    }

    /// One vector for each list of token ids, `pooled` but not normalised.
    /// All lists must be equally long, and not longer than the model's positions.
    pub(super) fn pooled(
        &self,
        texts: &[&[u32]],
        pooling: Pooling,
    ) -> candle_core::Result<Vec<Vec<f32>>> {
        let (count, tokens) = (texts.len(), texts.first().map_or(0, |ids| ids.len()));
        let ids = Tensor::from_vec(texts.concat(), count * tokens, &Device::Cpu)?;
        let words = self
            .words
            .index_select(&ids, 0)?
            .reshape((count, tokens, self.hidden))?;
        let words = words.broadcast_add(&self.positions.narrow(0, 0, tokens)?)?;
        let mut state = self
            .norm
            .forward(&words.reshape((count * tokens, self.hidden))?)?;
        for layer in &self.layers {
            state = layer.forward(&state, (count, tokens, self.heads), self.activation)?;
        }
        let state = state.reshape((count, tokens, self.hidden))?;
        match pooling {
            Pooling::Mean => state.mean(1)?,
            Pooling::Cls => state.narrow(1, 0, 1)?.squeeze(1)?,
        }
        .to_vec2()
    }

    /// `[CLS]` and `[SEP]`.
    pub(super) fn frame(&self) -> (u32, u32) {
        (self.cls, self.sep)
    }
}

impl Linear {
    fn forward(&self, input: &Tensor) -> candle_core::Result<Tensor> {
        input.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Layer {
    fn read(
        tensors: &Tensors,
        number: usize,
        hidden: usize,
        inner: usize,
        eps: f64,
    ) -> Result<Self, BadModel> {
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let parts = ["query", "key", "value"];
        let parts: Result<Vec<Linear>, _> = parts
            .iter()
            .map(|part| tensors.linear(&name(&format!("attention.self.{part}")), hidden, hidden))
            .collect();
        let parts = parts?;
        let weights: Vec<&Tensor> = parts.iter().map(|part| &part.weight).collect();
        let biases: Vec<&Tensor> = parts.iter().map(|part| &part.bias).collect();
        let joined = |tensors: candle_core::Result<Tensor>| {
            tensors.map_err(|error| BadModel::broken("model.safetensors", first_line(&error)))
        };
        Ok(Layer {
            attention: Linear {
                weight: joined(Tensor::cat(&weights, 1))?,
                bias: joined(Tensor::cat(&biases, 0))?,
            },
            attended: tensors.linear(&name("attention.output.dense"), hidden, hidden)?,
            attended_norm: tensors.norm(&name("attention.output.LayerNorm"), hidden, eps)?,
            up: tensors.linear(&name("intermediate.dense"), hidden, inner)?,
            down: tensors.linear(&name("output.dense"), inner, hidden)?,
            norm: tensors.norm(&name("output.LayerNorm"), hidden, eps)?,
        })
    }

    fn forward(
        &self,
        state: &Tensor,
        (count, tokens, heads): (usize, usize, usize),
        activation: Activation,
    ) -> candle_core::Result<Tensor> {
        let hidden = state.dim(1)?;
        let size = hidden / heads;
        let mixed = self
            .attention
            .forward(state)?
            .reshape((count, tokens, 3, heads, size))?;
        // Texts × heads × tokens × numbers of a head.
        let part = |which: usize| {
            mixed
                .narrow(2, which, 1)?
                .squeeze(2)?
                .transpose(1, 2)?
                .contiguous()
        };
        let (queries, keys, values) = (part(0)?, part(1)?, part(2)?);
        let likeness = (queries.matmul(&keys.t()?)? * (size as f64).powf(-0.5))?;
        let attended = ops::softmax_last_dim(&likeness)?.matmul(&values)?;
        let attended = attended
            .transpose(1, 2)?
            .reshape((count * tokens, hidden))?;
        let state = self
            .attended_norm
            .forward(&(self.attended.forward(&attended)? + state)?)?;
        let inner = self.up.forward(&state)?;
        let inner = match activation {
            Activation::Gelu => inner.gelu_erf()?,
            Activation::GeluTanh => inner.gelu()?,
            Activation::Relu => inner.relu()?,
        };
        self.norm.forward(&(self.down.forward(&inner)? + &state)?)
    }
}

impl Embedder for SentenceEncoder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.hidden
    }

    fn embed(&self, papers: &[&Paper]) -> Vec<Vec<f32>> {
        let texts: Vec<Vec<u32>> = papers.par_iter().map(|paper| self.tokens(paper)).collect();
        let mut by_length: Vec<usize> = (0..texts.len()).collect();
        // The longest first, so that all threads finish at about the same time.
        by_length.sort_by_key(|at| std::cmp::Reverse(texts[*at].len()));
        let alike: Vec<&[usize]> = by_length
            .chunk_by(|a, b| texts[*a].len() == texts[*b].len())
            .flat_map(|alike| alike.chunks(TOGETHER))
            .collect();
        let made: Vec<Vec<Vec<f32>>> = alike
            .par_iter()
            .map(|alike| {
                let ids: Vec<&[u32]> = alike.iter().map(|at| texts[*at].as_slice()).collect();
                self.pooled(&ids, self.pooling)
                    .expect("shapes, ids and lengths were looked at when it was read")
            })
            .collect();
        let mut vectors = vec![Vec::new(); papers.len()];
        for (alike, made) in alike.into_iter().zip(made) {
            for (at, mut vector) in alike.iter().zip(made) {
                normalise(&mut vector);
                vectors[*at] = vector;
            }
        }
        vectors
    }
}
