//! Checks that every source answers.

use super::super::context::database_path;
use super::{CheckLine, Level, line, with_causes};
use crate::config::Config;
use crate::http::{Http, HttpEnv, HttpSettings};
use crate::intake::probe;
use crate::source::{Probe, SourceSettings};
use crate::store::Db;
use crate::store::sqlite::SqliteStore;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time limit of one source.
const SOURCE_LIMIT: Duration = Duration::from_secs(10);

/// One line for each source; the sources of one provider are asked one after another.
pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    let db = database_path(config)
        .ok()
        .and_then(|path| SqliteStore::open(path).ok())
        .map(Db::new);
    let mut of_providers: BTreeMap<String, Vec<(usize, SourceSettings)>> = BTreeMap::new();
    for (at, source) in config.sources.iter().enumerate() {
        let opened = source.open();
        let provider = opened.provider().map(|provider| provider.name.clone());
        let provider = provider.unwrap_or_else(|| source.name.clone());
        of_providers
            .entry(provider)
            .or_default()
            .push((at, source.clone()));
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return vec![line("source", Level::Fail, with_causes(error))],
    };
    let mut found: Vec<(usize, CheckLine)> = runtime.block_on(async {
        let mut asking = Vec::new();
        for (_, sources) in of_providers {
            let settings = HttpSettings {
                tries: 1,
                ..HttpSettings::of_site(&config.site)
            };
            let db = db.clone();
            asking.push(tokio::spawn(async move {
                let mut found = Vec::new();
                for (at, source) in sources {
                    found.push((at, source_stands(db.as_ref(), &settings, &source).await));
                }
                found
            }));
        }
        let mut found = Vec::new();
        for asked in asking {
            found.extend(asked.await.unwrap_or_default());
        }
        found
    });
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, line)| line).collect()
}

async fn source_stands(
    db: Option<&Db>,
    settings: &HttpSettings,
    source: &SourceSettings,
) -> CheckLine {
    let (verdict, text) = match Http::new(settings.clone(), HttpEnv::system()) {
        Err(error) => (Level::Fail, with_causes(error)),
        Ok(http) => match probe(db, &http, source, SOURCE_LIMIT).await {
            Probe::Answers(text) => (Level::Ok, text),
            Probe::Unreachable(why) => (Level::Warn, format!("{why}; it is asked again by itself")),
            Probe::Refuses(why) => (Level::Fail, format!("{why}; look at its [[source]]")),
        },
    };
    line("source", verdict, format!("{}: {text}", source.name))
}
