//! Sentence encoders: a tiny one of our own, and the real all-MiniLM-L6-v2 where it is.

use crate::harness::environment;
use crate::harness::tiny_models::{self, WORDS};
use base64::Engine as _;
use paperboy::embedding::{Embedder, distill};
use paperboy::model;
use paperboy::paper::Paper;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn paper(title: &str, text: &str) -> Paper {
    Paper {
        abstract_text: text.to_owned(),
        ..Paper::new("2608.00001".parse().unwrap(), title.to_owned())
    }
}

fn install(place: &Path, name: &str, change: impl FnOnce(&Path)) -> Arc<dyn Embedder> {
    let from = place.join("from").join(name);
    tiny_models::encoder(&from, "");
    change(&from);
    model::copy(&from, &place.join("models"), name).unwrap();
    model::open_installed(&place.join("models"), name).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn a_text_has_the_same_vector_whatever_it_is_run_with() {
    let place = tempfile::tempdir().unwrap();
    let encoder = install(place.path(), "tiny", |_| {});
    assert!(encoder.name().starts_with("bert-16-"), "{}", encoder.name());
    let papers: Vec<Paper> = (0..40)
        .map(|number| paper(&WORDS[2..2 + number % 8].join(" "), "Rings."))
        .collect();
    let together = encoder.embed(&papers.iter().collect::<Vec<_>>());
    for (paper, vector) in papers.iter().zip(&together) {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        assert!(
            cosine(&encoder.embed(&[paper])[0], vector) > 0.99999,
            "{}",
            paper.title
        );
    }
    assert!(
        cosine(&together[1], &together[7]) < 0.999,
        "different texts differ"
    );
    assert!(encoder.embed(&[]).is_empty());
    assert_eq!(encoder.embed(&[&paper("", "")])[0].len(), 16);
}

#[test]
fn pooling_is_what_the_model_says() {
    let place = tempfile::tempdir().unwrap();
    let pooling = |text: &'static str| {
        move |folder: &Path| {
            std::fs::create_dir(folder.join("1_Pooling")).unwrap();
            std::fs::write(folder.join("1_Pooling/config.json"), text).unwrap();
        }
    };
    let usual = install(place.path(), "usual", |_| {});
    let mean = install(
        place.path(),
        "mean",
        pooling(r#"{"pooling_mode_mean_tokens":true}"#),
    );
    let cls = install(
        place.path(),
        "cls",
        pooling(r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#),
    );
    let text = paper("Sorting rings", "Neural graphs.");
    let of = |encoder: &Arc<dyn Embedder>| encoder.embed(&[&text]).remove(0);
    assert_eq!(of(&usual), of(&mean));
    assert!(cosine(&of(&cls), &of(&mean)) < 0.9999);
    assert_ne!(
        mean.name(),
        cls.name(),
        "the way of pooling is part of the name"
    );
}

#[test]
fn old_names_of_tensors_are_understood_and_other_shapes_are_not() {
    let place = tempfile::tempdir().unwrap();
    let plain = install(place.path(), "plain", |_| {});
    let headed = install(place.path(), "headed", |folder| {
        tiny_models::encoder(folder, "bert.");
    });
    let text = paper("Sorting rings", "");
    // The numbers depend on the names without the prefix, so they are the same.
    assert_eq!(plain.embed(&[&text]), headed.embed(&[&text]));

    let refused = |change: &dyn Fn(&mut Value)| {
        let from = place.path().join("from/plain");
        let mut config = tiny_models::encoder_config();
        change(&mut config);
        std::fs::write(from.join("config.json"), config.to_string()).unwrap();
        let error = model::copy(&from, &place.path().join("models"), "broken").unwrap_err();
        assert!(model::installed(&place.path().join("models"), "broken").is_err());
        format!("{:#}", anyhow::Error::from(error))
    };
    assert!(
        refused(&|config| config["num_hidden_layers"] = json!(3)).contains("it holds no tensor")
    );
    assert!(
        refused(&|config| config["intermediate_size"] = json!(25))
            .contains("has the shape [24, 16]")
    );
    assert!(
        refused(&|config| config["num_attention_heads"] = json!(5))
            .contains("cannot be shared by 5 heads")
    );
    assert!(refused(&|config| config["vocab_size"] = json!(3)).contains("config.json says 3"));
    assert!(refused(&|config| config["hidden_act"] = json!("swish")).contains("swish"));
    assert!(refused(&|config| config["model_type"] = json!("roberta")).contains("roberta"));
}

#[test]
fn a_table_is_distilled_from_an_encoder() {
    let place = tempfile::tempdir().unwrap();
    install(place.path(), "tiny", |_| {});
    let models = place.path().join("models");
    let (encoder, tokenizer) = model::open_encoder(&models, "tiny").unwrap();
    let mut steps = Vec::new();
    let made = distill(&encoder, &tokenizer, |done, whole| {
        steps.push((done, whole));
    })
    .unwrap();
    // All words, and the marks for padding and the unknown.
    assert_eq!(steps, [(12, 12)]);
    model::save_distilled(&models, "table", "tiny", &made).unwrap();
    let table = model::open_installed(&models, "table").unwrap();
    assert!(table.name().starts_with("static-16-"), "{}", table.name());
    assert!(
        cosine(
            &table.embed(&[&paper("graph", "")])[0],
            &table.embed(&[&paper("Graph!", "")])[0]
        ) > 0.9999
    );
    assert_eq!(table.embed(&[&paper("unheard", "")])[0], [0.0; 16]);
}

/// The folder of the real all-MiniLM-L6-v2, if it is there.
fn minilm() -> Option<PathBuf> {
    let folder = std::env::var_os("PAPERBOY_MINILM")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    if folder.is_none() {
        environment::missing("all-MiniLM-L6-v2 (PAPERBOY_MINILM names its folder)");
    }
    folder
}

#[test]
fn the_real_encoder_agrees_with_sentence_transformers() {
    let Some(folder) = minilm() else { return };
    let place = tempfile::tempdir().unwrap();
    model::copy(&folder, place.path(), "all-MiniLM-L6-v2").unwrap();
    let encoder = model::open_installed(place.path(), "all-MiniLM-L6-v2").unwrap();
    let reference: Value = serde_json::from_str(include_str!("reference/minilm.json")).unwrap();
    for text in reference["texts"].as_array().unwrap() {
        let paper = paper(
            text["title"].as_str().unwrap(),
            text["abstract"].as_str().unwrap(),
        );
        let bytes = base64::prelude::BASE64_STANDARD
            .decode(text["vector"].as_str().unwrap())
            .unwrap();
        let expected: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let likeness = cosine(&encoder.embed(&[&paper])[0], &expected);
        eprintln!("{}: cosine {likeness:.6}", paper.title);
        assert!(likeness >= 0.999, "{}: {likeness}", paper.title);
    }
}
