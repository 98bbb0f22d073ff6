//! The operator's actions.

use super::SqliteStore;
use super::row::Columns;
use super::subscribers::address_key;
use crate::store::{DeliveryId, DeliveryState, OperatorActionStore, OperatorOutcome, StoreError};
use crate::subscriber::Address;
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, named_params};

impl OperatorActionStore for SqliteStore {
    fn retry_deliveries(
        &mut self,
        ids: &[DeliveryId],
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError> {
        let tx = self.write()?;
        let retried = ids
            .iter()
            .map(|id| retry(&tx, *id, expires_at, now))
            .collect::<Result<_, _>>()?;
        tx.commit()?;
        Ok(retried)
    }

    fn hold_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError> {
        let tx = self.write()?;
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            let held = tx
                .prepare_cached(
                    "UPDATE deliveries
                        SET state = 'held', next_at = NULL, text = 'held by hand', at = :now
                      WHERE id = :id AND state IN ('rendered', 'deferred', 'uncertain')",
                )?
                .execute(named_params! { ":id": id.0, ":now": now.timestamp() })?;
            answers.push(if held == 1 {
                OperatorOutcome::Done
            } else {
                not(&tx, *id)?
            });
        }
        tx.commit()?;
        Ok(answers)
    }

    fn drop_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError> {
        let tx = self.write()?;
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            let dropped = tx
                .prepare_cached(
                    "UPDATE deliveries
                        SET state = 'expired', next_at = NULL, text = 'dropped by hand', at = :now
                      WHERE id = :id AND state IN ('rendered', 'deferred', 'uncertain', 'held')",
                )?
                .execute(named_params! { ":id": id.0, ":now": now.timestamp() })?;
            if dropped == 1 {
                tx.prepare_cached("DELETE FROM messages WHERE delivery_id = :id")?
                    .execute(named_params! { ":id": id.0 })?;
            }
            answers.push(if dropped == 1 {
                OperatorOutcome::Done
            } else {
                not(&tx, *id)?
            });
        }
        tx.commit()?;
        Ok(answers)
    }

    fn suppress(
        &mut self,
        address: &Address,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let added = tx.execute(
            "INSERT INTO suppressions (address_key, address, reason, at)
             VALUES (:key, :address, :reason, :now)
                 ON CONFLICT (address_key) DO NOTHING",
            named_params! {
                ":key": address_key(address), ":address": address.as_str(), ":reason": reason,
                ":now": now.timestamp(),
            },
        )?;
        tx.execute(
            "UPDATE subscribers
                SET status = 'suppressed', changed_at = :now
              WHERE address_key = :key AND status IN ('pending', 'active', 'paused')",
            named_params! { ":key": address_key(address), ":now": now.timestamp() },
        )?;
        tx.commit()?;
        Ok(added == 1)
    }

    fn lift_suppression(
        &mut self,
        address: &Address,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let lifted = tx.execute(
            "DELETE FROM suppressions WHERE address_key = :key",
            named_params! { ":key": address_key(address) },
        )?;
        let back = tx.execute(
            "UPDATE subscribers
                SET status = 'active', changed_at = :now
              WHERE address_key = :key AND status = 'suppressed'",
            named_params! { ":key": address_key(address), ":now": now.timestamp() },
        )?;
        tx.commit()?;
        Ok(lifted + back > 0)
    }
}

fn retry(
    tx: &Transaction<'_>,
    id: DeliveryId,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<OperatorOutcome, StoreError> {
    // Its last attempt ended after the message was sent without a reply; or it was sent twice,
    // or restored.
    let found = tx
        .prepare_cached(
            "SELECT resent = 1 OR (stage IS 'dot' AND code IS NULL) AS may_have_arrived,
                    EXISTS (SELECT 1 FROM suppressions
                        WHERE address_key = lower(deliveries.address)) AS suppressed
               FROM deliveries
               JOIN messages ON messages.delivery_id = deliveries.id
              WHERE deliveries.id = :id AND state IN ('rendered', 'deferred', 'uncertain', 'held')",
        )?
        .query_row(named_params! { ":id": id.0 }, |row| {
            Ok((
                row.get::<_, bool>("may_have_arrived")?,
                row.get::<_, bool>("suppressed")?,
            ))
        })
        .optional()?;
    let Some((may_have_arrived, suppressed)) = found else {
        return not(tx, id);
    };
    if suppressed {
        return Ok(OperatorOutcome::Suppressed);
    }
    tx.prepare_cached(
        "UPDATE deliveries
            SET state = CASE WHEN :may_have_arrived THEN 'uncertain' WHEN attempts > 0
                THEN 'deferred'
                             ELSE 'rendered' END,
                resent = :may_have_arrived, next_at = :now, expires_at = max(expires_at, :expires_at), at = :now,
                text = 'to be sent again, by hand'
          WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id.0, ":may_have_arrived": may_have_arrived, ":expires_at": expires_at.timestamp(),
        ":now": now.timestamp(),
    })?;
    Ok(if may_have_arrived {
        OperatorOutcome::MayDuplicate
    } else {
        OperatorOutcome::Done
    })
}

/// Returns the reason for which nothing was done to `id`.
fn not(tx: &Transaction<'_>, id: DeliveryId) -> Result<OperatorOutcome, StoreError> {
    let mut statement = tx.prepare_cached("SELECT state FROM deliveries WHERE id = :id")?;
    let state = statement
        .query_row(named_params! { ":id": id.0 }, |row| {
            Columns::of("deliveries", row).word("state", &DeliveryState::WORDS)
        })
        .optional()?;
    Ok(state.map_or(OperatorOutcome::Unknown, OperatorOutcome::Not))
}
