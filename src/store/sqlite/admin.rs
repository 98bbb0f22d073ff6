//! Operator sessions, actions and job status.

use super::SqliteStore;
use super::row::{Columns, date_text};
use crate::store::{AdminAct, AdminSession, AdminStore, StoreError, WorkNote};
use crate::subscriber::Status;
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{OptionalExtension as _, named_params};

impl AdminStore for SqliteStore {
    fn admin_password(&mut self) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT hash FROM admin_password")?;
        Ok(statement.query_row([], |row| row.get("hash")).optional()?)
    }

    fn set_admin_password(&mut self, hash: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.execute(
            "INSERT INTO admin_password (one, hash, at)
             VALUES (1, :hash, :now)
                 ON CONFLICT (one) DO UPDATE SET hash = :hash, at = :now",
            named_params! { ":hash": hash, ":now": now.timestamp() },
        )?;
        tx.execute("DELETE FROM admin_sessions", [])?;
        Ok(tx.commit()?)
    }

    fn begin_admin_session(
        &mut self,
        token_hash: &str,
        network: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let begun = self.conn.execute(
            "INSERT INTO admin_sessions (token_hash, network, begun_at, seen_at)
             SELECT :token_hash, :network, :now, :now
               FROM admin_password
              WHERE hash = :password",
            named_params! {
                ":token_hash": token_hash,
                ":network": network,
                ":password": password,
                ":now": now.timestamp(),
            },
        )?;
        Ok(begun == 1)
    }

    fn admin_session(&mut self, token_hash: &str) -> Result<Option<AdminSession>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM admin_sessions WHERE token_hash = :token_hash")?;
        let found = statement.query_row(named_params! { ":token_hash": token_hash }, |row| {
            let columns = Columns::of("admin_sessions", row);
            Ok(AdminSession {
                network: columns.get("network")?,
                begun_at: columns.instant("begun_at")?,
                seen_at: columns.instant("seen_at")?,
            })
        });
        Ok(found.optional()?)
    }

    fn touch_admin_session(
        &mut self,
        token_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn.execute(
            "UPDATE admin_sessions SET seen_at = :now WHERE token_hash = :token_hash",
            named_params! { ":token_hash": token_hash, ":now": now.timestamp() },
        )?;
        Ok(())
    }

    fn end_admin_session(&mut self, token_hash: &str) -> Result<(), StoreError> {
        self.conn.execute(
            "DELETE FROM admin_sessions WHERE token_hash = :token_hash",
            named_params! { ":token_hash": token_hash },
        )?;
        Ok(())
    }

    fn note_admin_act(
        &mut self,
        act: &str,
        who: &str,
        network: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT INTO admin_acts (at, act, who, network) VALUES (:now, :act, :who, :network)",
            named_params! {
                ":now": now.timestamp(),
                ":act": act,
                ":who": who,
                ":network": network,
            },
        )?;
        Ok(())
    }

    fn admin_acts(&mut self, before: Option<i64>, limit: u32) -> Result<Vec<AdminAct>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM admin_acts
              WHERE id < :before
              ORDER BY id DESC
              LIMIT :limit",
        )?;
        let wanted = named_params! { ":before": before.unwrap_or(i64::MAX), ":limit": limit };
        let rows = statement.query_map(wanted, |row| {
            let columns = Columns::of("admin_acts", row);
            Ok(AdminAct {
                id: columns.get("id")?,
                at: columns.instant("at")?,
                act: columns.get("act")?,
                who: columns.get("who")?,
                network: columns.get("network")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn forget_admin(
        &mut self,
        sessions: DateTime<Utc>,
        acts: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.execute(
            "DELETE FROM admin_sessions WHERE seen_at < :before",
            named_params! { ":before": sessions.timestamp() },
        )?;
        tx.execute(
            "DELETE FROM admin_acts WHERE at < :before",
            named_params! { ":before": acts.timestamp() },
        )?;
        Ok(tx.commit()?)
    }

    fn note_work(
        &mut self,
        part: &str,
        failure: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut note = self.conn.prepare_cached(
            "INSERT INTO work_notes (part, done_at, failed_at, error)
             VALUES (:part, CASE WHEN :error IS NULL THEN :now END, CASE WHEN :error IS NOT NULL
                 THEN :now END, :error)
                 ON CONFLICT (part) DO UPDATE
                SET done_at = coalesce(excluded.done_at, done_at),
                    failed_at = coalesce(excluded.failed_at, failed_at),
                    error = coalesce(excluded.error, error)",
        )?;
        note.execute(named_params! { ":part": part, ":error": failure, ":now": now.timestamp() })?;
        Ok(())
    }

    fn work_notes(&mut self) -> Result<Vec<WorkNote>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM work_notes ORDER BY part")?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("work_notes", row);
            Ok(WorkNote {
                part: columns.get("part")?,
                done_at: columns.instant_if_any("done_at")?,
                failed: columns
                    .instant_if_any("failed_at")?
                    .zip(columns.get::<Option<String>>("error")?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn keep_subscriber_counts(&mut self, day: NaiveDate) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.execute(
            "DELETE FROM subscriber_counts WHERE day = :day",
            named_params! { ":day": date_text(day) },
        )?;
        tx.execute(
            "INSERT INTO subscriber_counts (day, status, subscribers)
             SELECT :day, status, count(*) FROM subscribers GROUP BY status",
            named_params! { ":day": date_text(day) },
        )?;
        Ok(tx.commit()?)
    }

    fn subscriber_counts(
        &mut self,
        since: NaiveDate,
    ) -> Result<Vec<(NaiveDate, Status, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM subscriber_counts WHERE day >= :since ORDER BY day, status",
        )?;
        let rows = statement.query_map(named_params! { ":since": date_text(since) }, |row| {
            let columns = Columns::of("subscriber_counts", row);
            Ok((
                columns.date("day")?,
                columns.word("status", &Status::WORDS)?,
                columns.get("subscribers")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
