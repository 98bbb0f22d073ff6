//! Models from the command line and from a hub.

use crate::harness::fake_http::{FakeHttp, Reply};
use crate::harness::tiny_models::{self, TABLE_CONFIG};
use paperboy::http::{HttpEnv, HttpSettings};
use paperboy::model::{self, Hub, HubError, ModelError};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn git_name(bytes: &[u8]) -> String {
    let blob = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &blob).as_ref())
}

// A hub ---------------------------------------------------------------------------

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn hub(server: &FakeHttp) -> Hub {
    let around = HttpEnv {
        sleep: Arc::new(|_| Box::pin(async {})),
        ..HttpEnv::system()
    };
    Hub::new(&server.url(), &HttpSettings::named("test"), around).unwrap()
}

/// A small file, as the hub answers.
fn small(bytes: &[u8]) -> Reply {
    Reply::ok(bytes)
        .header("ETag", &format!("\"{}\"", git_name(bytes)))
        .header("X-Repo-Commit", COMMIT)
}

/// A large file is elsewhere.
fn elsewhere(bytes: &[u8], place: &str) -> Reply {
    Reply::status(302)
        .header("Location", place)
        .header("ETag", "\"of the redirection\"")
        .header("X-Linked-Etag", &format!("\"{}\"", sha256(bytes)))
        .header("X-Linked-Size", &bytes.len().to_string())
        .header("X-Repo-Commit", COMMIT)
}

/// A hub with a tiny table, `someone/tiny`.
async fn tiny_hub() -> (FakeHttp, Vec<u8>) {
    let server = FakeHttp::start().await;
    let weights = tiny_models::table_weights(1);
    server
        .on("/someone/tiny/resolve/main/config.json")
        .says(small(TABLE_CONFIG.as_bytes()));
    let at = format!("/someone/tiny/resolve/{COMMIT}");
    server
        .on(&format!("{at}/tokenizer.json"))
        .says(small(tiny_models::tokenizer().to_string().as_bytes()));
    server
        .on(&format!("{at}/model.safetensors"))
        .says(elsewhere(&weights, "/cdn/weights?signed=1"));
    server.on("/cdn/weights").says(Reply::ok(weights.clone()));
    (server, weights)
}

async fn fetch(server: &FakeHttp, path: &Path) -> Result<(), ModelError> {
    model::fetch(&hub(server), ("someone/tiny", "main"), path, "tiny", |_| {}).await
}

/// The rest of a file.
fn rest(bytes: &[u8], from: usize) -> Reply {
    let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
    Reply::status(206)
        .with_body(&bytes[from..])
        .header("Content-Range", &range)
}

#[tokio::test]
async fn a_model_is_fetched_file_by_file_from_one_commit() {
    let (server, _) = tiny_hub().await;
    let place = tempfile::tempdir().unwrap();
    fetch(&server, place.path()).await.unwrap();
    let installed = model::installed(place.path(), "tiny").unwrap();
    assert_eq!(installed.manifest.revision.as_deref(), Some(COMMIT));
    assert_eq!(installed.manifest.from, "someone/tiny");
    assert!(
        model::open_installed(place.path(), "TINY")
            .unwrap()
            .name()
            .starts_with("static-8-")
    );
    let left: Vec<_> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["tiny"]);
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke_off() {
    let (server, weights) = tiny_hub().await;
    server
        .on("/cdn/weights")
        .says(Reply::ok(weights.clone()).cut_off_after(100))
        .then(rest(&weights, 100).cut_off_after(50))
        .then(rest(&weights, 150));
    let place = tempfile::tempdir().unwrap();
    fetch(&server, place.path()).await.unwrap();
    let asked = server.asked();
    let ranges: Vec<&str> = asked
        .iter()
        .filter(|asked| asked.target.starts_with("/cdn"))
        .map(|asked| asked.header("range"))
        .collect();
    assert_eq!(ranges, ["", "bytes=100-", "bytes=150-"]);
}

