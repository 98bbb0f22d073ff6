//! What the machine has, and what is done about what it has not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Notes that a test needs `what`, which is not here: a failure where everything must be.
#[track_caller]
pub(crate) fn missing(what: &str) {
    assert!(
        std::env::var_os("PAPERBOY_REQUIRE_ALL").is_none(),
        "{what} is missing"
    );
    eprintln!("skipped: {what} is missing");
}

/// A file or folder of the shared data, if it is here: in the folder that
/// `PAPERBOY_SHARED_DATA` names, or beside the project.
#[track_caller]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("PAPERBOY_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let found = shared.join(path);
    if found.exists() {
        return Some(found);
    }
    missing(&found.display().to_string());
    None
}

/// A Python that has these modules; `PAPERBOY_PYTHON` names another one than `python3`.
pub(crate) fn python_with(modules: &str) -> Option<String> {
    let python = std::env::var("PAPERBOY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let import = format!("import {modules}");
    runs(Command::new(&python).args(["-c", &import])).then_some(python)
}

/// Whether a command can be run and is content.
pub(crate) fn runs(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
