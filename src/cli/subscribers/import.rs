//! `subscribers import`: adds or changes many subscribers from files.

use super::{Done, ErasureCheck, Failure, csv, out};
use crate::cli::context::now;
use crate::fields::{Fields, in_one_line};
use crate::store::{Db, Entered};
use crate::subscriber::{Address, NewSubscriber, Status, read_subscriber};
use crate::text::encoding;
use anyhow::{Context, anyhow};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Subscribers per transaction.
const BATCH: usize = 500;

#[derive(Default, Serialize)]
struct ImportSummary {
    read: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    rejected: Vec<Rejected>,
    /// The columns of each file that is a table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<Columns>,
    /// Whether nothing was stored.
    dry_run: bool,
}

#[derive(Serialize)]
struct Columns {
    file: String,
    known: Vec<String>,
    unknown: Vec<String>,
}

#[derive(Serialize)]
struct Rejected {
    file: String,
    line: u64,
    reason: String,
}

/// Imports `files`; with `dry_run` everything is read and checked, and nothing is stored.
pub(super) fn run(
    db: &Db,
    files: &[PathBuf],
    erased: &ErasureCheck,
    dry_run: bool,
    json: bool,
) -> Done {
    let mut import = SubscriberImport {
        db,
        erased,
        imported: ImportSummary {
            dry_run,
            ..ImportSummary::default()
        },
        batch: Vec::new(),
        unknown: HashSet::new(),
    };
    let progress = out::Progress::new("subscribers", 0);
    let result = files
        .iter()
        .try_for_each(|file| import.take(file, &progress));
    drop(progress);
    let imported = import.imported;
    if json {
        out::json(&imported)?;
    } else {
        for Rejected { file, line, reason } in &imported.rejected {
            out::note(format!("rejected {file}:{line}: {reason}"));
        }
        let prefix = if dry_run {
            "dry run, nothing stored: "
        } else {
            ""
        };
        out::line(format!(
            "{prefix}read {}: {} new, {} changed, {} unchanged, {} rejected",
            imported.read,
            imported.new,
            imported.changed,
            imported.unchanged,
            imported.rejected.len()
        ))?;
    }
    result?;
    if imported.rejected.is_empty() {
        return Ok(());
    }
    let rejected = imported.rejected.len() as u64;
    Err(Failure::Failed(if rejected == imported.read {
        anyhow!("no line could be taken: JSON lines or CSV with an `email` column")
    } else {
        anyhow!("{rejected} of {} lines were rejected", imported.read)
    }))
}

struct SubscriberImport<'a> {
    db: &'a Db,
    erased: &'a ErasureCheck,
    imported: ImportSummary,
    batch: Vec<(String, u64, NewSubscriber)>,
    /// Unknown keys that were reported.
    unknown: HashSet<String>,
}

