//! Dense vectors.

use super::papers::stored_paper;
use super::{SqliteStore, commit};
use crate::embedding::{pack, unpack};
use crate::store::{
    ActiveModel, ModelRow, NewVector, PaperRow, StoreError, StoredPaper, VectorStore,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, named_params};

impl VectorStore for SqliteStore {
    fn active_model(&mut self) -> Result<Option<ActiveModel>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT maker, folder FROM models WHERE is_active = 1")?;
        let found = statement.query_row([], |row| {
            Ok(ActiveModel {
                maker: row.get("maker")?,
                folder: row.get("folder")?,
            })
        });
        Ok(found.optional()?)
    }

    fn models(&mut self) -> Result<Vec<ModelRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT maker, folder, is_active, (SELECT count(*) FROM vectors
                WHERE model = models.id) AS vectors
               FROM models
              ORDER BY is_active DESC, begun_at, id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(ModelRow {
                maker: row.get("maker")?,
                folder: row.get("folder")?,
                is_active: row.get("is_active")?,
                vectors: row.get("vectors")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn begin_model(
        &mut self,
        maker: &str,
        folder: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO models (maker, folder, begun_at)
                 VALUES (:maker, :folder, :now)
                     ON CONFLICT (maker) DO UPDATE SET folder = :folder",
            )?
            .execute(
                named_params! { ":maker": maker, ":folder": folder, ":now": now.timestamp() },
            )?;
        Ok(())
    }

    fn activate_model(&mut self, maker: &str) -> Result<bool, StoreError> {
        let tx = self.write()?;
        if model_id(&tx, maker)?.is_none() {
            return Ok(false);
        }
        // Deactivates the others first: only one may be active.
        tx.execute(
            "DELETE FROM models WHERE maker <> :maker",
            named_params! { ":maker": maker },
        )?;
        tx.execute(
            "UPDATE models SET is_active = 1 WHERE maker = :maker",
            named_params! { ":maker": maker },
        )?;
        commit(tx)?;
        Ok(true)
    }

    fn forget_models(&mut self) -> Result<(), StoreError> {
        self.conn.execute("DELETE FROM models", [])?;
        Ok(())
    }

    fn vectors_missing(
        &mut self,
        maker: &str,
        after: Option<&StoredPaper>,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM papers
              WHERE (:row IS NULL
                     OR announced < :announced
                     OR (announced IS :announced AND row < :row)
                     OR (announced IS NULL AND :announced IS NOT NULL))
                AND merged_into IS NULL
                AND NOT EXISTS (SELECT 1 FROM vectors
                                 WHERE model = (SELECT id FROM models WHERE maker = :maker)
                                     AND paper = papers.row)
              ORDER BY announced DESC, row DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {
                ":maker": maker,
                ":row": after.map(|after| after.row.0),
                ":announced": after.and_then(|after| after.paper.announced).map(|date| date.to_string()),
                ":limit": limit,
            },
            stored_paper,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count_vectors_missing(&mut self, maker: &str) -> Result<u64, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*)
               FROM papers
              WHERE merged_into IS NULL
                AND NOT EXISTS (SELECT 1 FROM vectors
                                 WHERE model = (SELECT id FROM models WHERE maker = :maker)
                                     AND paper = papers.row)",
        )?;
        Ok(statement.query_row(named_params! { ":maker": maker }, |row| row.get(0))?)
    }

    fn save_vectors(&mut self, maker: &str, vectors: &[NewVector<'_>]) -> Result<u64, StoreError> {
        let tx = self.write()?;
        let Some(model) = model_id(&tx, maker)? else {
            return Ok(0);
        };
        let mut saved = 0;
        for new in vectors {
            saved += tx
                .prepare_cached(
                    "INSERT INTO vectors (model, paper, bytes)
                     SELECT :model, row, :bytes
                       FROM papers
                      WHERE row = :row AND title = :title AND abstract = :abstract
                         ON CONFLICT (model, paper) DO UPDATE SET bytes = :bytes",
                )?
                .execute(named_params! {
                    ":model": model,
                    ":row": new.paper.row.0,
                    ":title": new.paper.paper.title,
                    ":abstract": new.paper.paper.abstract_text,
                    ":bytes": pack(new.vector),
                })? as u64;
        }
        commit(tx)?;
        Ok(saved)
    }

    fn each_vector(
        &mut self,
        maker: &str,
        each: &mut dyn FnMut(PaperRow, &[u8]),
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT paper, bytes
               FROM vectors
              WHERE model = (SELECT id FROM models WHERE maker = :maker)
              ORDER BY paper",
        )?;
        let mut rows = statement.query(named_params! { ":maker": maker })?;
        while let Some(row) = rows.next()? {
            let bytes = row
                .get_ref("bytes")?
                .as_blob()
                .map_err(rusqlite::Error::from)?;
            each(PaperRow(row.get("paper")?), bytes);
        }
        Ok(())
    }

    fn vectors(
        &mut self,
        maker: &str,
        rows: &[PaperRow],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        // One transaction: the model cannot be deleted half-way.
        let tx = self.conn.transaction()?;
        let Some(model) = model_id(&tx, maker)? else {
            return Ok(vec![None; rows.len()]);
        };
        let mut found = Vec::with_capacity(rows.len());
        let mut statement =
            tx.prepare_cached("SELECT bytes FROM vectors WHERE model = :model AND paper = :paper")?;
        for row in rows {
            let vector = statement
                .query_row(named_params! { ":model": model, ":paper": row.0 }, |row| {
                    Ok(unpack(row.get_ref("bytes")?.as_blob()?))
                });
            found.push(match vector.optional()? {
                None => None,
                Some(Some(vector)) => Some(vector),
                Some(None) => {
                    let value = format!("something else than a vector for paper {}", row.0);
                    return Err(StoreError::Corrupt {
                        table: "vectors",
                        column: "bytes",
                        value,
                    });
                }
            });
        }
        Ok(found)
    }
}

fn model_id(conn: &Connection, maker: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = conn.prepare_cached("SELECT id FROM models WHERE maker = :maker")?;
    statement
        .query_row(named_params! { ":maker": maker }, |row| row.get(0))
        .optional()
}
