//! Works with several records. [`crate::paper`] decides which records are one work; this
//! module looks them up and stores the result.

use super::papers::stored_paper;
use super::public_queries::note_change;
use super::row::{Columns, date_text, json_text};
use super::{SqliteStore, StoreError};
use crate::paper::{
    Paper, PaperId, WorkIds, WorkRecords, combine, ids_contradict, is_same_work, title_key,
};
use crate::pick::{PaperNews, Reason};
use crate::store::{
    IntakeOutcome, PaperEvent, PaperRecord, PaperRow, SplitOutcome, StoredPaper, WorkStore,
};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use std::collections::BTreeSet;

/// Most papers of one title and first author to look at: one author has no more such works.
const SAME_TITLE_MAX: u32 = 16;

/// Papers named in one transaction, in a database of an earlier version.
const NAMED_AT_ONCE: u32 = 2_000;

impl WorkStore for SqliteStore {
    fn paper_records(&mut self, row: PaperRow) -> Result<Vec<PaperRecord>, StoreError> {
        let Some(work) = work(&self.conn, row)? else {
            return Ok(Vec::new());
        };
        told(&self.conn, &work)
    }

    fn split_paper(
        &mut self,
        id: &PaperId,
        now: DateTime<Utc>,
    ) -> Result<SplitOutcome, StoreError> {
        let tx = self.write()?;
        let split = split(&tx, id, now)?;
        note_change(&tx)?;
        tx.commit()?;
        Ok(split)
    }

    fn news_for(
        &mut self,
        subscriber: SubscriberId,
        liked: &[PaperId],
        since: DateTime<Utc>,
    ) -> Result<Vec<PaperEvent>, StoreError> {
        let mut known = BTreeSet::new();
        for id in liked {
            known.extend(row_named(&self.conn, id)?);
        }
        let mut sent = self.conn.prepare_cached(
            "SELECT DISTINCT coalesce(papers.merged_into, papers.row) AS paper
               FROM picks
               JOIN papers ON papers.row = picks.paper
               JOIN deliveries ON deliveries.id = picks.issue_id
              WHERE picks.subscriber_id = :id
                AND (deliveries.state NOT IN ('rejected', 'expired') OR deliveries.resent = 1)",
        )?;
        for row in sent.query_map(named_params! { ":id": subscriber.0 }, |row| {
            Ok(PaperRow(row.get("paper")?))
        })? {
            known.insert(row?);
        }
        let mut events = self.conn.prepare_cached(
            "SELECT paper, day, kind, detail
               FROM paper_events
              WHERE paper = :paper AND at >= :since
              ORDER BY id",
        )?;
        let mut was_told = self.conn.prepare_cached(
            "SELECT 1
               FROM picks
               JOIN papers ON papers.row = picks.paper
               JOIN deliveries ON deliveries.id = picks.issue_id
              WHERE picks.subscriber_id = :id AND picks.reason = :news
                AND coalesce(papers.merged_into, papers.row) = :paper
                AND (deliveries.state NOT IN ('rejected', 'expired') OR deliveries.resent = 1)",
        )?;
        let mut told = Vec::new();
        for paper in known {
            let rows = events.query_map(
                named_params! { ":paper": paper.0, ":since": since.timestamp() },
                |row| {
                    let columns = Columns::of("paper_events", row);
                    let detail: String = columns.get("detail")?;
                    let news = columns.read("kind", |kind| PaperNews::read(kind, &detail))?;
                    Ok((columns.date("day")?, news))
                },
            )?;
            for row in rows.collect::<Result<Vec<_>, _>>()? {
                let (day, news) = row;
                let asked = named_params! {
                    ":id": subscriber.0,
                    ":paper": paper.0,
                    ":news": json_text(&[Reason::News(news.clone())]),
                };
                if was_told.exists(asked)? {
                    continue;
                }
                if let Some(work) = work(&self.conn, paper)? {
                    told.push(PaperEvent {
                        paper: work.stored,
                        news,
                        day,
                    });
                }
            }
        }
        Ok(told)
    }
}

