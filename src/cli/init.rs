//! `init` and `migrate`.

use super::context::{CliContext, database_path};
use super::{Done, out};
use crate::config::{Config, init_dir};
use crate::random::SystemChance;
use crate::store::Db;
use crate::store::sqlite::{SqliteStore, rehearse};
use anyhow::Context;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Folder; created if it does not exist
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Folder of the database, mail and models, as an absolute path [default: beside the settings]
    #[arg(long, value_name = "FOLDER", value_parser = absolute)]
    data: Option<PathBuf>,
    /// Set the password of the operator's pages: the first line of this file
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

/// Text, so that it can be written into the settings.
fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err("must be an absolute path, like /var/lib/paperboy")
    }
}

pub(super) fn init(options: &Options, json: bool) -> Done {
    let report = init_dir(&options.dir, options.data.as_deref(), &SystemChance::new())?;
    // The file just written decides the place of the database, not this shell's variables.
    let config = Config::load(&report.settings, std::iter::empty())?;
    let path = database_path(&config)?;
    let (store, _) =
        SqliteStore::migrate(path).with_context(|| format!("cannot create {}", path.display()))?;
    let db = Db::new(store);
    let has_password = match &options.admin_password_file {
        Some(file) => super::admin::set_from_file(&db, file).map(|()| true)?,
        None if json => false,
        None => super::admin::offer(&db)?,
    };
    if json {
        return Ok(out::json(
            &json!({ "settings": report.settings, "secret": report.secret, "database": path }),
        )?);
    }
    out::line(format!("wrote {}", report.settings.display()))?;
    if report.secret_is_new {
        out::line(format!(
            "wrote {} (signs the links in mails: keep it, and keep it secret)",
            report.secret.display()
        ))?;
    } else {
        out::line(format!("kept  {}", report.secret.display()))?;
    }
    out::line(format!("wrote {}", path.display()))?;
    out::line("")?;
    out::line(
        "Fill in [site], then `paperboy check`. Without [smtp], mail goes to the folder `mail`.",
    )?;
    if has_password {
        out::line("The password of the operator's pages (/admin) is set.")?;
    } else {
        out::line("`paperboy admin password` opens the operator's pages (/admin).")?;
    }
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(super) struct MigrateOptions {
    /// Migrate a copy, print the result and the time, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Tries the migration on a copy.
fn rehearsal(path: &Path, json: bool) -> Done {
    let began = Instant::now();
    let tried =
        rehearse(path).with_context(|| format!("cannot migrate a copy of {}", path.display()))?;
    let seconds = began.elapsed().as_secs_f64();
    if json {
        return Ok(out::json(&json!({
            "database": path, "from": tried.from, "to": tried.to, "steps": tried.to - tried.from,
            "bytes_before": tried.bytes_before,
            "bytes_after": tried.bytes_after,
            "seconds": seconds,
        }))?);
    }
    let shown = path.display();
    if tried.from == tried.to {
        return Ok(out::line(format!(
            "{shown} has schema {} already: there is nothing to do",
            tried.to
        ))?);
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    out::line(format!(
        "{shown} would be migrated from schema {} to {}",
        tried.from, tried.to
    ))?;
    out::line(format!(
        "on a copy it took {seconds:.1} seconds and went well: {:.1} MiB became {:.1} MiB",
        mib(tried.bytes_before),
        mib(tried.bytes_after)
    ))?;
    out::line("nothing was changed; stop the service and `paperboy backup` before you migrate")?;
    Ok(())
}

pub(super) fn migrate(options: &MigrateOptions, context: &CliContext) -> Done {
    let config = context.config()?;
    let path = database_path(&config)?;
    if options.dry_run {
        return rehearsal(path, context.json);
    }
    let (_, migrated) =
        SqliteStore::migrate(path).with_context(|| format!("cannot migrate {}", path.display()))?;
    if context.json {
        return Ok(out::json(
            &json!({ "database": path, "from": migrated.from, "to": migrated.to }),
        )?);
    }
    let path = path.display();
    out::line(match (migrated.from, migrated.to) {
        (0, to) => format!("created {path} with schema {to}"),
        (from, to) if from == to => format!("{path} has schema {to} already"),
        (from, to) => format!("migrated {path} from schema {from} to {to}"),
    })?;
    Ok(())
}
