//! Papers, coverage and unreadable records.

use super::SqliteStore;
use super::public_queries::note_change;
use super::row::{Columns, date_text};
use super::works;
use crate::paper::{Paper, PaperId, is_in_category};
use crate::store::{
    Coverage, CoverageState, CoverageUpdate, IntakeOutcome, PaperRow, PaperStore, SetAside,
    SourcePause, StoreError, StoredPaper,
};
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use std::collections::BTreeMap;

impl PaperStore for SqliteStore {
    fn take_in(
        &mut self,
        source: &str,
        papers: &[Paper],
        now: DateTime<Utc>,
    ) -> Result<Vec<IntakeOutcome>, StoreError> {
        let tx = self.write()?;
        let mut taken = Vec::with_capacity(papers.len());
        let mut days = BTreeMap::new();
        for paper in papers {
            let became = works::take_in(&tx, source, paper, now)?.0;
            if let Some(day) = paper.announced {
                *days.entry(day).or_insert(0) += u32::from(became == IntakeOutcome::New);
            }
            taken.push(became);
        }
        for (date, new) in days {
            let known = coverage_of(&tx, source, "", date)?;
            let news = CoverageUpdate {
                category: String::new(),
                date,
                state: CoverageState::Complete,
                declared: None,
                papers: known.as_ref().map_or(0, |known| known.papers) + new,
                announced_at: None,
                note: String::new(),
            };
            write_coverage(
                &tx,
                &Coverage::told(source, known.as_ref(), &news, new, now),
            )?;
        }
        if taken.iter().any(|became| *became != IntakeOutcome::Known) {
            note_change(&tx)?;
        }
        tx.commit()?;
        Ok(taken)
    }

    fn take_batch(
        &mut self,
        source: &str,
        papers: &[Paper],
        news: &[CoverageUpdate],
        now: DateTime<Utc>,
    ) -> Result<Vec<IntakeOutcome>, StoreError> {
        let tx = self.write()?;
        let mut taken = Vec::with_capacity(papers.len());
        let (mut announced, mut is_news) = (Vec::new(), false);
        for paper in papers {
            let (became, first_day) = works::take_in(&tx, source, paper, now)?;
            announced.extend(first_day.map(|day| (day, paper)));
            taken.push(became);
        }
        for news in news {
            let new = announced.iter().filter(|(day, paper)| {
                *day == news.date
                    && (news.category.is_empty()
                        || paper
                            .categories
                            .iter()
                            .any(|category| is_in_category(category, &news.category)))
            });
            let new = new.count() as u32;
            let known = coverage_of(&tx, source, &news.category, news.date)?;
            let told = Coverage::told(source, known.as_ref(), news, new, now);
            is_news = is_news || known.is_none_or(|known| known.state != told.state);
            write_coverage(&tx, &told)?;
        }
        if is_news || taken.iter().any(|became| *became != IntakeOutcome::Known) {
            note_change(&tx)?;
        }
        tx.commit()?;
        Ok(taken)
    }

    fn set_aside(
        &mut self,
        source: &str,
        records: &[SetAside],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        for record in records {
            tx.prepare_cached(
                "INSERT INTO set_aside (source, place, reason, record, at)
                 VALUES (:source, :place, :reason, :record, :at)
                     ON CONFLICT (source, place, record) DO UPDATE SET reason = :reason, at = :at",
            )?
            .execute(named_params! {
                ":source": source, ":place": record.place, ":reason": record.reason,
                ":record": record.record, ":at": now.timestamp(),
            })?;
        }
        Ok(tx.commit()?)
    }

    fn paper(&mut self, id: &PaperId) -> Result<Option<StoredPaper>, StoreError> {
        let Some(row) = works::row_named(&self.conn, id)? else {
            return Ok(None);
        };
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM papers WHERE row = :row")?;
        Ok(statement
            .query_row(named_params! { ":row": row.0 }, stored_paper)
            .optional()?)
    }

