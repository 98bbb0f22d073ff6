//! Queries of the public pages.

use super::papers::stored_paper;
use super::row::{Columns, date_text};
use super::signatures::signature;
use super::{Snapshot, SqliteStore, works};
use crate::paper::PaperId;
use crate::pick::PaperNews;
use crate::store::{
    Changes, DayCount, DayPage, DayQuery, PaperPage, PaperRow, PublicQueryStore, StoreError,
    StoredPaper,
};
use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, named_params};

impl PublicQueryStore for SqliteStore {
    fn papers_of_day(&mut self, query: &DayQuery) -> Result<DayPage, StoreError> {
        // In a JSON list of texts, each one is in quotation marks.
        let category = query
            .category
            .as_ref()
            .map(|code| serde_json::json!(code).to_string());
        let wanted = named_params! { ":date": date_text(query.date), ":category": category };
        let total = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM papers
                  WHERE announced = :date AND (:category IS NULL
                      OR instr(categories, :category) > 0)",
            )?
            .query_row(wanted, |row| row.get(0))?;
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM papers
              WHERE announced = :date AND (:category IS NULL OR instr(categories, :category) > 0)
              ORDER BY coalesce(upvotes, 0) DESC, row
              LIMIT :limit OFFSET :offset",
        )?;
        let rows = statement.query_map(
            named_params! {
                ":date": date_text(query.date), ":category": category,
                ":limit": query.limit, ":offset": query.offset,
            },
            stored_paper,
        )?;
        Ok(DayPage {
            papers: rows.collect::<Result<_, _>>()?,
            total,
        })
    }

    fn votes_of_day(
        &mut self,
        date: NaiveDate,
        category: Option<&str>,
    ) -> Result<Vec<(PaperRow, u32)>, StoreError> {
        // In a JSON list of texts, each one is in quotation marks.
        let category = category.map(|code| serde_json::json!(code).to_string());
        // A row that was merged into another paper has no day.
        let mut statement = self.conn.prepare_cached(
            "SELECT row, coalesce(upvotes, 0) AS votes
               FROM papers
              WHERE announced = :date AND (:category IS NULL OR instr(categories, :category) > 0)",
        )?;
        let wanted = named_params! { ":date": date_text(date), ":category": category };
        let rows = statement.query_map(wanted, |row| {
            let columns = Columns::of("papers", row);
            Ok((PaperRow(columns.get("row")?), columns.get("votes")?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn days_around(
        &mut self,
        date: NaiveDate,
    ) -> Result<(Option<NaiveDate>, Option<NaiveDate>), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT (SELECT max(announced) FROM papers WHERE announced < :date) AS before,
                    (SELECT min(announced) FROM papers WHERE announced > :date) AS after",
        )?;
        Ok(
            statement.query_row(named_params! { ":date": date_text(date) }, |row| {
                let columns = Columns::of("papers", row);
                Ok((
                    columns.date_if_any("before")?,
                    columns.date_if_any("after")?,
                ))
            })?,
        )
    }

    fn days_with_papers(
        &mut self,
        until: NaiveDate,
        limit: u32,
    ) -> Result<Vec<DayCount>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT announced, count(*) AS papers
               FROM papers
              WHERE announced <= :until
              GROUP BY announced
              ORDER BY announced DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":until": date_text(until), ":limit": limit },
            |row| {
                let columns = Columns::of("papers", row);
                Ok(DayCount {
                    date: columns.date("announced")?,
                    papers: columns.get("papers")?,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn knows_category(&mut self, code: &str) -> Result<bool, StoreError> {
        let (from, length) = match code.strip_suffix('*') {
            // All categories with this prefix; without a dot it is a name like any other.
            Some(start) if start.ends_with('.') => (start, start.chars().count()),
            _ => (code, usize::MAX),
        };
        let mut statement = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM coverage
                WHERE lower(substr(category, 1, :length)) = lower(:from))
                 OR EXISTS (SELECT 1
                              FROM papers, json_each(papers.categories) AS category
                             WHERE lower(substr(category.value, 1, :length)) = lower(:from)) AS is_known",
        )?;
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        Ok(
            statement.query_row(named_params! { ":from": from, ":length": length }, |row| {
                row.get("is_known")
            })?,
        )
    }

    fn categories_of_day(&mut self, date: NaiveDate) -> Result<Vec<(String, u32)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT category.value AS category, count(*) AS papers
               FROM papers, json_each(papers.categories) AS category
              WHERE papers.announced = :date
              GROUP BY category.value
              ORDER BY count(*) DESC, category.value",
        )?;
        let rows = statement.query_map(named_params! { ":date": date_text(date) }, |row| {
            let columns = Columns::of("papers", row);
            Ok((columns.get("category")?, columns.get("papers")?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn standing_paper(&mut self, row: PaperRow) -> Result<Option<StoredPaper>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT papers.*
               FROM papers AS named
               JOIN papers ON papers.row = coalesce(named.merged_into, named.row)
              WHERE named.row = :row",
        )?;
        Ok(statement
            .query_row(named_params! { ":row": row.0 }, stored_paper)
            .optional()?)
    }

    fn paper_events(&mut self, row: PaperRow) -> Result<Vec<(NaiveDate, PaperNews)>, StoreError> {
        events(&self.conn, row)
    }

    fn paper_page(&mut self, id: &PaperId) -> Result<Option<PaperPage>, StoreError> {
        // One transaction, for a consistent snapshot.
        let conn = Snapshot::of(&mut self.conn)?;
        let Some((stored, records)) = works::with_records(&conn, id)? else {
            return Ok(None);
        };
        let (events, signature) = (events(&conn, stored.row)?, signature(&conn, stored.row)?);
        Ok(Some(PaperPage {
            stored,
            records,
            events,
            signature,
        }))
    }

    fn changes(&mut self) -> Result<Changes, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT (SELECT changes FROM archive_changes) AS papers,
                    (SELECT coalesce(max(id), 0) FROM feedback_log) AS said,
                    (SELECT coalesce(max(id), 0) FROM clicks) AS clicked",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(Changes {
                papers: row.get("papers")?,
                votes: (row.get("said")?, row.get("clicked")?),
            })
        })?)
    }
}

/// Increments the counter of changes that the public pages show.
pub(super) fn note_change(conn: &Connection) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE archive_changes SET changes = changes + 1")?
        .execute([])?;
    Ok(())
}

fn events(conn: &Connection, row: PaperRow) -> Result<Vec<(NaiveDate, PaperNews)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT day, kind, detail
           FROM paper_events
          WHERE paper = :row
          ORDER BY at, id",
    )?;
    let rows = statement.query_map(named_params! { ":row": row.0 }, |row| {
        let columns = Columns::of("paper_events", row);
        let detail: String = columns.get("detail")?;
        let news = columns.read("kind", |kind| PaperNews::read(kind, &detail))?;
        Ok((columns.date("day")?, news))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
