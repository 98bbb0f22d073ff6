//! Who may use whom: the table of the map in `src/lib.rs`, held.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "tidy/prose.rs"]
mod prose;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const WORDS: &[&str] = &[
    "clock",
    "random",
    "token",
    "failpoint",
    "text",
    "refusal",
    "fields",
    "paper",
    "pick",
    "coverage",
    "run_figures",
    "subscriber",
    "site",
    "links",
];

/// Every module and what it may use besides itself, in the order of the map.
const MAY_USE: &[(&str, &[&str])] = &[
    // Doors and words.
    ("clock", &[]),
    ("random", &[]),
    ("token", &[]),
    ("failpoint", &[]),
    ("text", &[]),
    ("refusal", &[]),
    ("der", &[]),
    ("fields", &[]),
    ("site", &["token"]),
    ("paper", &["text"]),
    ("pick", &["paper"]),
    ("coverage", &[]),
    ("run_figures", &[]),
    ("subscriber", &["fields", "paper", "text"]),
    ("links", &["pick", "site", "subscriber", "token"]),
    // Pure.
    ("schedule", &["subscriber"]),
    ("profile", &["paper", "pick", "subscriber", "text"]),
    ("embedding", &["paper", "profile", "text"]),
    (
        "ranking",
        &[
            "embedding",
            "paper",
            "pick",
            "profile",
            "subscriber",
            "text",
        ],
    ),
    ("language", &[]),
    (
        "digest",
        &[
            "language",
            "links",
            "paper",
            "pick",
            "run_figures",
            "site",
            "subscriber",
            "text",
        ],
    ),
    // Border and store.
    ("dns", &["random"]),
    ("http", &["clock", "random", "site"]),
    ("source", &["coverage", "fields", "http", "paper", "text"]),
    ("model", &["embedding", "http"]),
    (
        "store",
        &[
            "coverage",
            "embedding",
            "failpoint",
            "paper",
            "pick",
            "run_figures",
            "subscriber",
            "text",
        ],
    ),
    (
        "archive",
        &[
            "embedding",
            "model",
            "paper",
            "profile",
            "ranking",
            "store",
            "text",
        ],
    ),
    // Stages.
    (
        "inbound",
        &["der", "links", "refusal", "store", "subscriber", "token"],
    ),
    ("intake", &["coverage", "http", "paper", "source", "store"]),
    (
        "edition",
        &[
            "archive",
            "coverage",
            "digest",
            "language",
            "links",
            "paper",
            "pick",
            "profile",
            "ranking",
            "schedule",
            "site",
            "store",
            "subscriber",
            "text",
            "token",
        ],
    ),
    (
        "outbox",
        &[
            "clock",
            "failpoint",
            "random",
            "refusal",
            "store",
            "subscriber",
        ],
    ),
    // Those who watch over all of it.
    ("upkeep", &["store"]),
    (
        "findings",
        &[
            "clock",
            "coverage",
            "der",
            "digest",
            "edition",
            "http",
            "links",
            "outbox",
            "run_figures",
            "schedule",
            "store",
            "subscriber",
        ],
    ),
];

/// Built from the others; nobody uses them but each other.
const EDGE: &[&str] = &[
    "cli",
    "config",
    "daemon",
    "shapes",
    "telemetry",
    "trial",
    "web",
];

/// Names that a deciding file must not use.
const DOING: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "tokio::",
    "Db",
    "rusqlite",
    "Clock",
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below `folder`, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file: without comments and without the tests at its end.
fn code(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let source = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap()
        .to_owned();
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules named behind `crate::`, in groups too.
fn modules_named_in(code: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let mut named = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap();
            named.extend(
                group
                    .split(',')
                    .map(|name| name.trim().split("::").next().unwrap().to_owned()),
            );
        } else {
            named.insert(rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())].to_owned());
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

