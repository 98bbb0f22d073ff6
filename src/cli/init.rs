//! `init` and `migrate`.

use super::open::{Place, database_path};
use super::{Done, out};
use crate::config::{Config, init_dir};
use crate::random::SystemChance;
use crate::store::sqlite::{SqliteStore, rehearse};
use anyhow::Context;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where; made if it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(super) fn init(options: &Options, json: bool) -> Done {
    let report = init_dir(&options.dir, &SystemChance::new())?;
    // The file just written decides where the database is, not this shell's variables.
    let config = Config::load(&report.settings, std::iter::empty())?;
    let path = database_path(&config)?;
    SqliteStore::migrate(path).with_context(|| format!("cannot create {}", path.display()))?;
    if json {
        return Ok(out::json(&json!({ "settings": report.settings, "secret": report.secret, "database": path }))?);
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
    out::line("Fill in [site], then `paperboy check`. Without [smtp], mail goes to the folder `mail`.")?;
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(super) struct MigrateOptions {
    /// Try it on a copy, say what it would do and how long it takes, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Tries the migration on a copy.
fn rehearsal(path: &Path, json: bool) -> Done {
    let began = Instant::now();
    let tried = rehearse(path).with_context(|| format!("cannot migrate a copy of {}", path.display()))?;
    let seconds = began.elapsed().as_secs_f64();
    if json {
        return Ok(out::json(&json!({
            "database": path, "from": tried.from, "to": tried.to, "steps": tried.to - tried.from,
            "bytes_before": tried.bytes_before, "bytes_after": tried.bytes_after, "seconds": seconds,
        }))?);
    }
    let shown = path.display();
    if tried.from == tried.to {
        return Ok(out::line(format!("{shown} has schema {} already: there is nothing to do", tried.to))?);
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    out::line(format!("{shown} would be brought from schema {} to {}", tried.from, tried.to))?;
    out::line(format!(
        "on a copy it took {seconds:.1} seconds and went well: {:.1} MiB became {:.1} MiB",
        mib(tried.bytes_before),
        mib(tried.bytes_after)
    ))?;
    out::line("nothing was changed; stop the service and `paperboy backup` before you migrate")?;
    Ok(())
}

pub(super) fn migrate(options: &MigrateOptions, place: &Place) -> Done {
    let config = place.config()?;
    let path = database_path(&config)?;
    if options.dry_run {
        return rehearsal(path, place.json);
    }
    let (_, migrated) = SqliteStore::migrate(path).with_context(|| format!("cannot migrate {}", path.display()))?;
    if place.json {
        return Ok(out::json(&json!({ "database": path, "from": migrated.from, "to": migrated.to }))?);
    }
    let path = path.display();
    out::line(match (migrated.from, migrated.to) {
        (0, to) => format!("created {path} with schema {to}"),
        (from, to) if from == to => format!("{path} has schema {to} already"),
        (from, to) => format!("brought {path} from schema {from} to {to}"),
    })?;
    Ok(())
}
