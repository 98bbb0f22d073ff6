//! Stores what sources fetch and what people import.

mod poll;
mod probe;
mod shared_limit;

pub use poll::{PollError, PollScope, PollSummary, fetch_papers, poll};
pub use probe::probe;

use crate::paper::{Paper, PaperId};
use crate::source::jsonl::Reader;
use crate::source::recorded;
use crate::source::{Record, Unreadable};
use crate::store::{Db, IntakeOutcome, SetAside, StoreError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use utoipa::ToSchema;

/// Papers in one transaction: enough to make a commit cheap, few enough that
/// nobody waits long for the database.
const BATCH_PAPERS: usize = 1_000;

/// Counts of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Imported {
    /// Records read.
    pub read: u64,
    /// Papers that were not known.
    pub new: u64,
    /// Known papers of which something is new.
    pub changed: u64,
    /// Records of a paper that the same import held already, or that is known by another name.
    pub merged: u64,
    /// Records set aside because they could not be read.
    pub rejected: u64,
    /// Papers without an announcement day: they can be found and liked, and no issue announces
    /// them.
    pub undated: u64,
}

/// Reasons why an import ended early. The papers stored before stay.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The file cannot be opened, or breaks off.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
    /// The database cannot take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Imports the papers of one file after another.
///
/// One import knows each paper once: of several records with one id the first
/// counts, unless a later one names a newer version, so that importing the same
/// files again changes nothing.
pub struct Import {
    source: String,
    now: DateTime<Utc>,
    seen: HashMap<PaperId, Option<u32>>,
    papers: Vec<Paper>,
    aside: Vec<SetAside>,
    imported: Imported,
}

impl Import {
    /// An import that happens at `now`, of files that a person hands in: together
    /// these are one source.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self::of(SOURCE, now)
    }

    /// An import that happens at `now`, from the source of that name.
    pub fn of(source: &str, now: DateTime<Utc>) -> Self {
        Import {
            source: source.to_owned(),
            now,
            seen: HashMap::new(),
            papers: Vec::new(),
            aside: Vec::new(),
            imported: Imported::default(),
        }
    }

    /// The counts so far.
    pub fn imported(&self) -> Imported {
        self.imported
    }

    /// Imports a file: JSON lines or a recorded response of a source, plain or gzipped.
    /// `step` gets the counts after every batch, and the records set aside in it.
    pub fn take_in_file(
        &mut self,
        db: &Db,
        path: &Path,
        mut step: impl FnMut(&Imported, &[SetAside]),
    ) -> Result<(), IntakeError> {
        let unreadable = |cause| IntakeError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        if let Some(answer) =
            recorded::read_file(path, self.now.date_naive()).map_err(unreadable)?
        {
            for record in answer {
                self.add(record);
            }
            self.store_batch(db)?;
            step(&self.imported, &self.aside);
            self.aside.clear();
            return Ok(());
        }
        self.take_in_lines(db, path, Reader::open(path), step)
    }

    /// Takes in JSON lines that came over the network and are called `name`; `step`
    /// is told as by [`take_in_file`](Self::take_in_file).
    pub fn take_in_bytes(
        &mut self,
        db: &Db,
        name: &str,
        bytes: Vec<u8>,
        step: impl FnMut(&Imported, &[SetAside]),
    ) -> Result<(), IntakeError> {
        let reader = Reader::new(std::io::Cursor::new(bytes), name.to_owned());
        self.take_in_lines(db, Path::new(name), reader, step)
    }

    fn take_in_lines(
        &mut self,
        db: &Db,
        path: &Path,
        reader: std::io::Result<Reader>,
        mut step: impl FnMut(&Imported, &[SetAside]),
    ) -> Result<(), IntakeError> {
        let unreadable = |cause| IntakeError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let mut reader = reader.map_err(unreadable)?;
        loop {
            let record = reader.next_record();
            let full = self.papers.len() + self.aside.len() >= BATCH_PAPERS;
            if full || !matches!(record, Ok(Some(_))) {
                self.store_batch(db)?;
                step(&self.imported, &self.aside);
                self.aside.clear();
            }
            match record.map_err(unreadable)? {
                None => return Ok(()),
                Some(record) => self.add(record),
            }
        }
    }

    /// Imports records.
    pub fn take_in(&mut self, db: &Db, records: Vec<Record>) -> Result<(), IntakeError> {
        for record in records {
            self.add(record);
        }
        self.store_batch(db)?;
        self.aside.clear();
        Ok(())
    }

    fn add(&mut self, record: Record) {
        self.imported.read += 1;
        match record {
            Record::Unreadable(unreadable) => {
                self.imported.rejected += 1;
                self.aside.push(set_aside(unreadable));
            }
            Record::Paper(paper) => {
                self.imported.undated += u64::from(paper.announced.is_none());
                let paper = match self.seen.get(&paper.id) {
                    Some(version) if paper.version <= *version => {
                        self.imported.merged += 1;
                        announcement_of(&paper)
                    }
                    Some(_) => {
                        self.imported.merged += 1;
                        self.seen.insert(paper.id.clone(), paper.version);
                        *paper
                    }
                    None => {
                        self.seen.insert(paper.id.clone(), paper.version);
                        *paper
                    }
                };
                self.papers.push(paper);
            }
        }
    }

    fn store_batch(&mut self, db: &Db) -> Result<(), StoreError> {
        let taken = db.run_here(|store| store.take_in(&self.source, &self.papers, self.now))?;
        self.papers.clear();
        for became in taken {
            match became {
                IntakeOutcome::New => self.imported.new += 1,
                IntakeOutcome::Changed => self.imported.changed += 1,
                IntakeOutcome::Merged => self.imported.merged += 1,
                IntakeOutcome::Known => {}
            }
        }
        db.run_here(|store| store.set_aside(&self.source, &self.aside, self.now))
    }
}

/// The source that imported files are.
const SOURCE: &str = "import";

fn set_aside(unreadable: Unreadable) -> SetAside {
    let Unreadable {
        place,
        reason,
        record,
    } = unreadable;
    SetAside {
        place,
        reason,
        record,
    }
}

/// A record with nothing but id and announcement day of a paper.
fn announcement_of(paper: &Paper) -> Paper {
    Paper {
        announced: paper.announced,
        ..Paper::new(paper.id.clone(), String::new())
    }
}
