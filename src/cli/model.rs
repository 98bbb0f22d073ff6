//! `model`: install and choose models of dense vectors.

use super::context::{CliContext, now};
use super::{Done, Failure, out};
use crate::archive::{ActiveEmbedder, refresh_vectors};
use crate::config::Config;
use crate::embedding::{Embedder, EmbedderKind};
use crate::http::{HttpEnv, HttpSettings};
use crate::model::{self, CATALOG, Download, Hub, ModelError, ModelOrigin};
use crate::store::Db;
use anyhow::{Context, anyhow};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the installed models, and those that can be installed by name
    List,
    /// Install a model, compute the papers' vectors, and use it for ranking
    Install {
        /// Known name, folder, or repository on the hub: OWNER/NAME or OWNER/NAME@REVISION
        #[arg(value_name = "NAME|FOLDER|REPOSITORY")]
        model: String,
        /// Install it under this name
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        /// Distil a static table from the encoder, and use that
        #[arg(long)]
        distill: bool,
        /// Only install it; ranking does not change
        #[arg(long)]
        no_use: bool,
    },
    /// Compute the papers' vectors with an installed model, and use it for ranking
    Use {
        /// Name of the model; `none` for no model
        name: String,
    },
    /// Distil a fast static table from an installed sentence encoder
    Distill {
        /// Name of the new table
        name: String,
        /// Name of the encoder
        #[arg(long, value_name = "ENCODER")]
        from: String,
    },
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let at = At {
        config: &config,
        db: &db,
        json: context.json,
    };
    match command {
        Command::List => at.list(),
        Command::Install {
            model,
            name,
            distill,
            no_use,
        } => at.install(&model, name, distill, no_use),
        Command::Use { name } if name == "none" => at.use_none(),
        Command::Use { name } => at.make_active(&name),
        Command::Distill { name, from } => {
            at.distill(&name, &from)?;
            out::line(format!(
                "{name} is installed; `paperboy model use {name}` ranks by it"
            ))?;
            Ok(())
        }
    }
}

/// Updates the vectors of the active model, if there is one, for commands that take papers
/// in, and returns it if it is usable. An unusable model is not an error for them.
pub(super) fn refresh(config: &Config, db: &Db) -> Result<Option<Arc<dyn Embedder>>, Failure> {
    let embedder = active(config, db);
    if let Some(embedder) = &embedder {
        compute(db, &**embedder)?;
    }
    Ok(embedder)
}

/// Returns the active model, if there is one and it is usable.
pub(super) fn active(config: &Config, db: &Db) -> Option<Arc<dyn Embedder>> {
    ActiveEmbedder::new(&config.model.path)
        .get(db)
        .unwrap_or_else(|error| {
            out::note(format!(
                "ranking without the model: {:#}",
                anyhow::Error::from(error)
            ));
            None
        })
}

/// Computes the missing vectors, with a progress bar; returns how many.
fn compute(db: &Db, embedder: &dyn Embedder) -> Result<u64, Failure> {
    let missing = db.run_here(|store| store.count_vectors_missing(embedder.name()))?;
    let progress = out::Progress::new("vectors", missing);
    Ok(refresh_vectors(db, embedder, |done| {
        progress.at(done);
        true
    })?)
}

struct At<'a> {
    config: &'a Config,
    db: &'a Db,
    json: bool,
}