/// Row of the work in `papers`.
struct Work {
    stored: StoredPaper,
    /// Source of its record, or of the first of them.
    source: String,
    /// Rows of `paper_records`; 0 if the row itself is the record.
    records: u32,
}

impl Work {
    fn row(&self) -> PaperRow {
        self.stored.row
    }
}

/// A record of a work.
struct Record {
    source: String,
    paper: Paper,
    at: DateTime<Utc>,
}

fn work_of(row: &Row<'_>) -> rusqlite::Result<Work> {
    Ok(Work {
        stored: stored_paper(row)?,
        source: row.get("source")?,
        records: row.get("records")?,
    })
}

fn work(conn: &Connection, row: PaperRow) -> Result<Option<Work>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT * FROM papers WHERE row = :row")?;
    Ok(statement
        .query_row(named_params! { ":row": row.0 }, work_of)
        .optional()?)
}

/// Returns the records of a work, oldest first.
fn told(conn: &Connection, work: &Work) -> Result<Vec<PaperRecord>, StoreError> {
    let record_of = |paper: &Paper, source: String, seen_at| PaperRecord {
        names: WorkIds::of(paper).iter().cloned().collect(),
        id: paper.id.clone(),
        source,
        seen_at,
    };
    if work.records == 0 {
        return Ok(vec![record_of(
            &work.stored.paper,
            work.source.clone(),
            work.stored.seen_at,
        )]);
    }
    let mut records = records(conn, work)?;
    records.sort_by(|a, b| (a.at, &a.paper.id, &a.source).cmp(&(b.at, &b.paper.id, &b.source)));
    Ok(records
        .into_iter()
        .map(|record| record_of(&record.paper, record.source, record.at))
        .collect())
}

/// Returns the work that has the name `id`, with its records.
pub(super) fn with_records(
    conn: &Connection,
    id: &PaperId,
) -> Result<Option<(StoredPaper, Vec<PaperRecord>)>, StoreError> {
    // Nearly always, the name is its own id.
    let mut own =
        conn.prepare_cached("SELECT * FROM papers WHERE id = :id AND merged_into IS NULL")?;
    let found = match own
        .query_row(named_params! { ":id": id.as_str() }, work_of)
        .optional()?
    {
        Some(found) => Some(found),
        None => row_named(conn, id)?
            .map(|row| work(conn, row))
            .transpose()?
            .flatten(),
    };
    let Some(found) = found else { return Ok(None) };
    let records = told(conn, &found)?;
    Ok(Some((found.stored, records)))
}

/// Returns the work that sources list under `id`.
fn work_listed(conn: &Connection, id: &PaperId) -> Result<Option<Work>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT * FROM papers WHERE id = :id")?;
    let found = statement
        .query_row(named_params! { ":id": id.as_str() }, |row| {
            Ok(match row.get::<_, Option<i64>>("merged_into")? {
                Some(into) => Err(PaperRow(into)),
                None => Ok(work_of(row)?),
            })
        })
        .optional()?;
    match found {
        Some(Ok(found)) => return Ok(Some(found)),
        Some(Err(into)) => return work(conn, into),
        None => {}
    }
    let mut statement =
        conn.prepare_cached("SELECT paper FROM paper_records WHERE name = :id LIMIT 1")?;
    let row = statement
        .query_row(named_params! { ":id": id.as_str() }, |row| row.get("paper"))
        .optional()?;
    match row {
        Some(row) => work(conn, PaperRow(row)),
        None => Ok(None),
    }
}

/// Returns the work that has the name `id`.
pub(super) fn row_named(conn: &Connection, id: &PaperId) -> Result<Option<PaperRow>, StoreError> {
    let mut own =
        conn.prepare_cached("SELECT coalesce(merged_into, row) AS row FROM papers WHERE id = :id")?;
    let found = own
        .query_row(named_params! { ":id": id.as_str() }, |row| row.get("row"))
        .optional()?;
    if let Some(row) = found {
        return Ok(Some(PaperRow(row)));
    }
    let mut other = conn.prepare_cached("SELECT paper FROM paper_names WHERE name = :id")?;
    let found = other
        .query_row(named_params! { ":id": id.as_str() }, |row| row.get("paper"))
        .optional()?;
    Ok(found.map(PaperRow))
}

