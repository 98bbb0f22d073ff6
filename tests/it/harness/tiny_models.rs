//! Models small enough to be made in a test.

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::path::Path;

/// Words that the tiny models know, after their marks.
pub(crate) const WORDS: [&str; 10] = [
    "ring", "##s", "graph", "neural", "sort", "##ing", "time", "integer", ".", "field",
];

const MARKS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// A `tokenizer.json` of the BERT family that knows [`WORDS`].
pub(crate) fn tokenizer() -> Value {
    let tokens = MARKS.iter().chain(&WORDS).enumerate();
    let vocab: serde_json::Map<_, _> = tokens
        .map(|(id, token)| ((*token).to_owned(), json!(id)))
        .collect();
    let added: Vec<Value> = MARKS
        .iter()
        .enumerate()
        .map(|(id, mark)| json!({ "id": id, "content": mark, "special": true }))
        .collect();
    json!({
        "added_tokens": added,
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                        "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                   "max_input_chars_per_word": 100, "vocab": vocab },
    })
}

/// Numbers that look like chance, and are the same every time.
pub(crate) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// The bytes of a `model.safetensors`.
pub(crate) fn safetensors_of(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, numbers)| {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect()
        })
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

/// The weights of a tiny static table of 8 numbers.
pub(crate) fn table_weights(seed: u64) -> Vec<u8> {
    let count = MARKS.len() + WORDS.len();
    safetensors_of(&[(
        "embeddings".to_owned(),
        vec![count, 8],
        numbers(seed, count * 8),
    )])
}

pub(crate) const TABLE_CONFIG: &str = r#"{"model_type":"model2vec","normalize":true}"#;

/// A folder with a tiny static table.
pub(crate) fn table(folder: &Path, seed: u64) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("config.json"), TABLE_CONFIG).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors"), table_weights(seed)).unwrap();
}

/// The `config.json` of a tiny encoder.
pub(crate) fn encoder_config() -> Value {
    json!({
        "model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 24, "max_position_embeddings": 32, "vocab_size": MARKS.len() + WORDS.len(),
        "layer_norm_eps": 1e-12, "hidden_act": "gelu", "type_vocab_size": 2,
    })
}

/// A folder with a tiny encoder; the tensors' names begin with `prefix`.
#[cfg(feature = "encoder")]
pub(crate) fn encoder(folder: &Path, prefix: &str) {
    let (hidden, inner, vocab) = (16, 24, MARKS.len() + WORDS.len());
    let mut tensors = Vec::new();
    let mut add = |name: String, shape: &[usize]| {
        let count = shape.iter().product();
        let mut values = numbers(
            name.len() as u64 * 31 + name.bytes().map(u64::from).sum::<u64>(),
            count,
        );
        if name.ends_with("LayerNorm.weight") {
            for value in &mut values {
                *value += 1.0;
            }
        }
        tensors.push((format!("{prefix}{name}"), shape.to_vec(), values));
    };
    add("embeddings.word_embeddings.weight".into(), &[vocab, hidden]);
    add(
        "embeddings.position_embeddings.weight".into(),
        &[32, hidden],
    );
    add(
        "embeddings.token_type_embeddings.weight".into(),
        &[2, hidden],
    );
    let mut pair = |name: &str, inputs: Option<usize>, outputs: usize| {
        let shape: Vec<usize> = std::iter::once(outputs).chain(inputs).collect();
        add(format!("{name}.weight"), &shape);
        add(format!("{name}.bias"), &[outputs]);
    };
    pair("embeddings.LayerNorm", None, hidden);
    for layer in 0..2 {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in ["query", "key", "value"] {
            pair(
                &name(&format!("attention.self.{part}")),
                Some(hidden),
                hidden,
            );
        }
        pair(&name("attention.output.dense"), Some(hidden), hidden);
        pair(&name("attention.output.LayerNorm"), None, hidden);
        pair(&name("intermediate.dense"), Some(hidden), inner);
        pair(&name("output.dense"), Some(inner), hidden);
        pair(&name("output.LayerNorm"), None, hidden);
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("config.json"), encoder_config().to_string()).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors"), safetensors_of(&tensors)).unwrap();
}
