//! Works of readers' libraries.

use super::SqliteStore;
use super::row::{Columns, json_text};
use super::search::quoted;
use super::works::row_named;
use crate::paper::PaperId;
use crate::store::{LibraryStore, LibraryWork, PaperRow, StoreError, WorkMatch, WorkNames};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, named_params};

/// Most papers of one title to look at: no series of "Comment on …" has more.
const SAME_TITLE_MAX: u32 = 20;

impl LibraryStore for SqliteStore {
    fn find_works(&mut self, works: &[WorkNames<'_>]) -> Result<Vec<WorkMatch>, StoreError> {
        let tx = self.conn.transaction()?;
        let mut found = Vec::with_capacity(works.len());
        for work in works {
            found.push(match by_ids(&tx, work.ids)? {
                Some((row, id)) => WorkMatch::ById(row, id),
                None => WorkMatch::ByTitle(by_title(&tx, work.title)?),
            });
        }
        Ok(found)
    }

    fn add_library(
        &mut self,
        subscriber: SubscriberId,
        interest: &str,
        works: &[LibraryWork],
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let tx = self.write()?;
        let mut added = 0;
        for work in works {
            let is_known = tx
                .prepare_cached(
                    "SELECT 1 FROM library_items
                      WHERE subscriber_id = :subscriber AND interest = :interest AND key = :key",
                )?
                .exists(named_params! {
                    ":subscriber": subscriber.0,
                    ":interest": interest,
                    ":key": work.key,
                })?;
            added += u64::from(!is_known);
            tx.prepare_cached(
                "INSERT INTO library_items (subscriber_id, interest, key, title, abstract, authors,
                    ids, added_at)
                 VALUES (:subscriber, :interest, :key, :title, :abstract, :authors, :ids, :now)
                     ON CONFLICT (subscriber_id, interest, key) DO UPDATE SET abstract = :abstract
                  WHERE abstract = ''",
            )?
            .execute(named_params! {
                ":subscriber": subscriber.0,
                ":interest": interest,
                ":key": work.key,
                ":title": work.title,
                ":abstract": work.abstract_text, ":authors": json_text(&work.authors),
                ":ids": json_text(&work.ids), ":now": now.timestamp(),
            })?;
        }
        tx.commit()?;
        Ok(added)
    }

    fn library_of(
        &mut self,
        subscribers: &[SubscriberId],
        limit: u32,
    ) -> Result<Vec<(SubscriberId, String, LibraryWork)>, StoreError> {
        let tx = self.conn.transaction()?;
        let mut names = tx.prepare_cached(
            "SELECT DISTINCT interest FROM library_items WHERE subscriber_id = :subscriber",
        )?;
        let mut works = tx.prepare_cached(
            "SELECT * FROM library_items
              WHERE subscriber_id = :subscriber AND interest = :interest
              ORDER BY abstract = '', added_at DESC, key
              LIMIT :limit",
        )?;
        let mut all = Vec::new();
        for subscriber in subscribers {
            let interests = names
                .query_map(named_params! { ":subscriber": subscriber.0 }, |row| {
                    row.get(0)
                })?;
            for interest in interests.collect::<Result<Vec<String>, _>>()? {
                let parameters = named_params! {
                    ":subscriber": subscriber.0,
                    ":interest": interest,
                    ":limit": limit,
                };
                for work in works.query_map(parameters, library_work)? {
                    all.push((*subscriber, interest.clone(), work?));
                }
            }
        }
        Ok(all)
    }

    fn count_library(
        &mut self,
        subscriber: SubscriberId,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT interest, count(*) AS works FROM library_items
              WHERE subscriber_id = :subscriber
              GROUP BY interest
              ORDER BY interest",
        )?;
        let rows = statement.query_map(named_params! { ":subscriber": subscriber.0 }, |row| {
            Ok((row.get("interest")?, row.get("works")?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn rename_interest(
        &mut self,
        subscriber: SubscriberId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        let parameters = named_params! { ":subscriber": subscriber.0, ":old": old, ":new": new };
        tx.execute(
            "UPDATE OR REPLACE library_items SET interest = :new
              WHERE subscriber_id = :subscriber AND interest = :old",
            parameters,
        )?;
        tx.execute(
            "UPDATE feedback SET interest = :new
              WHERE subscriber_id = :subscriber AND interest = :old",
            parameters,
        )?;
        Ok(tx.commit()?)
    }

    fn forget_library(
        &mut self,
        subscriber: SubscriberId,
        interest: &str,
    ) -> Result<u64, StoreError> {
        let forgotten = self.conn.execute(
            "DELETE FROM library_items WHERE subscriber_id = :subscriber AND interest = :interest",
            named_params! { ":subscriber": subscriber.0, ":interest": interest },
        )?;
        Ok(forgotten as u64)
    }
}

fn library_work(row: &Row<'_>) -> rusqlite::Result<LibraryWork> {
    let columns = Columns::of("library_items", row);
    Ok(LibraryWork {
        key: columns.get("key")?,
        title: columns.get("title")?,
        abstract_text: columns.get("abstract")?,
        authors: columns.json("authors")?,
        ids: columns.json("ids")?,
    })
}

/// Returns the paper with one of these ids.
pub(super) fn by_ids(
    conn: &Connection,
    ids: &[PaperId],
) -> Result<Option<(PaperRow, PaperId)>, StoreError> {
    for id in ids {
        let Some(row) = row_named(conn, id)? else {
            continue;
        };
        let mut statement = conn.prepare_cached("SELECT id FROM papers WHERE row = :row")?;
        let id = statement.query_row(named_params! { ":row": row.0 }, |row| {
            Columns::of("papers", row).read("id", |text| text.parse().ok())
        })?;
        return Ok(Some((row, id)));
    }
    Ok(None)
}

type Candidate = (PaperRow, PaperId, Vec<String>);

/// Longest title that is looked up: a search takes memory for each word.
const TITLE_BYTES_MAX: usize = 4_000;

/// Returns the papers of this title, by its words in order.
fn by_title(conn: &Connection, title: &str) -> rusqlite::Result<Vec<Candidate>> {
    let candidate = |row: &Row<'_>| {
        let columns = Columns::of("papers", row);
        let id = columns.read("id", |text| text.parse().ok())?;
        Ok((PaperRow(columns.get("row")?), id, columns.json("authors")?))
    };
    // A title of one or two words is that of many works: it must match as a whole.
    let words = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .count();
    if words == 0 || title.len() > TITLE_BYTES_MAX {
        return Ok(Vec::new());
    }
    let mut by_words = conn.prepare_cached(
        "SELECT papers.row, papers.id, papers.authors
           FROM papers_text
           JOIN papers ON papers.row = papers_text.rowid
          WHERE papers_text MATCH :query AND length(papers.title) <= :longest
              AND papers.merged_into IS NULL
          LIMIT :limit",
    )?;
    let query = format!("title : ^{}", quoted(title));
    // All words match in order; a title longer by a subtitle may be another work.
    let longest = title.chars().count() + if words < 3 { 0 } else { 4 };
    let parameters =
        named_params! { ":query": query, ":longest": longest as i64, ":limit": SAME_TITLE_MAX };
    let rows = by_words.query_map(parameters, candidate)?;
    rows.collect()
}