#[test]
fn modules_use_only_what_they_may() {
    let files = rust_files(&src());
    let mut complaints = Vec::new();
    for file in &files {
        let inside = file.strip_prefix(src()).unwrap();
        let module = Path::new(inside.iter().next().unwrap())
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap();
        if ["lib", "main"].contains(&module) || EDGE.contains(&module) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!(
                "{}: `{module}` is not in the table",
                inside.display()
            ));
            continue;
        };
        for used in modules_named_in(&code(file)) {
            if used != module && !allowed.contains(&used.as_str()) {
                complaints.push(format!(
                    "{}: `{module}` may not use `{used}`",
                    inside.display()
                ));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_table_has_no_circles_and_no_strangers() {
    for (at, (module, allowed)) in MAY_USE.iter().enumerate() {
        for used in *allowed {
            let known = WORDS.contains(used) || MAY_USE[..at].iter().any(|(name, _)| name == used);
            assert!(known, "`{module}` comes before `{used}`, which it uses");
        }
    }
}

/// Whether the head of a file holds one of `words`.
fn head_says(path: &Path, words: &[&str]) -> bool {
    let source = fs::read_to_string(path).unwrap_or_default();
    source
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .any(|line| words.iter().any(|word| line.contains(word)))
}

fn says_pure(path: &Path) -> bool {
    head_says(path, &["Pure.", "Pure:", "Pure;"])
}

/// Files that decide: their own head says `Pure.`, or the head of a module that they are in. A file
/// in such a module whose head says `Not pure` (and why) is none.
fn pure_files() -> Vec<PathBuf> {
    let is_pure = |path: &PathBuf| {
        let mut folders = path
            .ancestors()
            .skip(1)
            .take_while(|folder| **folder != src());
        let is_excepted = head_says(path, &["Not pure"]);
        !is_excepted
            && (says_pure(path)
                || folders.any(|folder| {
                    says_pure(&folder.join("mod.rs")) || says_pure(&folder.with_extension("rs"))
                }))
    };
    rust_files(&src()).into_iter().filter(is_pure).collect()
}

#[test]
fn deciding_files_do_nothing() {
    let files = pure_files();
    assert!(files.len() >= 100, "only {} files say `Pure.`", files.len());
    let mut complaints = Vec::new();
    for file in &files {
        let code = code(file);
        for word in DOING {
            let is_named = code
                .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                .any(|name| {
                    name == *word
                        || name.starts_with(&format!("{word}::"))
                        || (word.ends_with("::") && name.starts_with(word))
                });
            if is_named {
                let inside = file.strip_prefix(src()).unwrap();
                complaints.push(format!("{} is pure and names `{word}`", inside.display()));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn sql_lives_in_the_store_alone() {
    for file in rust_files(&src()) {
        if file.starts_with(src().join("store")) {
            continue;
        }
        let code = code(&file);
        for word in ["SELECT ", "INSERT INTO", "DELETE FROM", "rusqlite"] {
            assert!(
                !code.contains(word),
                "{}: `{word}` belongs into src/store",
                file.display()
            );
        }
    }
}

#[test]
fn every_module_is_in_the_map() {
    let map = fs::read_to_string(src().join("lib.rs")).unwrap();
    for line in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(
            map.contains(&format!("[`{module}`]")),
            "`{module}` is not in the map of src/lib.rs"
        );
    }
}

#[test]
fn the_top_level_holds_what_it_may() {
    let mut strangers = Vec::new();
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "templates",
        "migrations",
        "tests",
        "deploy",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
    ];
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with('.') && !allowed.contains(&name.as_str()) {
            strangers.push(name);
        }
    }
    // Python's and proptest's leavings are no part of the project; git ignores them.
    strangers.retain(|name| name != "proptest-regressions");
    assert_eq!(strangers, Vec::<String>::new());
}

#[test]
fn the_paths_to_touch_exist() {
    let map = fs::read_to_string(src().join("lib.rs")).unwrap();
    let table = map
        .split("# To add a")
        .nth(1)
        .expect("the map says what to touch");
    let table = table.split("//! # ").next().unwrap();
    let rows = table
        .lines()
        .filter(|line| line.starts_with("//! | "))
        .count();
    assert!(rows >= 9, "a head and eight things to add");
    let named: Vec<&str> = table
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains('/'))
        .collect();
    assert!(named.len() >= 16, "{named:?}");
    for name in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name.replace("NEW.rs", ""));
        assert!(
            path.exists(),
            "the map names `{name}`, which does not exist"
        );
    }
}