/// Stores a record of `source`, and returns the outcome and the day of announcement, if none
/// was known before.
pub(super) fn take_in(
    conn: &Connection,
    source: &str,
    paper: &Paper,
    now: DateTime<Utc>,
) -> Result<(IntakeOutcome, Option<NaiveDate>), StoreError> {
    if let Some(known) = work_listed(conn, &paper.id)? {
        return add(conn, &known, source, paper, now);
    }
    let own = [(source.to_owned(), paper.id.clone())];
    let same = same_works(conn, None, paper, &own)?;
    let Some(oldest) = same.iter().map(Work::row).min() else {
        insert(conn, source, paper, now)?;
        return Ok((IntakeOutcome::New, paper.announced));
    };
    let known = same
        .iter()
        .find(|work| work.row() == oldest)
        .expect("the oldest is one of them");
    keep_records(conn, known)?;
    keep_record(conn, oldest, source, paper, now)?;
    let announced = join(conn, known, &same, now)?;
    Ok((IntakeOutcome::Merged, announced))
}

/// Stores a record of a work that sources list under this id already.
fn add(
    conn: &Connection,
    known: &Work,
    source: &str,
    paper: &Paper,
    now: DateTime<Utc>,
) -> Result<(IntakeOutcome, Option<NaiveDate>), StoreError> {
    let before = &known.stored.paper;
    let is_the_record = known.records == 0 && (known.source == source || known.source.is_empty());
    let after = if is_the_record {
        let after = before.updated_by(paper);
        if after == *before {
            return Ok((IntakeOutcome::Known, None));
        }
        rewrite(conn, known, &known.source, &after, 0, now)?;
        after
    } else {
        let said = record(conn, &paper.id, source)?;
        let says = said
            .as_ref()
            .map_or_else(|| paper.clone(), |said| said.updated_by(paper));
        if said.is_some_and(|said| said == says) {
            return Ok((IntakeOutcome::Known, None));
        }
        keep_records(conn, known)?;
        keep_record(conn, known.row(), source, &says, now)?;
        recombine(conn, known, now)?
    };
    let first_day = |announced: Option<NaiveDate>| {
        if before.announced.is_none() {
            announced
        } else {
            None
        }
    };
    if WorkIds::of(&after) != WorkIds::of(before) || title_key(&after) != title_key(before) {
        let listed = listed(conn, known)?;
        let same = same_works(conn, Some(known.row()), &after, &listed)?;
        if !same.is_empty() {
            let mut all = same;
            all.extend(work(conn, known.row())?);
            let oldest = all.iter().map(Work::row).min().unwrap_or(known.row());
            let oldest = all
                .iter()
                .position(|work| work.row() == oldest)
                .expect("the oldest is one of them");
            let announced = join(conn, &all[oldest], &all, now)?;
            return Ok((IntakeOutcome::Changed, first_day(announced)));
        }
    }
    let became = if after == *before {
        IntakeOutcome::Known
    } else {
        IntakeOutcome::Changed
    };
    Ok((became, first_day(after.announced)))
}

/// Returns the works that are one with a record or a work, and with each other.
fn same_works(
    conn: &Connection,
    but: Option<PaperRow>,
    paper: &Paper,
    records: &[(String, PaperId)],
) -> Result<Vec<Work>, StoreError> {
    let names = WorkIds::of(paper);
    let mut rows = BTreeSet::new();
    for name in names.iter() {
        rows.extend(row_named(conn, name)?);
    }
    if let Some(key) = title_key(paper) {
        let mut statement = conn.prepare_cached(
            "SELECT row FROM papers
              WHERE title_key = :key AND title_key <> 0
              ORDER BY row
              LIMIT :limit",
        )?;
        let found = statement.query_map(
            named_params! { ":key": key, ":limit": SAME_TITLE_MAX },
            |row| Ok(PaperRow(row.get("row")?)),
        )?;
        for row in found {
            rows.insert(row?);
        }
    }
    let mut found: Vec<Same> = Vec::new();
    for row in rows.into_iter().filter(|row| Some(*row) != but) {
        let Some(work) = work(conn, row)? else {
            continue;
        };
        let theirs = listed(conn, &work)?;
        let is_one = is_same_work(
            WorkRecords { paper, records },
            WorkRecords {
                paper: &work.stored.paper,
                records: &theirs,
            },
        );
        if is_one && !are_kept_apart(conn, records, &theirs)? {
            let other = WorkIds::of(&work.stored.paper);
            found.push(Same {
                is_by_title: !names.share_one(&other),
                names: other,
                listed: theirs,
                work,
            });
        }
    }
    // A name is more reliable than a title.
    found.sort_by_key(|same| (same.is_by_title, same.work.row()));
    let mut same: Vec<Same> = Vec::new();
    for found in found {
        let mut fits = true;
        for other in &same {
            fits = fits
                && !ids_contradict(&other.names, &found.names)
                && !are_kept_apart(conn, &other.listed, &found.listed)?;
        }
        if fits {
            same.push(found);
        }
    }
    Ok(same.into_iter().map(|same| same.work).collect())
}

