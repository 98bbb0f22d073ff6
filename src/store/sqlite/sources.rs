//! Leases at providers, poll times, and unreadable records.

use super::SqliteStore;
use super::row::Columns;
use crate::paper::PaperId;
use crate::store::{PaperStore, SetAside, SetAsideRow, SourceStore, SourceTurn, StoreError};
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{OptionalExtension, named_params};

impl SourceStore for SqliteStore {
    fn take_source_turn(
        &mut self,
        provider: &str,
        until: DateTime<Utc>,
        latest: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<SourceTurn, StoreError> {
        if let Some(pause) = self.source_pause(provider)?
            && pause.until > now
            && pause.until <= latest
        {
            return Ok(SourceTurn::Paused(pause));
        }
        let tx = self.write()?;
        let free: Option<i64> = tx
            .prepare_cached("SELECT free_ms FROM source_turns WHERE provider = :provider")?
            .query_row(named_params! { ":provider": provider }, |row| {
                row.get("free_ms")
            })
            .optional()?;
        let free = free.and_then(DateTime::from_timestamp_millis);
        // Clocks of processes may differ a little: a lease of twice the length is accepted.
        if let Some(free) = free.filter(|free| *free > now && *free <= until + (until - now)) {
            return Ok(SourceTurn::NotBefore(free));
        }
        tx.prepare_cached(
            "INSERT INTO source_turns (provider, free_ms)
             VALUES (:provider, :until)
                 ON CONFLICT (provider) DO UPDATE SET free_ms = :until",
        )?
        .execute(named_params! { ":provider": provider, ":until": until.timestamp_millis() })?;
        tx.commit()?;
        Ok(SourceTurn::Ours(until))
    }

    fn end_source_turn(
        &mut self,
        provider: &str,
        turn: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "UPDATE source_turns
                    SET free_ms = :next
                  WHERE provider = :provider AND free_ms = :turn",
            )?
            .execute(named_params! {
                ":provider": provider,
                ":turn": turn.timestamp_millis(),
                ":next": next.timestamp_millis(),
            })?;
        Ok(())
    }

    fn source_marks(&mut self, source: &str) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT what, at FROM source_asked WHERE source = :source")?;
        let marks = statement.query_map(named_params! { ":source": source }, |row| {
            let at = Columns::of("source_asked", row).instant("at")?;
            Ok((row.get("what")?, at))
        })?;
        Ok(marks.collect::<Result<_, _>>()?)
    }

    fn note_source_asked(
        &mut self,
        source: &str,
        what: &str,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO source_asked (source, what, at)
                 VALUES (:source, :what, :at)
                     ON CONFLICT (source, what) DO UPDATE SET at = :at",
            )?
            .execute(named_params! { ":source": source, ":what": what, ":at": at.timestamp() })?;
        Ok(())
    }

    fn unknown_examples(
        &mut self,
        source: &str,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PaperId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "WITH examples (id) AS (
                 SELECT liked.value
                   FROM subscribers
                   JOIN interests ON interests.subscriber_id = subscribers.id,
                       json_each(interests.liked) AS liked
                  WHERE subscribers.changed_at >= :since
                  UNION
                 SELECT disliked.value
                   FROM subscribers
                   JOIN interests ON interests.subscriber_id = subscribers.id,
                       json_each(interests.disliked) AS disliked
                  WHERE subscribers.changed_at >= :since
             )
             SELECT id
               FROM examples
              WHERE NOT EXISTS (SELECT 1 FROM papers WHERE papers.id = examples.id)
                AND NOT EXISTS (SELECT 1 FROM source_asked_papers AS asked
                                 WHERE asked.source = :source AND asked.id = examples.id)
              ORDER BY id
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":source": source, ":since": since.timestamp(), ":limit": limit },
            |row| Columns::of("interests", row).read("id", |text| text.parse().ok()),
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn note_papers_asked(
        &mut self,
        source: &str,
        ids: &[PaperId],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        for id in ids {
            tx.prepare_cached(
                "INSERT INTO source_asked_papers (source, id, at)
                 VALUES (:source, :id, :at)
                     ON CONFLICT (source, id) DO UPDATE SET at = :at",
            )?
            .execute(
                named_params! { ":source": source, ":id": id.as_str(), ":at": at.timestamp() },
            )?;
        }
        Ok(tx.commit()?)
    }

    fn records_set_aside(&mut self, limit: u32) -> Result<Vec<SetAsideRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT source, place, reason, record, at
               FROM set_aside
              ORDER BY at DESC, source, rowid
              LIMIT :limit",
        )?;
        let rows = statement.query_map(named_params! { ":limit": limit }, |row| {
            let columns = Columns::of("set_aside", row);
            let record = SetAside {
                place: columns.get("place")?,
                reason: columns.get("reason")?,
                record: columns.get("record")?,
            };
            Ok(SetAsideRow {
                source: columns.get("source")?,
                record,
                at: columns.instant("at")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count_set_aside(&mut self) -> Result<Vec<(String, NaiveDate, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT source, date(at, 'unixepoch') AS day, count(*) AS records
               FROM set_aside
              GROUP BY source, day
              ORDER BY day DESC, source",
        )?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("set_aside", row);
            Ok((
                columns.get("source")?,
                columns.date("day")?,
                columns.get("records")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
