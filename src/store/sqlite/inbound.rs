//! Reports on mails.

use super::SqliteStore;
use super::requests::enqueue;
use super::row::Columns;
use super::subscribers::{address_key, hold_queued};
use crate::store::{
    DeliveryId, DeliveryKey, DeliveryState, Earlier, Effect, InboundStore, NewNotice, NewReport,
    PolicyReports, ReportRow, Reported, ReportsOf, StoreError,
};
use crate::subscriber::{Address, SubscriberId};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, named_params};

impl InboundStore for SqliteStore {
    fn reported_delivery(&mut self, key: &DeliveryKey) -> Result<Option<Reported>, StoreError> {
        let found = match key {
            DeliveryKey::Id(id) => self
                .conn
                .prepare_cached("SELECT * FROM deliveries WHERE id = :id")?
                .query_row(named_params! { ":id": id.0 }, reported),
            DeliveryKey::MessageId(id) => self
                .conn
                .prepare_cached("SELECT * FROM deliveries WHERE message_id = :id")?
                .query_row(named_params! { ":id": id }, reported),
            DeliveryKey::LastOf(subscriber) => self
                .conn
                .prepare_cached(
                    "SELECT *
                       FROM deliveries
                      WHERE subscriber_id = :subscriber AND state = 'accepted'
                      ORDER BY id DESC
                      LIMIT 1",
                )?
                .query_row(named_params! { ":subscriber": subscriber.0 }, reported),
            DeliveryKey::LastTo(address) => self
                .conn
                .prepare_cached(
                    "SELECT *
                       FROM deliveries
                      WHERE lower(address) = :address AND state = 'accepted'
                      ORDER BY id DESC
                      LIMIT 1",
                )?
                .query_row(named_params! { ":address": address_key(address) }, reported),
        };
        Ok(found.optional()?.flatten())
    }