/// A work that is one with another.
struct Same {
    is_by_title: bool,
    names: WorkIds,
    listed: Vec<(String, PaperId)>,
    work: Work,
}

/// Whether a person has split a record of one work from a record of the other.
fn are_kept_apart(
    conn: &Connection,
    one: &[(String, PaperId)],
    other: &[(String, PaperId)],
) -> Result<bool, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT 1 FROM not_same WHERE name = :name AND other = :other")?;
    for (_, name) in one {
        for (_, other) in other {
            if statement
                .exists(named_params! { ":name": name.as_str(), ":other": other.as_str() })?
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Merges all of `works` into `into`, whose records are complete, and returns the day of
/// announcement, if none was known before.
fn join(
    conn: &Connection,
    into: &Work,
    works: &[Work],
    now: DateTime<Utc>,
) -> Result<Option<NaiveDate>, StoreError> {
    for work in works.iter().filter(|work| work.row() != into.row()) {
        keep_records(conn, into)?;
        keep_records(conn, work)?;
        let rows = named_params! { ":into": into.row().0, ":row": work.row().0 };
        for sql in [
            "UPDATE paper_records SET paper = :into WHERE paper = :row",
            "UPDATE paper_names SET paper = :into WHERE paper = :row",
            // An event of both works is reported once.
            "UPDATE OR IGNORE paper_events SET paper = :into WHERE paper = :row",
            "UPDATE papers SET merged_into = :into WHERE merged_into = :row",
            // The row stays, since issues refer to it. Its data is in its records.
            "UPDATE papers
                SET merged_into = :into, title = '', abstract = '', authors = '[]',
                    categories = '[]', announced = NULL,
                    upvotes = NULL, records = 0, title_key = 0
              WHERE row = :row",
        ] {
            conn.prepare_cached(sql)?.execute(rows)?;
        }
    }
    let after = recombine(conn, into, now)?;
    Ok(if into.stored.paper.announced.is_none() {
        after.announced
    } else {
        None
    })
}

/// Returns source and id of each record of a work.
fn listed(conn: &Connection, work: &Work) -> Result<Vec<(String, PaperId)>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT source, name FROM paper_records WHERE paper = :row")?;
    let rows = statement.query_map(named_params! { ":row": work.row().0 }, |row| {
        let columns = Columns::of("paper_records", row);
        Ok((
            columns.get("source")?,
            columns.read("name", |text| text.parse().ok())?,
        ))
    })?;
    let listed: Vec<(String, PaperId)> = rows.collect::<Result<_, _>>()?;
    if listed.is_empty() {
        return Ok(vec![(work.source.clone(), work.stored.paper.id.clone())]);
    }
    Ok(listed)
}

fn records(conn: &Connection, work: &Work) -> Result<Vec<Record>, StoreError> {
    let mut statement = conn
        .prepare_cached("SELECT * FROM paper_records WHERE paper = :row ORDER BY name, source")?;
    let rows = statement.query_map(named_params! { ":row": work.row().0 }, |row| {
        let columns = Columns::of("paper_records", row);
        Ok(Record {
            source: columns.get("source")?,
            paper: columns.json("record")?,
            at: columns.instant("at")?,
        })
    })?;
    let records: Vec<Record> = rows.collect::<Result<_, _>>()?;
    if records.is_empty() {
        let (source, paper) = (work.source.clone(), work.stored.paper.clone());
        return Ok(vec![Record {
            source,
            paper,
            at: work.stored.seen_at,
        }]);
    }
    Ok(records)
}

fn record(conn: &Connection, id: &PaperId, source: &str) -> Result<Option<Paper>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT record FROM paper_records WHERE name = :name AND source = :source",
    )?;
    let found = statement.query_row(
        named_params! { ":name": id.as_str(), ":source": source },
        |row| Columns::of("paper_records", row).json("record"),
    );
    Ok(found.optional()?)
}