    fn papers_by_id(&mut self, ids: &[PaperId]) -> Result<Vec<(PaperId, StoredPaper)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.paper(id)?.map(|paper| (id.clone(), paper)));
        }
        Ok(found)
    }

    fn papers_announced(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<StoredPaper>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM papers
              WHERE announced BETWEEN :first AND :last AND merged_into IS NULL
              ORDER BY row",
        )?;
        let rows = statement.query_map(
            named_params! { ":first": date_text(first), ":last": date_text(last) },
            stored_paper,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn papers_after(
        &mut self,
        after: PaperRow,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM papers
              WHERE row > :after AND merged_into IS NULL
              ORDER BY row
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":after": after.0, ":limit": limit },
            stored_paper,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn search_papers(&mut self, query: &str, limit: u32) -> Result<Vec<StoredPaper>, StoreError> {
        let Some(query) = match_expression(query) else {
            return Ok(Vec::new());
        };
        let mut statement = self.conn.prepare_cached(
            // A word in the title is more specific than the same word in the abstract.
            "SELECT papers.*
               FROM papers_text
               JOIN papers ON papers.row = papers_text.rowid
              WHERE papers_text MATCH :query AND papers.merged_into IS NULL
              ORDER BY bm25(papers_text, 4.0, 1.0, 3.0), papers.row DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":query": query, ":limit": limit },
            stored_paper,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn trending_papers(
        &mut self,
        date: NaiveDate,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM papers
              WHERE announced = :date AND merged_into IS NULL
              ORDER BY coalesce(upvotes, 0) DESC, row
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":date": date_text(date), ":limit": limit },
            stored_paper,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn announcement_days(
        &mut self,
        ids: &[PaperId],
    ) -> Result<Vec<(PaperId, Option<NaiveDate>)>, StoreError> {
        let mut of_one = self
            .conn
            .prepare_cached("SELECT announced FROM papers WHERE id = :id AND records = 0")?;
        let mut of_several = self.conn.prepare_cached(
            "SELECT min(json_extract(record, '$.announced')) AS announced
               FROM paper_records
              WHERE name = :id
             HAVING count(*) > 0",
        )?;
        let day = |row: &Row<'_>| Columns::of("papers", row).date_if_any("announced");
        let mut days = Vec::new();
        for id in ids {
            let several = of_several
                .query_row(named_params! { ":id": id.as_str() }, day)
                .optional()?;
            let found = match several {
                Some(day) => Some(day),
                None => of_one
                    .query_row(named_params! { ":id": id.as_str() }, day)
                    .optional()?,
            };
            days.extend(found.map(|day| (id.clone(), day)));
        }
        Ok(days)
    }

    fn pause_source(&mut self, pause: &SourcePause) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "INSERT INTO source_pauses (provider, until, reason)
             VALUES (:provider, :until, :reason)
                 ON CONFLICT (provider) DO UPDATE SET until = :until, reason = :reason
              WHERE until < :until",
        )?;
        statement.execute(named_params! {
            ":provider": pause.provider, ":until": pause.until.timestamp(), ":reason": pause.reason,
        })?;
        Ok(())
    }

    fn source_pause(&mut self, provider: &str) -> Result<Option<SourcePause>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM source_pauses WHERE provider = :provider")?;
        let found = statement.query_row(named_params! { ":provider": provider }, |row| {
            let columns = Columns::of("source_pauses", row);
            let (provider, reason) = (columns.get("provider")?, columns.get("reason")?);
            Ok(SourcePause {
                provider,
                until: columns.instant("until")?,
                reason,
            })
        });
        Ok(found.optional()?)
    }

    fn count_announced(&mut self, date: NaiveDate) -> Result<u32, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM papers WHERE announced = :date AND merged_into IS NULL",
        )?;
        Ok(statement.query_row(named_params! { ":date": date_text(date) }, |row| row.get(0))?)
    }

    fn newest_day(&mut self, until: NaiveDate) -> Result<Option<NaiveDate>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT date FROM coverage
              WHERE date <= :until AND state = 'complete'
              ORDER BY date DESC
              LIMIT 1",
        )?;
        let day = statement.query_row(named_params! { ":until": date_text(until) }, |row| {
            Columns::of("coverage", row).date("date")
        });
        Ok(day.optional()?)
    }

    fn coverage(&mut self, first: NaiveDate, last: NaiveDate) -> Result<Vec<Coverage>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM coverage
              WHERE date BETWEEN :first AND :last
              ORDER BY date, source, category",
        )?;
        let rows = statement.query_map(
            named_params! { ":first": date_text(first), ":last": date_text(last) },
            coverage_row,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count_papers(&mut self) -> Result<u64, StoreError> {
        Ok(self.conn.query_row(
            "SELECT count(*) FROM papers WHERE merged_into IS NULL",
            [],
            |row| row.get(0),
        )?)
    }

    fn background(&mut self) -> Result<Option<(PaperRow, Vec<u8>)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT counted_to, bytes FROM background")?;
        let found = statement.query_row([], |row| {
            Ok((PaperRow(row.get("counted_to")?), row.get("bytes")?))
        });
        Ok(found.optional()?)
    }

    fn save_background(&mut self, row: PaperRow, bytes: &[u8]) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT INTO background (one, counted_to, bytes)
             VALUES (1, :row, :bytes)
                 ON CONFLICT (one) DO UPDATE SET counted_to = :row, bytes = :bytes",
            named_params! { ":row": row.0, ":bytes": bytes },
        )?;
        Ok(())
    }
}

