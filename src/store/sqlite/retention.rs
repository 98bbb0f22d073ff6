//! Deletion of old data.

use super::SqliteStore;
use super::alarms::first_delivery_since;
use super::row::Columns;
use crate::store::{LastUpkeep, RetentionClass, RetentionStore, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, named_params};
use std::collections::BTreeMap;
use std::time::Duration;

/// SQLite reuses unused pages: below a quarter of the file they stay.
const UNUSED_SHARE: i64 = 4;

/// Time that truncating the write-ahead log waits for readers.
const LOG_WAIT: Duration = Duration::from_millis(50);

impl RetentionStore for SqliteStore {
    fn forget_old(
        &mut self,
        what: RetentionClass,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let tx = self.write()?;
        let forgotten = match what {
            RetentionClass::Attempts => attempts(&tx, before, limit)?,
            RetentionClass::Reports => reports(&tx, before, limit)?,
            RetentionClass::HeldTexts => held_texts(&tx, before, limit)?,
            RetentionClass::Requests => requests(&tx, before, limit)?,
            RetentionClass::Clicks => {
                let sql = "DELETE FROM clicks
                            WHERE id IN (SELECT id FROM clicks WHERE at_ms < :before
                                ORDER BY at_ms LIMIT :limit)";
                let values = named_params! {
                    ":before": before.timestamp_millis(),
                    ":limit": limit,
                };
                tx.prepare_cached(sql)?.execute(values)? as u64
            }
            RetentionClass::Consents => rows(
                &tx,
                "DELETE FROM consents
                  WHERE rowid IN (SELECT consents.rowid
                                    FROM subscribers
                                    JOIN consents ON consents.subscriber_id = subscribers.id
                                   WHERE left_at < :before AND status IN ('unsubscribed',
                                       'suppressed')
                                   LIMIT :limit)",
                before,
                limit,
            )?,
            RetentionClass::Skipped => rows(
                &tx,
                "DELETE FROM skipped
                  WHERE (subscriber_id, local_date) IN (SELECT subscriber_id, local_date
                                                          FROM skipped
                                                         WHERE at < :before
                                                         LIMIT :limit)",
                before,
                limit,
            )?,
            RetentionClass::SetAside => rows(
                &tx,
                "DELETE FROM set_aside
                  WHERE rowid IN (SELECT rowid FROM set_aside WHERE at < :before ORDER BY at
                      LIMIT :limit)",
                before,
                limit,
            )?,
            RetentionClass::Alarms => rows(
                &tx,
                "DELETE FROM alarms
                  WHERE id IN (SELECT id FROM alarms WHERE over_at < :before ORDER BY over_at
                      LIMIT :limit)",
                before,
                limit,
            )?,
        };
        tx.commit()?;
        Ok(forgotten)
    }

    fn shrink(&mut self, pages: u32) -> Result<u64, StoreError> {
        let number = |name: &str| {
            self.conn
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        let (unused, all) = (number("freelist_count")?, number("page_count")?);
        if unused * UNUSED_SHARE < all {
            return Ok(0);
        }
        // The pragma returns a row for each page; none for a file without incremental vacuum.
        let mut shrinking = self
            .conn
            .prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut steps = shrinking.query([])?;
        while steps.next()?.is_some() {}
        drop(steps);
        drop(shrinking);
        let left = self
            .conn
            .pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))?;
        Ok(unused.saturating_sub(left).unsigned_abs())
    }

    fn settle_log(&mut self) -> Result<(), StoreError> {
        self.conn
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        // The log is truncated only while it has no readers. The pragma reports that as a result,
        // not an error.
        self.conn.busy_timeout(LOG_WAIT)?;
        let cut = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.conn.busy_timeout(super::BUSY_WAIT)?;
        match cut.map_err(StoreError::from) {
            Err(StoreError::NotWritable(_)) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn note_upkeep(&mut self, damage: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT INTO tended (one, at, damage)
             VALUES (1, :now, :damage)
                 ON CONFLICT (one) DO UPDATE SET at = :now, damage = :damage",
            named_params! { ":now": now.timestamp(), ":damage": damage },
        )?;
        Ok(())
    }

    fn last_upkeep(&mut self) -> Result<Option<LastUpkeep>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT * FROM tended")?;
        let found = statement.query_row([], |row| {
            let columns = Columns::of("tended", row);
            Ok(LastUpkeep {
                at: columns.instant("at")?,
                damage: columns.get("damage")?,
            })
        });
        Ok(found.optional()?)
    }
}

