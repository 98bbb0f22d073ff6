//! The three readers of the trial.

use crate::subscriber::{Interest, NewSubscriber, Preferences, Status, WhenEmpty};
use chrono::NaiveTime;
use chrono_tz::Tz;

/// One reader with detailed interests, one with interests described by words only, and one with
/// nothing but an address.
pub(super) fn readers() -> Vec<NewSubscriber> {
    let models = vec![
        Interest {
            name: "Parameter-efficient fine-tuning".to_owned(),
            description: "Adapting large language models with few trained parameters: low-rank adapters, prompts, \
                          quantised fine-tuning, merging and forgetting."
                .to_owned(),
            keywords: vec!["low-rank adaptation".to_owned(), "LoRA".to_owned()],
            must_not: vec!["LoRaWAN".to_owned(), "radio".to_owned()],
            categories: vec!["cs.*".to_owned(), "stat.ML".to_owned()],
            ..Interest::default()
        },
        Interest {
            name: "How language models reason".to_owned(),
            description: "Reasoning in language models: chains of thought, what the model knows about its own \
                          mistakes, evaluation of answers."
                .to_owned(),
            authors: vec!["Ada Lovelace".to_owned()],
            ..Interest::default()
        },
    ];
    let machines = vec![
        Interest {
            name: "Quantum error correction and cold atoms".to_owned(),
            description: "Correcting errors in quantum computers; surface codes and decoders; neutral atoms, \
                          optical lattices, ultracold gases."
                .to_owned(),
            keywords: vec!["quantum error correction".to_owned()],
            ..Interest::default()
        },
        Interest {
            name: "Robots that learn".to_owned(),
            description: "Robot manipulation and locomotion learned from demonstrations or simulation; policies \
                          that transfer to real robots."
                .to_owned(),
            ..Interest::default()
        },
    ];
    vec![
        reader(
            "models@reader.example",
            "A reader of language models",
            Tz::Europe__Berlin,
            models,
        ),
        reader(
            "machines@reader.example",
            "A reader of atoms and robots",
            Tz::America__New_York,
            machines,
        ),
        reader("curious@reader.example", "", Tz::UTC, Vec::new()),
    ]
}

fn reader(address: &str, name: &str, timezone: Tz, interests: Vec<Interest>) -> NewSubscriber {
    NewSubscriber {
        address: address.parse().expect("the readers have plain addresses"),
        name: name.to_owned(),
        status: Status::Active,
        preferences: Preferences {
            timezone,
            send_at: NaiveTime::from_hms_opt(7, 0, 0).expect("07:00 is a time of day"),
            // A trial always has something to show.
            when_empty: WhenEmpty::Note,
            ..Preferences::default()
        },
        interests,
    }
}
