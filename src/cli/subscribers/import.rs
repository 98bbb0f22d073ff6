//! `subscribers import`: many subscribers from files.

use super::{Done, Erased, Failure, out};
use crate::cli::open::now;
use crate::fields::{Fields, in_one_line};
use crate::store::{Db, Entered};
use crate::subscriber::{Address, NewSubscriber, Status, read_subscriber};
use anyhow::{Context, anyhow};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Subscribers in one transaction.
const BATCH: usize = 500;

#[derive(Default, Serialize)]
struct ImportSummary {
    read: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    rejected: Vec<Rejected>,
}

#[derive(Serialize)]
struct Rejected {
    file: String,
    line: u64,
    reason: String,
}

pub(super) fn run(db: &Db, files: &[PathBuf], erased: &Erased, json: bool) -> Done {
    let mut import = SubscriberImport {
        db,
        erased,
        imported: ImportSummary::default(),
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
        out::line(format!(
            "read {}: {} new, {} changed, {} unchanged, {} rejected",
            imported.read,
            imported.new,
            imported.changed,
            imported.unchanged,
            imported.rejected.len()
        ))?;
    }
    result?;
    if imported.read > 0 && imported.rejected.len() as u64 == imported.read {
        return Err(Failure::Failed(anyhow!(
            "no line could be taken: JSON lines or CSV with an `email` column"
        )));
    }
    Ok(())
}

struct SubscriberImport<'a> {
    db: &'a Db,
    erased: &'a Erased,
    imported: ImportSummary,
    batch: Vec<(String, u64, NewSubscriber)>,
    /// Keys that were passed over and have been mentioned.
    unknown: HashSet<String>,
}

impl SubscriberImport<'_> {
    fn take(&mut self, path: &Path, progress: &out::Progress) -> Done {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let mut input = BufReader::new(file);
        let start = input
            .fill_buf()
            .with_context(|| format!("cannot read {name}"))?;
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        let is_json = start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let is_csv_name = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let taken = if is_json && !is_csv_name {
            self.json_lines(input, &name, progress)
        } else if is_csv_name
            || start
                .to_ascii_lowercase()
                .split(|byte| *byte == b'\n')
                .next()
                .is_some_and(has_email)
        {
            self.csv(input, &name, progress)
        } else {
            // Neither: every line is told what is wrong with it.
            self.json_lines(input, &name, progress)
        };
        // What was read before the file broke off counts.
        self.enter()?;
        taken
    }

    fn json_lines(&mut self, input: impl BufRead, name: &str, progress: &out::Progress) -> Done {
        for (at, line) in input.split(b'\n').enumerate() {
            let bytes = line.with_context(|| format!("cannot read {name}"))?;
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim();
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

    fn csv(&mut self, input: impl BufRead, name: &str, progress: &out::Progress) -> Done {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(input);
        let headings = reader
            .byte_headers()
            .with_context(|| format!("cannot read {name}"))?
            .clone();
        let headings: Vec<String> = headings
            .iter()
            .map(|heading| {
                String::from_utf8_lossy(heading)
                    .trim_start_matches('\u{feff}')
                    .trim()
                    .to_lowercase()
            })
            .collect();
        if !headings.iter().any(|heading| heading == "email") {
            return Err(Failure::Failed(anyhow!(
                "{name} has no column called `email`; its columns: {}",
                headings.join(", ")
            )));
        }
        for record in reader.byte_records() {
            let record = record.with_context(|| format!("cannot read {name}"))?;
            let line = record.position().map_or(0, csv::Position::line);
            let cells = headings
                .iter()
                .zip(&record)
                .filter(|(_, cell)| !cell.is_empty());
            let table = cells.map(|(key, cell)| {
                (
                    key.clone(),
                    Value::String(String::from_utf8_lossy(cell).into_owned()),
                )
            });
            self.add(table.collect(), name, line)?;
            progress.at(self.imported.read);
        }
        Ok(())
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

    /// What is known of the subscriber that a line is about: whatever the line
    /// does not mention stays as it is.
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
        let entered = self
            .db
            .run_here(|store| store.enter_subscribers(&subscribers, now()))?;
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
}

fn has_email(heading: &[u8]) -> bool {
    heading.windows(5).any(|five| five == b"email")
}
