//! `admin keys`: API keys.

use crate::cli::context::{CliContext, instant, now};
use crate::cli::{Done, Failure, out};
use crate::random::{Random, SystemChance};
use crate::store::{KeyScope, NewKey, StoredKey};
use crate::token::{API_KEY_BYTES, api_key, api_key_hash};
use anyhow::anyhow;
use chrono::{DateTime, Utc};
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Create a key; it is shown once
    Make {
        /// Name of the key: its user or purpose
        name: String,
        /// Scope (may be repeated): read, subscribers:write, subscribers:vouch
        /// (subscribe at once people who have agreed elsewhere), papers:write,
        /// deliveries:write, suppressions:write
        #[arg(long = "scope", value_name = "SCOPE", value_parser = scope, default_value = "read")]
        scopes: Vec<KeyScope>,
        /// Expiry [default: never]
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        expires: Option<DateTime<Utc>>,
        /// Most requests per minute
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        per_minute: u32,
    },
    /// List all keys, including revoked ones
    List,
    /// Revoke a key for good
    Revoke { name: String },
}

fn scope(text: &str) -> Result<KeyScope, String> {
    let found = KeyScope::WORDS.iter().find(|(word, _)| *word == text);
    found.map(|(_, scope)| *scope).ok_or_else(|| {
        let words = KeyScope::WORDS.map(|(word, _)| word);
        format!("must be one of {}", words.join(", "))
    })
}

const NAME_CHARS_MAX: usize = 100;

pub(in crate::cli) fn run(command: Command, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    match command {
        Command::Make {
            name,
            mut scopes,
            expires,
            per_minute,
        } => {
            let name = crate::text::clean_line(&name);
            if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
                return Err(Failure::Usage(anyhow!(
                    "the name must have 1 to {NAME_CHARS_MAX} characters"
                )));
            }
            if name.contains('@') {
                return Err(Failure::Usage(anyhow!(
                    "the name stands in the log, where no address may stand: leave out the @"
                )));
            }
            if expires.is_some_and(|at| at <= now()) {
                return Err(Failure::Usage(anyhow!("--expires: must lie ahead")));
            }
            scopes.sort();
            scopes.dedup();
            let mut chance = [0; API_KEY_BYTES];
            SystemChance::new().fill(&mut chance);
            let key = api_key(&chance);
            let new = NewKey {
                name,
                hash: api_key_hash(&key),
                scopes,
                per_minute,
                expires_at: expires,
            };
            if db.run_here(|store| store.make_key(&new, now()))?.is_none() {
                return Err(Failure::Failed(anyhow!(
                    "there is a key called {:?} already; `paperboy admin keys revoke` ends it",
                    new.name
                )));
            }
            if context.json {
                return Ok(out::json(&json!({
                    "name": new.name, "key": key, "scopes": new.scopes, "per_minute": per_minute,
                    "expires_at": expires,
                }))?);
            }
            out::note("the key is shown this once; keep it where passwords are kept:");
            Ok(out::line(key)?)
        }
        Command::List => {
            let keys = db.run_here(|store| store.keys())?;
            if context.json {
                return Ok(out::json(&keys)?);
            }
            let rows: Vec<[String; 6]> = keys.iter().map(row).collect();
            Ok(out::table(
                [
                    "NAME",
                    "SCOPES",
                    "A MINUTE",
                    "MADE (UTC)",
                    "LAST USED (UTC)",
                    "STATE",
                ],
                &rows,
            )?)
        }
        Command::Revoke { name } => {
            if !db.run_here(|store| store.revoke_key(&name, now()))? {
                return Err(Failure::Failed(anyhow!(
                    "there is no key called {name:?} in use; `paperboy admin keys list` shows all"
                )));
            }
            Ok(out::line(format!("revoked {name:?}"))?)
        }
    }
}

fn row(key: &StoredKey) -> [String; 6] {
    let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M").to_string();
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", minute(at)),
        (None, Some(at)) if at <= now() => format!("ended {}", minute(at)),
        (None, Some(at)) => format!("until {}", minute(at)),
        (None, None) => "in use".to_owned(),
    };
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.word()).collect();
    [
        key.name.clone(),
        scopes.join(" "),
        key.per_minute.to_string(),
        minute(key.made_at),
        key.used_at.map_or_else(|| "never".to_owned(), minute),
        state,
    ]
}