impl SubscriberImport<'_> {
    fn take(&mut self, path: &Path, progress: &out::Progress) -> Done {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        // Excel writes windows-1252, and UTF-16 as `Unicode text`.
        let text = encoding::decode(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let is_csv_name = path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("csv") || extension.eq_ignore_ascii_case("tsv")
        });
        let is_json = text.trim_start().starts_with('{') && !is_csv_name;
        if !is_json && (is_csv_name || csv::has_column(text, "email")) {
            self.csv(text, &name, progress)?;
        } else {
            // If it is neither, every line is rejected with the reason.
            self.json_lines(text, &name, progress)?;
        }
        self.enter()
    }

    fn json_lines(&mut self, text: &str, name: &str, progress: &out::Progress) -> Done {
        for (at, line) in text.split('\n').enumerate() {
            let text = line.trim();
            if text.is_empty() {
                continue;
            }
            match serde_json::from_str(text) {
                Ok(Value::Object(table)) => self.add(table, name, at as u64 + 1)?,
                Ok(_) => self.reject(name, at as u64 + 1, "not a JSON object".to_owned()),
                Err(error) => self.reject(name, at as u64 + 1, format!("not JSON: {error}")),
            }
            progress.at(self.imported.read);
        }
        Ok(())
    }

    fn csv(&mut self, text: &str, name: &str, progress: &out::Progress) -> Done {
        let table = csv::read(text);
        let headings = &table.headings;
        if !headings.iter().any(|heading| heading == "email") {
            return Err(Failure::Failed(anyhow!(
                "{name} has no column called `email`; its columns: {}",
                headings.join(", ")
            )));
        }
        self.list_columns(headings, name);
        for row in table.rows {
            match row.cells {
                Err(reason) => self.reject(name, row.line, reason),
                Ok(cells) => {
                    let cells = headings.iter().zip(cells);
                    let table = cells
                        .filter(|(heading, cell)| !(cell.is_empty() || heading.is_empty()))
                        .map(|(heading, cell)| (heading.clone(), Value::String(cell)));
                    self.add(table.collect(), name, row.line)?;
                }
            }
            progress.at(self.imported.read);
        }
        Ok(())
    }

    /// Sorts the columns of a table into those that are read and those that are not, and
    /// tells of the latter.
    fn list_columns(&mut self, headings: &[String], name: &str) {
        let table = headings
            .iter()
            .map(|heading| (heading.clone(), Value::String(String::new())));
        let mut fields = Fields::new(table.collect());
        let _ = read_subscriber(&mut fields, None);
        let unknown: Vec<String> = fields.unknown().into_iter().map(|(key, _)| key).collect();
        let (unknown, known): (Vec<String>, Vec<String>) = headings
            .iter()
            .filter(|heading| !heading.is_empty())
            .cloned()
            .partition(|heading| unknown.contains(heading));
        if !unknown.is_empty() {
            out::note(format!(
                "{name}: unknown columns, passed over: {}; columns taken: {}; columns that a \
                 subscriber can have: {}",
                unknown.join(", "),
                known.join(", "),
                fields.known_keys().join(", ")
            ));
        }
        self.unknown.extend(unknown.iter().cloned());
        self.imported.columns.push(Columns {
            file: name.to_owned(),
            known,
            unknown,
        });
    }

    fn reject(&mut self, file: &str, line: u64, reason: String) {
        self.imported.read += 1;
        self.imported.rejected.push(Rejected {
            file: file.to_owned(),
            line,
            reason,
        });
    }

    fn add(&mut self, table: Map<String, Value>, file: &str, line: u64) -> Done {
        let before = self.known(&table)?;
        if let Some(left) = before.as_ref().map(|known| known.status)
            && matches!(left, Status::Unsubscribed | Status::Suppressed)
            && !table.contains_key("status")
        {
            self.reject(file, line, left.why_no_issues().to_owned());
            return Ok(());
        }
        let mut fields = Fields::new(table);
        let subscriber = read_subscriber(&mut fields, before.as_ref());
        for (key, resembles) in fields.unknown() {
            if self.unknown.insert(key.clone()) {
                let meant =
                    resembles.map_or(String::new(), |known| format!(" (did you mean `{known}`?)"));
                out::note(format!(
                    "{file}:{line}: `{key}` is nothing that a subscriber has; passed over{meant}"
                ));
            }
        }
        let problems = fields.into_problems();
        match subscriber {
            Some(subscriber) if problems.is_empty() => {
                if before.is_none()
                    && let Some(why) = self.erased.refuses(self.db, &subscriber.address)?
                {
                    self.reject(file, line, why.to_owned());
                    return Ok(());
                }
                self.imported.read += 1;
                self.batch.push((file.to_owned(), line, subscriber));
            }
            _ => self.reject(file, line, in_one_line(&problems)),
        }
        if self.batch.len() >= BATCH {
            self.enter()?;
        }
        Ok(())
    }

    /// The stored subscriber of a line: fields that the line does not mention stay.
    fn known(&mut self, table: &Map<String, Value>) -> Result<Option<NewSubscriber>, Failure> {
        let email = table
            .get("email")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<Address>().ok());
        let Some(address) = email else {
            return Ok(None);
        };
        let is_same = |other: &Address| other.as_str().eq_ignore_ascii_case(address.as_str());
        if self
            .batch
            .iter()
            .any(|(_, _, waiting)| is_same(&waiting.address))
        {
            self.enter()?;
        }
        let found = self.db.run_here(|store| store.subscriber(&address))?;
        Ok(found.map(|subscriber| subscriber.details))
    }

    fn enter(&mut self) -> Done {
        let subscribers: Vec<NewSubscriber> = self
            .batch
            .iter()
            .map(|(_, _, subscriber)| subscriber.clone())
            .collect();
        let entered = if self.imported.dry_run {
            let would = |subscriber: &NewSubscriber| self.would_enter(subscriber);
            subscribers.iter().map(would).collect::<Result<_, _>>()?
        } else {
            self.db
                .run_here(|store| store.enter_subscribers(&subscribers, now()))?
        };
        for ((file, line, _), entered) in self.batch.drain(..).zip(entered) {
            match entered {
                Entered::New => self.imported.new += 1,
                Entered::Changed => self.imported.changed += 1,
                Entered::Known => self.imported.unchanged += 1,
                Entered::Left(status) => {
                    self.imported.rejected.push(Rejected {
                        file,
                        line,
                        reason: status.why_no_issues().to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The result that entering a subscriber would have.
    fn would_enter(&self, subscriber: &NewSubscriber) -> Result<Entered, Failure> {
        let known = self
            .db
            .run_here(|store| store.subscriber(&subscriber.address))?;
        Ok(match known {
            None => Entered::New,
            Some(known) if known.details == *subscriber => Entered::Known,
            Some(_) => Entered::Changed,
        })
    }
}