/// Keeps the only record of a work beside the new ones.
fn keep_records(conn: &Connection, work: &Work) -> Result<(), StoreError> {
    if work.records == 0 {
        let paper = &work.stored.paper;
        let kept = record(conn, &paper.id, &work.source)?;
        if kept.is_none() {
            keep_record(conn, work.row(), &work.source, paper, work.stored.seen_at)?;
        }
    }
    Ok(())
}

fn keep_record(
    conn: &Connection,
    row: PaperRow,
    source: &str,
    paper: &Paper,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO paper_records (name, source, paper, record, at)
         VALUES (:name, :source, :paper, :record, :at)
             ON CONFLICT (name, source) DO UPDATE SET record = :record",
    )?
    .execute(named_params! {
        ":name": paper.id.as_str(), ":source": source, ":paper": row.0,
        ":record": json_text(paper), ":at": now.timestamp(),
    })?;
    Ok(())
}

/// Stores the combination of all records of a work.
fn recombine(conn: &Connection, work: &Work, now: DateTime<Utc>) -> Result<Paper, StoreError> {
    let records = records(conn, work)?;
    let several = if records.len() == 1 {
        0
    } else {
        records.len() as u32
    };
    let said: Vec<(String, Paper)> = records
        .iter()
        .map(|record| (record.source.clone(), record.paper.clone()))
        .collect();
    let after = combine(&work.stored.paper.id, &said);
    let source = if several == 0 {
        &records[0].source
    } else {
        &work.source
    };
    rewrite(conn, work, source, &after, several, now)?;
    if several == 0 {
        conn.prepare_cached("DELETE FROM paper_records WHERE paper = :row")?
            .execute(named_params! { ":row": work.row().0 })?;
    }
    Ok(after)
}

fn insert(
    conn: &Connection,
    source: &str,
    paper: &Paper,
    now: DateTime<Utc>,
) -> Result<PaperRow, StoreError> {
    let sql = "INSERT INTO papers (id, version, title, abstract, authors, categories, announced,
        published, updated,
                                   url, doi, comment, upvotes, same_as, journal, code, withdrawn,
                                   source, title_key, records, seen_at, changed_at)
               VALUES (:id, :version, :title, :abstract, :authors, :categories, :announced,
                   :published, :updated,
                       :url, :doi, :comment, :upvotes, :same_as, :journal, :code, :withdrawn,
                       :source, :title_key, :records, :now, :now)";
    write(conn, sql, source, paper, 0, now)?;
    let row = PaperRow(conn.last_insert_rowid());
    enter_names(conn, row, paper)?;
    Ok(row)
}

/// Stores `after` in place of a work, with its names and events.
fn rewrite(
    conn: &Connection,
    work: &Work,
    source: &str,
    after: &Paper,
    records: u32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let before = &work.stored.paper;
    if after != before || records != work.records || source != work.source {
        let sql = "UPDATE papers
                      SET version = :version, title = :title, abstract = :abstract,
                          authors = :authors,
                          categories = :categories, announced = :announced, published = :published,
                          updated = :updated, url = :url, doi = :doi, comment = :comment, upvotes = :upvotes,
                          same_as = :same_as, journal = :journal, code = :code, withdrawn = :withdrawn,
                          source = :source, title_key = :title_key, records = :records, changed_at = :now
                    WHERE id = :id";
        write(conn, sql, source, after, records, now)?;
        enter_names(conn, work.row(), after)?;
    }
    for news in PaperNews::between(before, after) {
        conn.prepare_cached(
            "INSERT INTO paper_events (paper, day, at, kind, detail)
             VALUES (:paper, :day, :at, :kind, :detail)
                 ON CONFLICT (paper, kind, detail) DO NOTHING",
        )?
        .execute(named_params! {
            ":paper": work.row().0, ":day": date_text(now.date_naive()), ":at": now.timestamp(),
            ":kind": news.word(), ":detail": news.detail(),
        })?;
    }
    Ok(())
}

