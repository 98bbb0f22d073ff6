//! Counts of the whole installation.

use super::SqliteStore;
use super::row::Columns;
use crate::store::{MetricsStore, RelayPause, SenderLease, SourceStatus, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, named_params};

impl MetricsStore for SqliteStore {
    fn count_attempts(&mut self) -> Result<Vec<(Option<u16>, u64)>, StoreError> {
        let mut statement =
            // Deleted attempts stay counted: a counter does not fall.
            self.conn.prepare_cached(
                "SELECT class, sum(n) AS n
                   FROM (SELECT code / 100 AS class, count(*) AS n FROM attempts GROUP BY class
                          UNION ALL
                         SELECT CAST(nullif(class, '') AS INTEGER) AS class, count AS n
                           FROM forgotten
                          WHERE what = 'attempts')
                  GROUP BY class",
            )?;
        let rows = statement.query_map([], |row| Ok((row.get("class")?, row.get("n")?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn oldest_due(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT min(next_at) FROM deliveries WHERE next_at <= :now")?;
        let oldest: Option<i64> =
            statement.query_row(named_params! { ":now": now.timestamp() }, |row| row.get(0))?;
        Ok(oldest.and_then(|at| DateTime::from_timestamp(at, 0)))
    }

    fn source_statuses(&mut self) -> Result<Vec<SourceStatus>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT source, max(checked_at) AS checked_at, max(completed_at) AS settled_at
               FROM coverage
              GROUP BY source
              ORDER BY source",
        )?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("coverage", row);
            let settled_at: Option<i64> = columns.get("settled_at")?;
            Ok(SourceStatus {
                source: columns.get("source")?,
                checked_at: columns.instant("checked_at")?,
                settled_at: settled_at.and_then(|at| DateTime::from_timestamp(at, 0)),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn relay_pauses(&mut self) -> Result<Vec<(String, RelayPause)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM relay_pauses ORDER BY relay")?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("relay_pauses", row);
            let pause = RelayPause {
                until: columns.instant("until")?,
                failures: columns.get("failures")?,
                refuses_us: columns.get("refuses_us")?,
                reason: columns.get("reason")?,
            };
            Ok((columns.get("relay")?, pause))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn sender(&mut self) -> Result<Option<SenderLease>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT holder, until FROM sender_lease")?;
        let found = statement.query_row([], |row| {
            let columns = Columns::of("sender_lease", row);
            Ok(SenderLease {
                holder: columns.get("holder")?,
                until: columns.instant("until")?,
            })
        });
        Ok(found.optional()?)
    }
}
