//! A result at a file of papers.

use super::{PollScope, PollSummary};
use crate::intake::{Import, IntakeError};
use crate::source::SourceSettings;
use crate::store::Db;
use chrono::{DateTime, NaiveDate, SubsecRound, Utc};

/// Reads the file again if it was written since.
pub(super) fn poll(
    db: &Db,
    source: &SourceSettings,
    ask: PollScope,
    now: DateTime<Utc>,
) -> Result<PollSummary, IntakeError> {
    let path = source
        .path
        .as_deref()
        .expect("sources of kind jsonl have a path");
    if ask == PollScope::WhatIsDue && !is_changed(db, source, path)? {
        return Ok(PollSummary {
            source: source.name.clone(),
            ..PollSummary::default()
        });
    }
    let mut import = Import::of(&source.name, now);
    import.take_in_file(db, path, |_, _| {})?;
    let imported = import.imported();
    let mut coverage = db.run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))?;
    coverage.retain(|row| row.source == source.name && row.checked_at == now.trunc_subsecs(0));
    Ok(PollSummary {
        source: source.name.clone(),
        asked: 1,
        read: imported.read,
        new: imported.new,
        changed: imported.changed,
        merged: imported.merged,
        rejected: imported.rejected,
        coverage,
        ..PollSummary::default()
    })
}

/// Whether the file was written after it was last read. A file none of whose
/// papers has an announcement day is read each time.
fn is_changed(
    db: &Db,
    source: &SourceSettings,
    path: &std::path::Path,
) -> Result<bool, IntakeError> {
    let read = db.run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))?;
    let read = read
        .iter()
        .filter(|row| row.source == source.name)
        .map(|row| row.checked_at)
        .max();
    let written = std::fs::metadata(path).and_then(|file| file.modified());
    let written = written.map_err(|cause| IntakeError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    // What is written in the second of the reading may have come after it.
    Ok(read.is_none_or(|read| DateTime::<Utc>::from(written) >= read))
}
