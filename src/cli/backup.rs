//! `backup` and `restore`.

use super::context::{CliContext, database_path, now};
use super::{Done, Failure, out};
use crate::outbox::SendingLock;
use crate::store::sqlite::{SqliteStore, restore as restore_database};
use anyhow::{Context, anyhow};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The file of the backup
    file: PathBuf,
}

pub(super) fn backup(options: &Options, context: &CliContext) -> Done {
    let config = context.config()?;
    let path = database_path(&config)?;
    let store =
        SqliteStore::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    store.back_up(&options.file)?;
    if context.json {
        return Ok(out::json(
            &json!({ "database": path, "backup": options.file }),
        )?);
    }
    Ok(out::line(format!(
        "copied {} to {}",
        path.display(),
        options.file.display()
    ))?)
}

pub(super) fn restore(options: &Options, context: &CliContext) -> Done {
    let config = context.config()?;
    let path = database_path(&config)?;
    let lock = config
        .sending_lock()
        .map_err(|error| Failure::Usage(error.into()))?;
    let holder = format!("`paperboy restore`, process {}", std::process::id());
    let _lock = SendingLock::take(&lock, &holder)
        .map_err(|error| anyhow!("{error}; stop it first: its database is to be replaced"))?;
    let restored = restore_database(&options.file, path, now())?;
    if context.json {
        return Ok(out::json(
            &json!({ "database": path, "held": restored.held, "kept": restored.kept }),
        )?);
    }
    out::line(format!(
        "restored {} from {}",
        path.display(),
        options.file.display()
    ))?;
    if let Some(kept) = &restored.kept {
        out::line(format!(
            "the database that was there is kept as {}",
            kept.display()
        ))?;
    }
    out::line(format!(
        "{} mails that were waiting are held: they may have been sent since; \
         `paperboy outbox list --state held` shows them",
        restored.held
    ))?;
    Ok(())
}