#[tokio::test]
async fn an_interrupted_installation_goes_on_with_the_next_command() {
    let (server, weights) = tiny_hub().await;
    server
        .on("/cdn/weights")
        .says(Reply::ok(weights.clone()).cut_off_after(100))
        .then(Reply::status(503));
    let place = tempfile::tempdir().unwrap();
    let error = fetch(&server, place.path()).await.unwrap_err();
    assert!(
        matches!(error, ModelError::Hub(HubError::Unreachable { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("status 503"), "{error}");
    assert!(
        model::list(place.path()).unwrap().is_empty(),
        "half a model is none"
    );
    server.on("/cdn/weights").says(rest(&weights, 100));
    fetch(&server, place.path()).await.unwrap();
    assert_eq!(server.asked().last().unwrap().header("range"), "bytes=100-");
    assert!(model::open_installed(place.path(), "tiny").is_ok());
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_sends_all_of_it_again() {
    let (server, weights) = tiny_hub().await;
    server
        .on("/cdn/weights")
        .says(Reply::ok(weights.clone()).cut_off_after(100))
        .then(Reply::ok(weights));
    let place = tempfile::tempdir().unwrap();
    fetch(&server, place.path()).await.unwrap();
    assert!(model::open_installed(place.path(), "tiny").is_ok());
}

#[tokio::test]
async fn what_is_not_what_was_promised_is_thrown_away() {
    let (server, weights) = tiny_hub().await;
    server
        .on("/cdn/weights")
        .says(Reply::ok(tiny_models::table_weights(2)));
    let place = tempfile::tempdir().unwrap();
    let error = fetch(&server, place.path()).await.unwrap_err();
    assert!(
        matches!(error, ModelError::Hub(HubError::Checksum { .. })),
        "{error}"
    );
    assert!(error.to_string().contains(&sha256(&weights)), "{error}");
    assert!(model::list(place.path()).unwrap().is_empty());
    // The small files are looked at, too.
    server
        .on("/someone/tiny/resolve/main/config.json")
        .says(small(b"{}").with_body("{ }"));
    let error = fetch(&server, place.path()).await.unwrap_err();
    assert!(
        matches!(error, ModelError::Hub(HubError::Checksum { .. })),
        "{error}"
    );
    // Once it is right again, nothing is left of it.
    server
        .on("/someone/tiny/resolve/main/config.json")
        .says(small(TABLE_CONFIG.as_bytes()));
    server.on("/cdn/weights").says(Reply::ok(weights));
    fetch(&server, place.path()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_before_its_weights_are_fetched() {
    let place = tempfile::tempdir().unwrap();
    let weights_asked = |server: &FakeHttp| {
        server
            .paths()
            .iter()
            .any(|path| path.contains("safetensors"))
    };

    let (server, _) = tiny_hub().await;
    let mut unigram = tiny_models::tokenizer();
    unigram["model"]["type"] = json!("Unigram");
    let tokenizer = format!("/someone/tiny/resolve/{COMMIT}/tokenizer.json");
    server
        .on(&tokenizer)
        .says(small(unigram.to_string().as_bytes()));
    let error = format!(
        "{:#}",
        anyhow::Error::from(fetch(&server, place.path()).await.unwrap_err())
    );
    assert!(
        error.contains("someone/tiny") && error.contains("a Unigram model"),
        "{error}"
    );
    assert!(!weights_asked(&server));

    server.on(&tokenizer).says(small(b"<html>"));
    let error = format!(
        "{:#}",
        anyhow::Error::from(fetch(&server, place.path()).await.unwrap_err())
    );
    assert!(error.contains("tokenizer.json cannot be used"), "{error}");

    server
        .on(&tokenizer)
        .says(small(tiny_models::tokenizer().to_string().as_bytes()));
    server
        .on("/someone/tiny/resolve/main/config.json")
        .says(small(br#"{"model_type":"t5","num_hidden_layers":6}"#));
    let error = format!(
        "{:#}",
        anyhow::Error::from(fetch(&server, place.path()).await.unwrap_err())
    );
    assert!(
        error.contains("\"t5\"") && error.contains("BERT"),
        "{error}"
    );
    assert!(!weights_asked(&server));

    if cfg!(not(feature = "encoder")) {
        let config = tiny_models::encoder_config().to_string();
        server
            .on("/someone/tiny/resolve/main/config.json")
            .says(small(config.as_bytes()));
        let error = format!(
            "{:#}",
            anyhow::Error::from(fetch(&server, place.path()).await.unwrap_err())
        );
        assert!(
            error.contains("cargo build --release --features encoder"),
            "{error}"
        );
        assert!(!weights_asked(&server));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_the_hub_refuses_is_said_with_what_it_means() {
    let server = FakeHttp::start().await;
    let place = tempfile::tempdir().unwrap();
    let error = fetch(&server, place.path()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "someone/tiny at main is not a model: it holds no config.json"
    );
    let config = "/someone/tiny/resolve/main/config.json";
    server.on(config).says(Reply::status(401));
    let error = fetch(&server, place.path()).await.unwrap_err().to_string();
    assert!(
        error.contains("no such repository, or it asks for a login"),
        "{error}"
    );
    server
        .on(config)
        .says(Reply::status(302).header("Location", config));
    let error = fetch(&server, place.path()).await.unwrap_err().to_string();
    assert!(error.contains("too many redirections"), "{error}");
    server.on(config).says(elsewhere(b"", "/cdn/huge"));
    server
        .on("/cdn/huge")
        .says(Reply::status(206).header("Content-Range", "bytes 7-9/10"));
    let error = fetch(&server, place.path()).await.unwrap_err().to_string();
    assert!(error.contains("other bytes than asked for"), "{error}");
}

// The command line ------------------------------------------------------------------

struct Town(TempDir);

impl Town {
    fn new(papers: usize) -> Self {
        let town = Town(tempfile::tempdir().unwrap());
        assert!(town.run(&["init", "."], &[]).status.success());
        let lines: Vec<String> = (0..papers)
            .map(|number| line(number, "We study rings."))
            .collect();
        std::fs::write(town.path().join("papers.jsonl"), lines.concat()).unwrap();
        town.json(&["papers", "import", "papers.jsonl"]);
        tiny_models::table(&town.path().join("from/one"), 1);
        tiny_models::table(&town.path().join("from/two"), 2);
        town
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, words: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
        command
            .args(words)
            .current_dir(self.path())
            .stdin(Stdio::null());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PAPERBOY_"))
        {
            command.env_remove(name);
        }
        command.envs(env.iter().copied()).output().unwrap()
    }

    fn json(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat(), &[]);
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, words: &[&str], env: &[(&str, &str)]) -> (i32, String) {
        let output = self.run(words, env);
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// Name, state and number of vectors of each installed model.
    fn models(&self) -> Vec<(String, String, u64)> {
        let list = self.json(&["model", "list"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let one = |one: &Value| {
            (
                text(&one["name"]),
                text(&one["state"]),
                one["vectors"].as_u64().unwrap(),
            )
        };
        list["installed"]
            .as_array()
            .unwrap()
            .iter()
            .map(one)
            .collect()
    }
}

fn line(number: usize, text: &str) -> String {
    let paper = json!({
        "id": format!("2608.{number:05}"), "title": format!("Sorting {number} graphs"), "abstract": text,
        "authors": ["Ada Lovelace"], "categories": ["cs.DS"], "announced": "2026-08-04",
    });
    format!("{paper}\n")
}

fn of(name: &str, state: &str, vectors: u64) -> (String, String, u64) {
    (name.to_owned(), state.to_owned(), vectors)
}

#[test]
fn a_folder_is_installed_used_and_left_again() {
    let town = Town::new(3);
    let installed = town.json(&["model", "install", "from/one"]);
    assert_eq!(
        (&installed["computed"], &installed["dimensions"]),
        (&json!(3), &json!(8))
    );
    assert_eq!(town.models(), [of("one", "active", 3)]);
    // Again: nothing to do.
    assert_eq!(town.json(&["model", "install", "from/one"])["computed"], 0);
    // What comes later has its vector at once, what changes a new one.
    std::fs::write(
        town.path().join("more.jsonl"),
        line(1, "We study fields.") + &line(7, "Time."),
    )
    .unwrap();
    town.json(&["papers", "import", "more.jsonl"]);
    assert_eq!(town.models(), [of("one", "active", 4)]);
    // Another one takes over whole.
    assert_eq!(
        town.json(&["model", "install", "from/two", "--as", "second"])["before"],
        "one"
    );
    assert_eq!(
        town.models(),
        [of("one", "installed", 0), of("second", "active", 4)]
    );
    assert_eq!(town.json(&["model", "use", "ONE"])["computed"], 4);
    assert_eq!(
        town.models(),
        [of("one", "active", 4), of("second", "installed", 0)]
    );
    assert_eq!(town.json(&["model", "use", "none"])["before"], "one");
    assert_eq!(
        town.models(),
        [of("one", "installed", 0), of("second", "installed", 0)]
    );
}

#[test]
fn a_computation_that_was_killed_goes_on() {
    let town = Town::new(300);
    town.json(&["model", "install", "from/one"]);
    // Each batch passes two points; this one dies after its second.
    let killed = town.run(
        &["model", "install", "from/two"],
        &[("PAPERBOY_DIE_AT", "4")],
    );
    assert_eq!(killed.status.code(), None, "it was killed");
    assert_eq!(
        town.models(),
        [of("one", "active", 300), of("two", "computing", 128)]
    );
    let done = town.json(&["model", "use", "two"]);
    assert_eq!(done["computed"], 300 - 128);
    assert_eq!(
        town.models(),
        [of("one", "installed", 0), of("two", "active", 300)]
    );
    // Between the last vector and the switch, too.
    let killed = town.run(&["model", "use", "one"], &[("PAPERBOY_DIE_AT", "11")]);
    assert_eq!(killed.status.code(), None);
    assert_eq!(
        town.models(),
        [of("one", "computing", 300), of("two", "active", 300)]
    );
    assert_eq!(town.json(&["model", "use", "one"])["computed"], 0);
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let town = Town::new(1);
    let (code, said) = town.refused(&["model", "install", "nonsense"], &[]);
    assert!(code == 2 && said.contains("potion-base-8M"), "{said}");
    std::fs::create_dir(town.path().join("empty")).unwrap();
    let (code, said) = town.refused(&["model", "install", "empty"], &[]);
    assert!(
        code == 1 && said.contains("is not a model: it holds no model.safetensors"),
        "{said}"
    );
    let (code, said) = town.refused(&["model", "use", "absent"], &[]);
    assert!(
        code == 1 && said.contains("no model \"absent\" is installed"),
        "{said}"
    );
    let (_, said) = town.refused(&["model", "use", "../from/one"], &[]);
    assert!(said.contains("is installed"), "{said}");
    let (code, said) = town.refused(&["model", "install", "from/one", "--as", "none"], &[]);
    assert!(code == 2, "{said}");
    std::fs::write(
        town.path().join("from/one/model.safetensors"),
        "x".repeat(500),
    )
    .unwrap();
    let (code, said) = town.refused(&["model", "install", "from/one"], &[]);
    assert!(
        code == 1 && said.contains("model.safetensors cannot be used"),
        "{said}"
    );
    let truncated = &tiny_models::table_weights(1)[..300];
    std::fs::write(town.path().join("from/one/model.safetensors"), truncated).unwrap();
    let (code, said) = town.refused(&["model", "install", "from/one"], &[]);
    assert!(
        code == 1 && said.contains("model.safetensors cannot be used"),
        "{said}"
    );
    assert!(town.models().is_empty());
    town.json(&["model", "install", "from/two"]);
    let (code, said) = town.refused(&["model", "install", "from/one", "--as", "two"], &[]);
    assert!(
        code == 1 && said.contains("another model is installed as two"),
        "{said}"
    );
    if cfg!(not(feature = "encoder")) {
        let (code, said) = town.refused(&["model", "distill", "table", "--from", "two"], &[]);
        assert!(code == 1 && said.contains("--features encoder"), "{said}");
    }
}

#[test]
fn papers_come_in_though_the_model_cannot_be_used() {
    let town = Town::new(1);
    town.json(&["model", "install", "from/one"]);
    std::fs::remove_dir_all(town.path().join("models/one")).unwrap();
    std::fs::write(town.path().join("more.jsonl"), line(7, "Time.")).unwrap();
    let output = town.run(&["papers", "import", "more.jsonl"], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("model use none"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_may_be_a_mirror_and_may_not_be_there() {
    let (server, _) = tiny_hub().await;
    let town = Town::new(2);
    let hub = server.url();
    tokio::task::block_in_place(|| {
        let output = town.run(
            &["model", "install", "someone/tiny", "--no-use"],
            &[("PAPERBOY_MODEL__HUB", &hub)],
        );
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(town.models(), [of("tiny", "installed", 0)]);
        let env = [("PAPERBOY_MODEL__HUB", "ftp://nowhere")];
        let (code, said) = town.refused(&["model", "list"], &env);
        assert!(code == 2 && said.contains("MODEL__HUB"), "{said}");
    });
}