fn write(
    conn: &Connection,
    sql: &str,
    source: &str,
    paper: &Paper,
    records: u32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    conn.prepare_cached(sql)?.execute(named_params! {
        ":id": paper.id.as_str(),
        ":version": paper.version,
        ":title": paper.title,
        ":abstract": paper.abstract_text,
        ":authors": json_text(&paper.authors),
        ":categories": json_text(&paper.categories),
        ":announced": paper.announced.map(|date| date.to_string()),
        ":published": paper.published.map(|at| at.timestamp()),
        ":updated": paper.updated.map(|at| at.timestamp()),
        ":url": paper.url,
        ":doi": paper.doi,
        ":comment": paper.comment,
        ":upvotes": paper.upvotes,
        ":same_as": json_text(&paper.same_as),
        ":journal": paper.journal,
        ":code": paper.code,
        ":withdrawn": paper.withdrawn,
        ":source": source,
        ":title_key": title_key(paper).unwrap_or(0),
        ":records": records,
        ":now": now.timestamp(),
    })?;
    Ok(())
}

/// Stores the names of a paper besides its id, except names of another work.
fn enter_names(conn: &Connection, row: PaperRow, paper: &Paper) -> Result<(), StoreError> {
    for name in WorkIds::of(paper).iter().filter(|name| **name != paper.id) {
        conn.prepare_cached(
            "INSERT INTO paper_names (name, paper) VALUES (:name,
                :row) ON CONFLICT (name) DO NOTHING",
        )?
        .execute(named_params! { ":name": name.as_str(), ":row": row.0 })?;
    }
    Ok(())
}

fn split(conn: &Connection, id: &PaperId, now: DateTime<Utc>) -> Result<SplitOutcome, StoreError> {
    let Some(row) = row_named(conn, id)? else {
        return Ok(SplitOutcome::Unknown);
    };
    let Some(from) = work(conn, row)? else {
        return Ok(SplitOutcome::Unknown);
    };
    let own = from.stored.paper.id.clone();
    let records = records(conn, &from)?;
    let merged: BTreeSet<PaperId> = records
        .iter()
        .map(|record| record.paper.id.clone())
        .filter(|name| *name != own)
        .collect();
    let asked = if *id == own {
        match merged.first() {
            None => return Ok(SplitOutcome::Whole(own)),
            Some(only) if merged.len() == 1 => only.clone(),
            Some(_) => return Ok(SplitOutcome::Several(own, merged.into_iter().collect())),
        }
    } else if merged.contains(id) {
        id.clone()
    } else {
        let bringer = records
            .iter()
            .find(|record| WorkIds::of(&record.paper).iter().any(|name| name == id));
        return Ok(SplitOutcome::OnlyAName(
            bringer.map_or(own, |record| record.paper.id.clone()),
        ));
    };
    let names = |id: &PaperId| {
        let of = records.iter().filter(|record| record.paper.id == *id);
        of.map(|record| WorkIds::of(&record.paper))
            .collect::<Vec<_>>()
    };
    // Names that belong only to the records being split off go with them.
    let mut apart = vec![asked.clone()];
    let stays = names(&own);
    while let Some(next) = merged.iter().find(|id| {
        let theirs = names(id);
        let with = |others: &[WorkIds]| {
            theirs
                .iter()
                .any(|one| others.iter().any(|other| one.share_one(other)))
        };
        !apart.contains(id) && !with(&stays) && apart.iter().any(|gone| with(&names(gone)))
    }) {
        apart.push(next.clone());
    }
    for gone in &apart {
        for kept in records
            .iter()
            .map(|record| &record.paper.id)
            .filter(|id| !apart.contains(id))
        {
            for (name, other) in [(gone, kept), (kept, gone)] {
                conn.prepare_cached(
                    "INSERT INTO not_same (name, other, at)
                     VALUES (:name, :other, :at)
                         ON CONFLICT (name, other) DO NOTHING",
                )?
                .execute(named_params! {
                    ":name": name.as_str(),
                    ":other": other.as_str(),
                    ":at": now.timestamp(),
                })?;
            }
        }
    }
    let to = row_for(conn, &from, &apart, &records)?;
    let both = named_params! { ":from": row.0, ":to": to.0 };
    conn.prepare_cached("DELETE FROM paper_names WHERE paper IN (:from, :to)")?
        .execute(both)?;
    for gone in &apart {
        let moved = named_params! { ":to": to.0, ":name": gone.as_str(), ":from": row.0 };
        conn.prepare_cached(
            "UPDATE paper_records SET paper = :to WHERE name = :name AND paper = :from",
        )?
        .execute(moved)?;
        conn.prepare_cached(
            "UPDATE papers SET merged_into = :to WHERE id = :name AND merged_into = :from
                AND row <> :to",
        )?
        .execute(moved)?;
    }
    for row in [to, row] {
        // Its events were reported before the records met: they are not news.
        let Some(bare) = work(conn, row)? else {
            continue;
        };
        let after = recombine_quietly(conn, &bare, now)?;
        enter_names(conn, row, &after)?;
    }
    Ok(SplitOutcome::Done { from: own, apart })
}