    fn deliveries_before(
        &mut self,
        id: DeliveryId,
        limit: u32,
    ) -> Result<Vec<Earlier>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT state, soft
               FROM deliveries
              WHERE lower(address) = (SELECT lower(address) FROM deliveries WHERE id = :id)
                AND id < :id AND attempts > 0
              ORDER BY id DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(named_params! { ":id": id.0, ":limit": limit }, |row| {
            let columns = Columns::of("deliveries", row);
            Ok(Earlier {
                state: columns.word("state", &DeliveryState::WORDS)?,
                soft: columns.get("soft")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn record_report(
        &mut self,
        report: &NewReport,
        most: u32,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let is_new = insert(&tx, report, most, now)?;
        if is_new {
            take_effect(&tx, report, tx.last_insert_rowid(), now)?;
        }
        tx.commit()?;
        Ok(is_new)
    }

    fn enqueue_notice_once(
        &mut self,
        notice: &NewNotice,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let had_one = tx
            .prepare_cached(
                "SELECT 1 FROM deliveries WHERE kind = :kind AND lower(address) = :address
                    AND queued_at > :since",
            )?
            .exists(named_params! {
                ":kind": notice.kind,
                ":address": address_key(&notice.address),
                ":since": since.timestamp(),
            })?;
        if !had_one {
            enqueue(&tx, notice, now)?;
        }
        tx.commit()?;
        Ok(!had_one)
    }

    fn reports(&mut self, of: &ReportsOf, limit: u32) -> Result<Vec<ReportRow>, StoreError> {
        const ALL: &str = "SELECT * FROM reports WHERE";
        const NEWEST: &str = "ORDER BY id DESC LIMIT :limit";
        let rows = match of {
            ReportsOf::Delivery(id) => self
                .conn
                .prepare_cached(&format!("{ALL} delivery_id = :id {NEWEST}"))?
                .query_map(named_params! { ":id": id.0, ":limit": limit }, report_row)?
                .collect::<Result<_, _>>(),
            ReportsOf::Address(address) => self
                .conn
                .prepare_cached(&format!("{ALL} address_key = :address {NEWEST}"))?
                .query_map(
                    named_params! { ":address": address_key(address), ":limit": limit },
                    report_row,
                )?
                .collect::<Result<_, _>>(),
            ReportsOf::Class(class, since) => self
                .conn
                .prepare_cached(&format!("{ALL} class = :class AND at >= :since {NEWEST}"))?
                .query_map(
                    named_params! { ":class": class, ":since": since.timestamp(), ":limit": limit },
                    report_row,
                )?
                .collect::<Result<_, _>>(),
        };
        Ok(rows?)
    }

    fn policy_reports(&mut self, since: DateTime<Utc>) -> Result<PolicyReports, StoreError> {
        // The classes of policy reports have an index.
        const THOSE: &str = "FROM reports
                            WHERE class IN ('policy', 'complaint') AND at >= :since
                                AND action = 'alarm'";
        let since = since.timestamp();
        let count = self
            .conn
            .prepare_cached(&format!("SELECT count(*) {THOSE}"))?
            .query_row(named_params! { ":since": since }, |row| row.get(0))?;
        let last = self
            .conn
            .prepare_cached(&format!("SELECT * {THOSE} ORDER BY id DESC LIMIT 1"))?
            .query_row(named_params! { ":since": since }, report_row)
            .optional()?;
        Ok(PolicyReports { count, last })
    }

    fn count_reports(&mut self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement =
            // Deleted reports stay counted: a counter does not fall.
            self.conn.prepare_cached(
                "SELECT class, sum(n) AS n
                   FROM (SELECT class, count(*) AS n FROM reports GROUP BY class
                          UNION ALL
                         SELECT class, count AS n FROM forgotten WHERE what = 'reports')
                  GROUP BY class
                  ORDER BY class",
            )?;
        let rows = statement.query_map([], |row| Ok((row.get("class")?, row.get("n")?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn suppression_evidence(&mut self, address: &Address) -> Result<Option<ReportRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT reports.*
               FROM suppressions
               JOIN reports ON reports.id = suppressions.report_id
              WHERE suppressions.address_key = :key",
        )?;
        Ok(statement
            .query_row(named_params! { ":key": address_key(address) }, report_row)
            .optional()?)
    }
}

fn insert(
    tx: &Transaction<'_>,
    report: &NewReport,
    most: u32,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if let Some(delivery) = report.delivery {
        let count: u32 = tx
            .prepare_cached("SELECT count(*) FROM reports WHERE delivery_id = :id")?
            .query_row(named_params! { ":id": delivery.0 }, |row| row.get(0))?;
        if count >= most {
            return Ok(false);
        }
    }
    let inserted = tx
        .prepare_cached(
            "INSERT INTO reports (key, address_key, delivery_id, subscriber_id, class, reason,
                status, diagnostic,
                                  source, action, at)
             VALUES (:key, :address, :delivery,
                     (SELECT id FROM subscribers WHERE id = :subscriber),
                     :class, :reason, :status, :diagnostic, :source, :action, :now)
                 ON CONFLICT (key, address_key) DO NOTHING",
        )?
        .execute(named_params! {
            ":key": report.key,
            ":address": address_key(&report.address),
            ":delivery": report.delivery.map(|id| id.0),
            ":subscriber": report.subscriber.map(|id| id.0),
            ":class": report.class,
            ":reason": report.reason,
            ":status": report.status,
            ":diagnostic": report.diagnostic,
            ":source": report.source,
            ":action": report.action,
            ":now": now.timestamp(),
        })?;
    Ok(inserted == 1)
}

fn take_effect(
    tx: &Transaction<'_>,
    report: &NewReport,
    row: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match report.effect {
        Effect::Remember => {}
        Effect::MarkSoft => {
            if let Some(delivery) = report.delivery {
                tx.prepare_cached("UPDATE deliveries SET soft = 1 WHERE id = :id")?
                    .execute(named_params! { ":id": delivery.0 })?;
            }
        }
        Effect::Suppress => suppress(tx, report, row, now)?,
        Effect::SuppressAndLeave => {
            leave(tx, report, now)?;
            suppress(tx, report, row, now)?;
        }
        Effect::Unsubscribe => leave(tx, report, now)?,
    }
    Ok(())
}

fn suppress(
    tx: &Transaction<'_>,
    report: &NewReport,
    row: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let status = report.status.as_deref().unwrap_or_default();
    let reason = format!("{} {status} {}", report.class, report.diagnostic);
    tx.prepare_cached(
        "INSERT INTO suppressions (address_key, address, reason, at, report_id)
         VALUES (:key, :address, :reason, :now, :report)
             ON CONFLICT (address_key) DO NOTHING",
    )?
    .execute(named_params! {
        ":key": address_key(&report.address),
        ":address": report.address.as_str(),
        ":reason": reason.split_whitespace().collect::<Vec<_>>().join(" "),
        ":now": now.timestamp(),
        ":report": row,
    })?;
    tx.prepare_cached(
        "UPDATE subscribers
            SET status = 'suppressed', changed_at = :now
          WHERE address_key = :key AND status IN ('pending', 'active', 'paused')",
    )?
    .execute(named_params! { ":key": address_key(&report.address), ":now": now.timestamp() })?;
    Ok(())
}

/// Unsubscribes the subscriber with the address.
fn leave(tx: &Transaction<'_>, report: &NewReport, now: DateTime<Utc>) -> Result<(), StoreError> {
    let Some(subscriber) = report.subscriber else {
        return Ok(());
    };
    let left = tx
        .prepare_cached(
            "UPDATE subscribers
            SET status = 'unsubscribed', left_at = :now, left_by = :how, changed_at = :now
          WHERE id = :id AND status <> 'unsubscribed'",
        )?
        .execute(named_params! {
            ":id": subscriber.0,
            ":how": format!("{} by {}", report.class, report.source),
            ":now": now.timestamp(),
        })?;
    if left == 1 {
        hold_queued(tx, subscriber, "unsubscribed before it was sent", now)?;
    }
    Ok(())
}

/// Returns `None` if the reader was erased: a hash replaces the address, and nothing is to be
/// done for it.
fn reported(row: &Row<'_>) -> rusqlite::Result<Option<Reported>> {
    let columns = Columns::of("deliveries", row);
    if !columns.get::<String>("address")?.contains('@') {
        return Ok(None);
    }
    Ok(Some(Reported {
        id: DeliveryId(columns.get("id")?),
        address: columns.read("address", |text| text.parse().ok())?,
        subscriber: columns
            .get::<Option<i64>>("subscriber_id")?
            .map(SubscriberId),
        state: columns.word("state", &DeliveryState::WORDS)?,
        was_offered: columns.get::<i64>("attempts")? > 0,
        at: columns.instant("at")?,
    }))
}

pub(super) fn report_row(row: &Row<'_>) -> rusqlite::Result<ReportRow> {
    let columns = Columns::of("reports", row);
    Ok(ReportRow {
        address: columns.get("address_key")?,
        class: columns.get("class")?,
        reason: columns.get("reason")?,
        status: columns.get("status")?,
        diagnostic: columns.get("diagnostic")?,
        source: columns.get("source")?,
        action: columns.get("action")?,
        at: columns.instant("at")?,
    })
}
