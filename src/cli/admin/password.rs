//! `admin password`: sets the password of the operator's pages.

use crate::cli::context::{CliContext, now};
use crate::cli::{Done, Failure, out};
use crate::random::SystemChance;
use crate::store::Db;
use crate::web::admin::hash_password;
use anyhow::{Context, anyhow};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    /// Read it from the first line of this file instead of prompting
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Longest password, in bytes.
const LINE_BYTES_MAX: u64 = 4_096;

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let password = match &options.file {
        Some(path) => of_file(path)?,
        None if io::stdin().is_terminal() => asked_twice()?,
        None => first_line(io::stdin().lock())
            .context("cannot read the password from standard input")?,
    };
    set(&db, &password)?;
    if context.json {
        return Ok(out::json(&json!({ "password": "set" }))?);
    }
    let pages = match config.web.admin_listen {
        Some(address) => format!("http://{address}/admin"),
        None => config.site.url("/admin"),
    };
    Ok(out::line(format!(
        "the password is set, and everybody is signed out; the operator's pages are at {pages}"
    ))?)
}

/// Sets the password in the first line of the file at `path`.
pub(in crate::cli) fn set_from_file(db: &Db, path: &Path) -> Done {
    set(db, &of_file(path)?)
}

/// Prompts for a password on a terminal; an empty one is skipped. Returns whether one was set.
pub(in crate::cli) fn offer(db: &Db) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let first = asked("Password for the operator's pages, /admin (nothing for none yet): ")?;
    if first.is_empty() {
        return Ok(false);
    }
    let is_meant = first == asked("Once more: ")?;
    let problem = if is_meant {
        hash_password(&first, &SystemChance::new()).err()
    } else {
        None
    };
    if !is_meant || problem.is_some() {
        let why = problem.map_or_else(
            || "these were two passwords".to_owned(),
            |problem| problem.to_string(),
        );
        out::note(format!("{why}; no password is set"));
        return Ok(false);
    }
    set(db, &first)?;
    Ok(true)
}

fn set(db: &Db, password: &str) -> Done {
    if password.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "no password was given; nothing was changed"
        )));
    }
    let hash = hash_password(password, &SystemChance::new())
        .map_err(|error| Failure::Usage(anyhow!("{error}; nothing was changed")))?;
    Ok(db.run_here(|store| store.set_admin_password(&hash, now()))?)
}

fn of_file(path: &Path) -> Result<String, Failure> {
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = first_line(io::BufReader::new(file))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(line)
}

/// Reads one line without its end; the rest is ignored.
fn first_line(from: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(LINE_BYTES_MAX).read_line(&mut line)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// Prompts twice, until both passwords are the same.
fn asked_twice() -> Result<String, Failure> {
    let first = asked("Password for the operator's pages: ")?;
    let second = asked("Once more: ")?;
    if first != second {
        return Err(Failure::Usage(anyhow!(
            "the two passwords differ; nothing was changed"
        )));
    }
    Ok(first)
}

/// Prompts on the terminal without echo.
fn asked(question: &str) -> Result<String, Failure> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let unseen = Unseen::begin().context("cannot keep the terminal from showing the password")?;
    let line = first_line(io::stdin().lock());
    drop(unseen);
    writeln!(terminal)?;
    Ok(line.context("cannot read the password")?)
}

/// Turns off the echo of the terminal until dropped.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes -= LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Unseen(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A failure cannot be handled here.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