fn rows(
    tx: &Transaction<'_>,
    sql: &str,
    before: DateTime<Utc>,
    limit: u32,
) -> rusqlite::Result<u64> {
    let values = named_params! { ":before": before.timestamp(), ":limit": limit };
    Ok(tx.prepare_cached(sql)?.execute(values)? as u64)
}

/// Runs deletions that return the class of each row, and counts them as deleted.
fn counted(
    tx: &Transaction<'_>,
    what: &str,
    sql: &str,
    values: &[(&str, &dyn rusqlite::ToSql)],
) -> rusqlite::Result<u64> {
    let mut classes: BTreeMap<String, u64> = BTreeMap::new();
    {
        let mut statement = tx.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            *classes.entry(row.get(0)?).or_default() += 1;
        }
    }
    for (class, count) in &classes {
        tx.prepare_cached(
            "INSERT INTO forgotten (what, class, count)
             VALUES (:what, :class, :count)
                 ON CONFLICT (what, class) DO UPDATE SET count = count + :count",
        )?
        .execute(named_params! { ":what": what, ":class": class, ":count": count })?;
    }
    Ok(classes.values().sum())
}

fn attempts(tx: &Transaction<'_>, before: DateTime<Utc>, limit: u32) -> rusqlite::Result<u64> {
    let first_kept = first_delivery_since(tx, before)?;
    counted(
        tx,
        "attempts",
        "DELETE FROM attempts
          WHERE (delivery_id, number) IN (SELECT delivery_id, number
                                            FROM attempts
                                           WHERE delivery_id < :first
                                           ORDER BY delivery_id, number
                                           LIMIT :limit)
      RETURNING CAST(coalesce(code / 100, '') AS TEXT)",
        named_params! { ":first": first_kept, ":limit": limit },
    )
}

fn reports(tx: &Transaction<'_>, before: DateTime<Utc>, limit: u32) -> rusqlite::Result<u64> {
    counted(
        tx,
        "reports",
        "DELETE FROM reports
          WHERE id IN (SELECT id FROM reports WHERE at < :before ORDER BY at LIMIT :limit)
      RETURNING class",
        named_params! { ":before": before.timestamp(), ":limit": limit },
    )
}

fn held_texts(tx: &Transaction<'_>, before: DateTime<Utc>, limit: u32) -> rusqlite::Result<u64> {
    // `at` is kept: nobody was waiting for it to expire.
    let mut give_up = tx.prepare_cached(
        "UPDATE deliveries
            SET state = 'expired',
                text = 'held, and nobody decided in time' || CASE WHEN text IS NULL THEN ''
                    ELSE '; last: ' || text END
          WHERE id IN (SELECT id FROM deliveries WHERE state = 'held' AND at < :before ORDER BY at
              LIMIT :limit)
      RETURNING id",
    )?;
    let given_up = give_up.query_map(
        named_params! { ":before": before.timestamp(), ":limit": limit },
        |row| row.get(0),
    )?;
    let ids: Vec<i64> = given_up.collect::<Result<_, _>>()?;
    for id in &ids {
        tx.prepare_cached("DELETE FROM messages WHERE delivery_id = :id")?
            .execute(named_params! { ":id": id })?;
    }
    Ok(ids.len() as u64)
}

fn requests(tx: &Transaction<'_>, before: DateTime<Utc>, limit: u32) -> rusqlite::Result<u64> {
    // A pending subscriber who was added by the operator has no request, and stays; so does one
    // who asked again since.
    let unconfirmed = rows(
        tx,
        "DELETE FROM subscribers
          WHERE id IN (SELECT subscriber_id
                         FROM requests
                         JOIN subscribers AS asking ON asking.id = requests.subscriber_id
                        WHERE kind = 'subscribe' AND asked_at < :before
                            AND asking.status = 'pending'
                          AND NOT EXISTS (SELECT 1 FROM requests AS later
                                           WHERE later.subscriber_id = asking.id
                                               AND later.asked_at >= :before)
                        LIMIT :limit)",
        before,
        limit,
    )?;
    let old = rows(
        tx,
        "DELETE FROM requests
          WHERE id IN (SELECT id FROM requests
                        WHERE asked_at < :before
                          AND NOT EXISTS (SELECT 1 FROM subscribers
                                           WHERE subscribers.id = requests.subscriber_id
                                               AND status = 'pending'
                                             AND requests.kind = 'subscribe')
                        ORDER BY asked_at
                        LIMIT :limit)",
        before,
        limit,
    )?;
    Ok(unconfirmed.max(old))
}