impl At<'_> {
    fn folder(&self) -> &Path {
        &self.config.model.path
    }

    fn list(&self) -> Done {
        let installed = model::list(self.folder())?;
        let rows = self.db.run_here(|store| store.models())?;
        let state = |name: &str| rows.iter().find(|row| row.folder == name);
        let word = |name: &str| match state(name) {
            Some(row) if row.is_active => "active",
            Some(_) => "computing",
            None => "installed",
        };
        let kind = |kind: Option<EmbedderKind>| match kind {
            Some(EmbedderKind::Table) => "table",
            Some(EmbedderKind::Encoder) => "encoder",
            None => "unknown",
        };
        if self.json {
            let known: Vec<_> = CATALOG
                .iter()
                .map(|known| {
                    json!({"name": known.name, "repository": known.repo, "revision": known.revision, "about": known.about})
                })
                .collect();
            let installed: Vec<_> = installed
                .iter()
                .map(|one| {
                    json!({
                        "name": one.name,
                        "kind": kind(one.kind),
                        "state": word(&one.name),
                        "bytes": one.bytes,
                        "from": one.manifest.from, "revision": one.manifest.revision,
                        "maker": state(&one.name).map(|row| &row.maker),
                        "vectors": state(&one.name).map_or(0, |row| row.vectors),
                    })
                })
                .collect();
            return Ok(out::json(&json!({"installed": installed, "known": known}))?);
        }
        if installed.is_empty() {
            out::line("no model is installed: papers are ranked without")?;
        } else {
            let rows: Vec<[String; 6]> = installed
                .iter()
                .map(|one| {
                    [
                        one.name.clone(),
                        kind(one.kind).to_owned(),
                        word(&one.name).to_owned(),
                        state(&one.name).map_or(0, |row| row.vectors).to_string(),
                        format!("{:.1}", one.bytes as f64 / 1e6),
                        one.manifest.from.clone(),
                    ]
                })
                .collect();
            out::table(["NAME", "KIND", "STATE", "VECTORS", "MB", "FROM"], &rows)?;
        }
        for row in rows
            .iter()
            .filter(|row| installed.iter().all(|one| one.name != row.folder))
        {
            out::note(format!(
                "{} has {} vectors here, but is not installed",
                row.folder, row.vectors
            ));
        }
        let others: Vec<_> = CATALOG
            .iter()
            .filter(|known| installed.iter().all(|one| one.name != known.name))
            .collect();
        if !others.is_empty() {
            out::line("")?;
            out::line("`paperboy model install NAME` fetches:")?;
            for known in others {
                out::line(format!("  {:18}{}", known.name, known.about))?;
            }
        }
        Ok(())
    }

    fn install(&self, text: &str, name: Option<String>, distill: bool, no_use: bool) -> Done {
        let Some((source, usual)) = model::origin_of(text) else {
            let names: Vec<&str> = CATALOG.iter().map(|known| known.name).collect();
            return Err(Failure::Usage(anyhow!(
                "{text:?} is no model: name one of {}, a folder that is there, or a repository such as \
                 sentence-transformers/all-MiniLM-L6-v2",
                names.join(", ")
            )));
        };
        let mut name = name.unwrap_or(usual);
        if !model::is_name(&name) || name == "none" {
            return Err(Failure::Usage(anyhow!(
                "{}; --as NAME gives it another",
                ModelError::Name(name)
            )));
        }
        if distill && cfg!(not(feature = "encoder")) {
            return Err(without_encoder());
        }
        self.bring(&source, &name)?;
        if distill {
            let table = format!("{name}-table");
            if model::installed(self.folder(), &table).is_err() {
                self.distill(&table, &name)?;
            }
            name = table;
        }
        if no_use {
            out::line(format!(
                "{name} is installed; `paperboy model use {name}` ranks by it"
            ))?;
            return Ok(());
        }
        self.make_active(&name)
    }

    /// Installs the files of the model, unless they are installed.
    fn bring(&self, source: &ModelOrigin, name: &str) -> Done {
        let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if let Ok(installed) = model::installed(self.folder(), name) {
            let from = match source {
                ModelOrigin::Folder(folder) => real(folder).display().to_string(),
                ModelOrigin::Hub { repo, .. } => repo.clone(),
            };
            if installed.manifest.from != from {
                return Err(Failure::Failed(anyhow!(
                    "another model is installed as {name}, from {}; --as NAME gives this one another name",
                    installed.manifest.from
                )));
            }
            out::note(format!(
                "{name} is installed already, in {}",
                installed.path.display()
            ));
            return Ok(());
        }
        match source {
            ModelOrigin::Folder(folder) => Ok(model::copy(&real(folder), self.folder(), name)?),
            ModelOrigin::Hub { repo, revision } => self.fetch(repo, revision, name),
        }
    }

    fn fetch(&self, repo: &str, revision: &str, name: &str) -> Done {
        let settings = HttpSettings::of_site(&self.config.site);
        let hub = Hub::new(&self.config.model.hub, &settings, HttpEnv::system())?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        let mut file = String::new();
        let mut progress: Option<out::Progress> = None;
        let step = |loading: Download<'_>| {
            if loading.file != file {
                loading.file.clone_into(&mut file);
                progress = None;
                out::note(match loading.whole {
                    Some(whole) => format!("fetching {file} ({:.1} MB)", whole as f64 / 1e6),
                    None => format!("fetching {file}"),
                });
                progress = Some(out::Progress::bytes("bytes", loading.whole.unwrap_or(0)));
            }
            if let Some(progress) = &progress {
                progress.at(loading.done);
            }
        };
        Ok(runtime.block_on(model::fetch(
            &hub,
            (repo, revision),
            self.folder(),
            name,
            step,
        ))?)
    }

    fn make_active(&self, name: &str) -> Done {
        let installed = model::installed(self.folder(), name)?;
        let embedder: Arc<dyn Embedder> = model::open(&installed.path)?;
        let maker = embedder.name().to_owned();
        self.db
            .run_here(|store| store.begin_model(&maker, &installed.name, now()))?;
        let mut computed = 0;
        // Papers may arrive meanwhile; the last round finds none.
        loop {
            let round = compute(self.db, &*embedder)?;
            computed += round;
            if round == 0 {
                break;
            }
        }
        let before = self.db.run_here(|store| store.active_model())?;
        if !self.db.run_here(|store| store.activate_model(&maker))? {
            return Err(Failure::Failed(anyhow!(
                "another `paperboy model use` has chosen another model meanwhile; nothing was changed"
            )));
        }
        let papers = self.db.run_here(|store| store.count_papers())?;
        if self.json {
            let value = json!({
                "model": installed.name,
                "maker": maker,
                "dimensions": embedder.dimensions(),
                "papers": papers,
                "computed": computed, "before": before.map(|before| before.folder),
            });
            return Ok(out::json(&value)?);
        }
        Ok(out::line(format!(
            "papers are ranked with {} now: {computed} vectors of {} numbers computed, for {papers} papers",
            installed.name,
            embedder.dimensions()
        ))?)
    }

    fn use_none(&self) -> Done {
        let before = self.db.run_here(|store| store.active_model())?;
        self.db.run_here(|store| store.forget_models())?;
        if self.json {
            let before = before.map(|before| before.folder);
            return Ok(out::json(&json!({"model": null, "before": before}))?);
        }
        Ok(out::line("papers are ranked without a model now")?)
    }

    #[cfg(feature = "encoder")]
    fn distill(&self, name: &str, from: &str) -> Done {
        if model::installed(self.folder(), name).is_ok() {
            return Err(Failure::Failed(anyhow!("{name} is installed already")));
        }
        let (encoder, tokenizer) = model::open_encoder(self.folder(), from)?;
        let progress = out::Progress::new("tokens", 0);
        let made = crate::embedding::distill(&encoder, &tokenizer, |done, _| progress.at(done))
            .map_err(|error| anyhow!("cannot distil {from}: {error}"))?;
        drop(progress);
        Ok(model::save_distilled(self.folder(), name, from, &made)?)
    }

    #[cfg(not(feature = "encoder"))]
    #[expect(clippy::unused_self, reason = "builds with encoders use it")]
    fn distill(&self, _name: &str, _from: &str) -> Done {
        Err(without_encoder())
    }
}

fn without_encoder() -> Failure {
    Failure::Failed(anyhow!(
        "a table is made from a sentence encoder, and this paperboy was built without them: build it with \
         `cargo build --release --features encoder`"
    ))
}
