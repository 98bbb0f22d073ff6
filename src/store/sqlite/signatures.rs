//! Signatures of papers.

use super::papers::stored_paper;
use super::public_queries::note_change;
use super::{SqliteStore, commit};
use crate::store::{NewSignature, PaperRow, SignatureStore, StoreError, StoredPaper};
use rusqlite::{Connection, OptionalExtension, named_params};

impl SignatureStore for SqliteStore {
    fn save_signatures(&mut self, signatures: &[(PaperRow, Vec<u8>)]) -> Result<(), StoreError> {
        if signatures.is_empty() {
            return Ok(());
        }
        let tx = self.write()?;
        {
            let mut statement = tx.prepare_cached(
                "INSERT OR REPLACE INTO signatures (paper, terms) VALUES (:paper, :terms)",
            )?;
            for (row, terms) in signatures {
                statement.execute(named_params! { ":paper": row.0, ":terms": terms })?;
            }
        }
        note_change(&tx)?;
        commit(tx)
    }

    fn papers_unsigned(&mut self, limit: u32) -> Result<Vec<StoredPaper>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT papers.*
               FROM unsigned
               JOIN papers ON papers.row = unsigned.paper
              ORDER BY unsigned.paper
              LIMIT :limit",
        )?;
        let rows = statement.query_map(named_params! { ":limit": limit }, stored_paper)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn sign(&mut self, signatures: &[NewSignature]) -> Result<(), StoreError> {
        let tx = self.write()?;
        for NewSignature { paper, terms } in signatures {
            let signed = tx
                .prepare_cached(
                    "INSERT OR REPLACE INTO signatures (paper, terms)
                     SELECT row, :terms
                       FROM papers
                      WHERE row = :row AND title = :title AND abstract = :abstract",
                )?
                .execute(named_params! {
                    ":row": paper.row.0,
                    ":title": paper.paper.title,
                    ":abstract": paper.paper.abstract_text,
                    ":terms": terms,
                })?;
            if signed == 1 {
                tx.prepare_cached("DELETE FROM unsigned WHERE paper = :row")?
                    .execute(named_params! { ":row": paper.row.0 })?;
            }
        }
        note_change(&tx)?;
        commit(tx)
    }

    fn is_behind(&mut self) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM unsigned)
                 OR EXISTS (SELECT 1 FROM papers
                             WHERE row > coalesce((SELECT counted_to FROM background), 0)
                               AND merged_into IS NULL) AS behind",
        )?;
        Ok(statement.query_row([], |row| row.get("behind"))?)
    }

    fn signature(&mut self, row: PaperRow) -> Result<Option<Vec<u8>>, StoreError> {
        signature(&self.conn, row)
    }

    fn each_signature(
        &mut self,
        most: u32,
        each: &mut dyn FnMut(PaperRow, &[u8]),
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT paper, terms
               FROM signatures
              WHERE paper >= coalesce((SELECT paper FROM signatures ORDER BY paper DESC LIMIT 1 OFFSET :others), 0)
              ORDER BY paper",
        )?;
        let mut rows = statement.query(named_params! { ":others": most.saturating_sub(1) })?;
        while let Some(row) = rows.next()? {
            let terms = row
                .get_ref("terms")?
                .as_blob()
                .map_err(rusqlite::Error::from)?;
            each(PaperRow(row.get("paper")?), terms);
        }
        Ok(())
    }
}

pub(super) fn signature(conn: &Connection, row: PaperRow) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT terms FROM signatures WHERE paper = :row")?;
    Ok(statement
        .query_row(named_params! { ":row": row.0 }, |row| row.get("terms"))
        .optional()?)
}