/// Returns the row for records that are split off: the one that they had, or a new one.
fn row_for(
    conn: &Connection,
    from: &Work,
    apart: &[PaperId],
    records: &[Record],
) -> Result<PaperRow, StoreError> {
    let mut had =
        conn.prepare_cached("SELECT row FROM papers WHERE id = :id AND merged_into = :from")?;
    for id in apart {
        let row = had.query_row(
            named_params! { ":id": id.as_str(), ":from": from.row().0 },
            |row| row.get("row"),
        );
        if let Some(row) = row.optional()? {
            conn.prepare_cached("UPDATE papers SET merged_into = NULL WHERE row = :row")?
                .execute(named_params! { ":row": row })?;
            return Ok(PaperRow(row));
        }
    }
    let record = records
        .iter()
        .find(|record| record.paper.id == apart[0])
        .expect("the record asked for is one of them");
    insert(conn, &record.source, &record.paper, record.at)
}

/// Like [`recombine`], but changes are not news.
fn recombine_quietly(
    conn: &Connection,
    work: &Work,
    now: DateTime<Utc>,
) -> Result<Paper, StoreError> {
    let last: i64 = conn.query_row(
        "SELECT coalesce(max(id), 0) AS id FROM paper_events",
        [],
        |row| row.get("id"),
    )?;
    let after = recombine(conn, work, now)?;
    conn.prepare_cached("DELETE FROM paper_events WHERE id > :last")?
        .execute(named_params! { ":last": last })?;
    Ok(after)
}

/// Adds names and title keys to papers that an earlier version took in.
pub(super) fn name_old_papers(store: &mut SqliteStore) -> Result<(), StoreError> {
    loop {
        let tx = store.write()?;
        let unnamed: Vec<Work> = {
            let mut statement = tx.prepare_cached(
                "SELECT * FROM papers WHERE title_key IS NULL ORDER BY row LIMIT :limit",
            )?;
            let rows = statement.query_map(named_params! { ":limit": NAMED_AT_ONCE }, work_of)?;
            rows.collect::<Result<_, _>>()?
        };
        if unnamed.is_empty() {
            return Ok(());
        }
        for work in unnamed {
            let paper = &work.stored.paper;
            tx.prepare_cached("UPDATE papers SET title_key = :key WHERE row = :row")?
                .execute(
                    named_params! { ":row": work.row().0, ":key": title_key(paper).unwrap_or(0) },
                )?;
            enter_names(&tx, work.row(), paper)?;
        }
        tx.commit()?;
    }
}
