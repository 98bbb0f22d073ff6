//! Which papers are most like each other.

use super::papers::stored_paper;
use super::row::Columns;
use super::{SqliteStore, commit};
use crate::store::{PaperRow, SimilarRound, SimilarStore, SimilarTo, StoreError, StoredPaper};
use rusqlite::{OptionalExtension, named_params};

impl SimilarStore for SqliteStore {
    fn similar_round(&mut self) -> Result<Option<SimilarRound>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT papers, newest, at FROM similar_round")?;
        let found = statement.query_row([], |row| {
            let columns = Columns { table: "similar_round", row };
            Ok(SimilarRound {
                papers: columns.get("papers")?,
                newest: PaperRow(columns.get("newest")?),
                at: columns.instant("at")?,
            })
        });
        Ok(found.optional()?)
    }

    fn save_similar_round(&mut self, round: &SimilarRound) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.execute(
            "DELETE FROM similar_papers
              WHERE paper IN (SELECT row FROM papers WHERE merged_into IS NOT NULL)",
            [],
        )?;
        tx.execute(
            "INSERT OR REPLACE INTO similar_round (one, papers, newest, at)
             VALUES (1, :papers, :newest, :at)",
            named_params! { ":papers": round.papers, ":newest": round.newest.0, ":at": round.at.timestamp() },
        )?;
        commit(tx)
    }

    fn save_similar(&mut self, lists: &[SimilarTo]) -> Result<u64, StoreError> {
        let tx = self.write()?;
        let mut changed = 0;
        {
            // A paper that went meanwhile has no list.
            let mut statement = tx.prepare_cached(
                "INSERT INTO similar_papers (paper, others)
                 SELECT row, :others FROM papers WHERE row = :paper AND merged_into IS NULL
                     ON CONFLICT (paper) DO UPDATE SET others = :others WHERE others <> :others",
            )?;
            for list in lists {
                let others: Vec<i64> = list.others.iter().map(|row| row.0).collect();
                let others = serde_json::json!(others).to_string();
                changed += statement.execute(named_params! { ":paper": list.paper.0, ":others": others })? as u64;
            }
        }
        commit(tx)?;
        Ok(changed)
    }

    fn similar_papers(&mut self, row: PaperRow) -> Result<Option<Vec<StoredPaper>>, StoreError> {
        let mut list = self.conn.prepare_cached("SELECT others FROM similar_papers WHERE paper = :paper")?;
        let others = list.query_row(named_params! { ":paper": row.0 }, |row| {
            Columns { table: "similar_papers", row }.json::<Vec<i64>>("others")
        });
        let Some(others) = others.optional()? else { return Ok(None) };
        let mut statement =
            self.conn.prepare_cached("SELECT * FROM papers WHERE row = :row AND merged_into IS NULL")?;
        let mut papers = Vec::with_capacity(others.len());
        for other in others {
            papers.extend(statement.query_row(named_params! { ":row": other }, stored_paper).optional()?);
        }
        Ok(Some(papers))
    }

    fn extent(&mut self) -> Result<(u64, PaperRow), StoreError> {
        // Both from indexes: this is asked every few seconds.
        let mut statement = self.conn.prepare_cached(
            "SELECT (SELECT count(*) FROM papers) - (SELECT count(*) FROM papers WHERE merged_into IS NOT NULL) AS papers,
                    (SELECT coalesce(max(row), 0) FROM papers) AS newest",
        )?;
        Ok(statement.query_row([], |row| Ok((row.get("papers")?, PaperRow(row.get("newest")?))))?)
    }
}