fn coverage_of(
    tx: &Transaction<'_>,
    source: &str,
    category: &str,
    date: NaiveDate,
) -> Result<Option<Coverage>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT * FROM coverage
          WHERE date = :date AND source = :source AND category = :category",
    )?;
    let found = statement.query_row(
        named_params! { ":date": date_text(date), ":source": source, ":category": category },
        coverage_row,
    );
    Ok(found.optional()?)
}

fn write_coverage(tx: &Transaction<'_>, coverage: &Coverage) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO coverage (date, source, category, state, declared, parsed,
                                          announced_at, checked_at, completed_at, note)
         VALUES (:date, :source, :category, :state, :declared, :parsed,
                 :announced_at, :checked_at, :completed_at, :note)",
    )?
    .execute(named_params! {
        ":date": date_text(coverage.date),
        ":source": coverage.source,
        ":category": coverage.category,
        ":state": coverage.state.word(),
        ":declared": coverage.declared,
        ":parsed": coverage.papers,
        ":announced_at": coverage.announced_at.map(|at| at.timestamp()),
        ":checked_at": coverage.checked_at.timestamp(),
        ":completed_at": coverage.completed_at.map(|at| at.timestamp()),
        ":note": coverage.note,
    })?;
    Ok(())
}

fn coverage_row(row: &Row<'_>) -> rusqlite::Result<Coverage> {
    let columns = Columns::of("coverage", row);
    Ok(Coverage {
        source: columns.get("source")?,
        category: columns.get("category")?,
        date: columns.date("date")?,
        state: columns.word("state", &CoverageState::WORDS)?,
        declared: columns.get("declared")?,
        papers: columns.get("parsed")?,
        announced_at: columns.instant_if_any("announced_at")?,
        checked_at: columns.instant("checked_at")?,
        completed_at: columns.instant_if_any("completed_at")?,
        note: columns.get("note")?,
    })
}

pub(super) fn stored_paper(row: &Row<'_>) -> rusqlite::Result<StoredPaper> {
    let columns = Columns::of("papers", row);
    Ok(StoredPaper {
        row: PaperRow(columns.get("row")?),
        // In the order of the columns.
        paper: Paper {
            id: columns.read("id", |text| text.parse().ok())?,
            version: columns.get("version")?,
            title: columns.get("title")?,
            abstract_text: columns.get("abstract")?,
            authors: columns.json("authors")?,
            categories: columns.json("categories")?,
            announced: columns.date_if_any("announced")?,
            published: columns.instant_if_any("published")?,
            updated: columns.instant_if_any("updated")?,
            url: columns.get("url")?,
            doi: columns.get("doi")?,
            comment: columns.get("comment")?,
            upvotes: columns.get("upvotes")?,
            same_as: columns.json("same_as")?,
            journal: columns.get("journal")?,
            code: columns.get("code")?,
            withdrawn: columns.get("withdrawn")?,
        },
        seen_at: columns.instant("seen_at")?,
    })
}

/// Converts any text to an FTS5 expression: every word must occur, the last one may be a
/// prefix. Returns `None` if there is no word in it.
fn match_expression(query: &str) -> Option<String> {
    // A quoted string has no syntax inside (SQLite's FTS5 manual, section 3.1), so no query is
    // an error. 32 words are more than a person types.
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(32)
        .map(|word| format!("\"{word}\""))
        .collect();
    (!words.is_empty()).then(|| format!("{}*", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_query() {
        assert_eq!(
            match_expression("low-rank adap").as_deref(),
            Some("\"low\" \"rank\" \"adap\"*")
        );
        assert_eq!(match_expression("AND \"(*").as_deref(), Some("\"AND\"*"));
        assert_eq!(match_expression(" -- "), None);
    }
}
