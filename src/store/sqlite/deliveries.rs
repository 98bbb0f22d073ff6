//! The ledger.

use super::row::Columns;
use super::subscribers::address_key;
use super::{SqliteStore, begin, commit, packed};
use crate::store::{
    AttemptRecord, Claimed, DeliveryId, DeliveryRow, DeliveryState, Disposition, Earlier,
    LedgerStore, LedgerTurn, OutboxFilter, RateBucket, RateState, Recovered, RelayPause,
    SenderLease, Settlement, StoreError,
};
use crate::subscriber::{Address, SubscriberId};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, named_params};

impl LedgerStore for SqliteStore {
    fn lease_sending(
        &mut self,
        holder: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<SenderLease, StoreError> {
        let tx = self.write()?;
        tx.execute(
            "INSERT INTO sender_lease (one, holder, until)
             VALUES (1, :holder, :until)
                 ON CONFLICT (one) DO UPDATE
                SET holder = :holder, until = :until
              WHERE holder = :holder OR until <= :now",
            named_params! {
                ":holder": holder,
                ":until": until.timestamp(),
                ":now": now.timestamp(),
            },
        )?;
        let lease = tx.query_row("SELECT * FROM sender_lease", [], |row| {
            let columns = Columns::of("sender_lease", row);
            Ok(SenderLease {
                holder: columns.get("holder")?,
                until: columns.instant("until")?,
            })
        })?;
        commit(tx)?;
        Ok(lease)
    }

    fn end_sending(&mut self, holder: &str) -> Result<(), StoreError> {
        self.conn.execute(
            "DELETE FROM sender_lease WHERE holder = :holder",
            named_params! { ":holder": holder },
        )?;
        Ok(())
    }

    fn take_over_sending(&mut self, holder: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT INTO sender_lease (one, holder, until)
             VALUES (1, :holder, :until)
                 ON CONFLICT (one) DO UPDATE SET holder = :holder, until = :until",
            named_params! { ":holder": holder, ":until": until.timestamp() },
        )?;
        Ok(())
    }

    fn recover_claims(
        &mut self,
        resend_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Recovered, StoreError> {
        let tx = self.write()?;
        tx.execute(
            "INSERT INTO attempts (delivery_id, number, at, stage, text, duration_ms)
             SELECT id, attempts + 1, :now, 'dot', 'the sender stopped before the server answered',
                 0
               FROM deliveries
              WHERE state = 'handing_over'",
            named_params! { ":now": now.timestamp() },
        )?;
        let held = tx.execute(
            "UPDATE deliveries
                SET state = 'held', next_at = NULL, attempts = attempts + 1, stage = 'dot',
                    code = NULL,
                    enhanced = NULL,
                        text = 'the sender stopped before the server answered; it may have arrived',
                    at = :now
              WHERE state = 'handing_over' AND (resent = 1 OR :resend_at IS NULL)",
            named_params! {
                ":resend_at": resend_at.map(|at| at.timestamp()),
                ":now": now.timestamp(),
            },
        )?;
        let uncertain = tx.execute(
            "UPDATE deliveries
                SET state = 'uncertain', next_at = :resend_at, attempts = attempts + 1, resent = 1,
                    stage = 'dot',
                    code = NULL, enhanced = NULL,
                        text = 'the sender stopped before the server answered', at = :now
              WHERE state = 'handing_over'",
            named_params! {
                ":resend_at": resend_at.map(|at| at.timestamp()),
                ":now": now.timestamp(),
            },
        )?;
        let released = tx.execute(
            "UPDATE deliveries
                SET state = CASE WHEN resent = 1 THEN 'uncertain' WHEN attempts > 0
                    THEN 'deferred' ELSE 'rendered' END,
                    next_at = :now, at = :now
              WHERE state = 'claimed'",
            named_params! { ":now": now.timestamp() },
        )?;
        commit(tx)?;
        Ok(Recovered {
            released: released as u64,
            uncertain: uncertain as u64,
            held: held as u64,
        })
    }

    fn claim_due(&mut self, limit: u32, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        let tx = begin(&mut self.conn)?;
        let mut claims = Vec::new();
        // Expired and suppressed deliveries leave the queue: repeat until enough are claimed.
        while claims.len() < limit as usize {
            let due = due(&tx, limit - claims.len() as u32, now)?;
            if due.is_empty() {
                break;
            }
            for (id, fate) in due {
                match fate {
                    Fate::Send => match packed::mail(&tx, &mut self.dictionaries, id)? {
                        Some(Ok(mail)) => claims.push(claim(&tx, id, mail, now)?),
                        Some(Err(why)) => stop(&tx, id, DeliveryState::Held, &why, now)?,
                        None => stop(&tx, id, DeliveryState::Held, "its stored text is gone", now)?,
                    },
                    Fate::Stop { state, why } => stop(&tx, id, state, why, now)?,
                }
            }
        }
        commit(tx)?;
        Ok(claims)
    }

    fn record_turn(
        &mut self,
        turn: &LedgerTurn,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let tx = self.write()?;
        for settlement in &turn.settlements {
            settle_one(&tx, settlement, now)?;
        }
        let mut marked = Vec::with_capacity(turn.marks.len());
        for id in &turn.marks {
            let changed = tx
                .prepare_cached(
                    "UPDATE deliveries
                        SET state = 'handing_over', at = :now
                      WHERE id = :id AND state = 'claimed'",
                )?
                .execute(named_params! { ":id": id.0, ":now": now.timestamp() })?;
            if changed > 0 {
                marked.push(*id);
            }
        }
        if let Some(pace) = &turn.pace {
            keep_pace(&tx, pace)?;
        }
        commit(tx)?;
        Ok(marked)
    }

    fn earlier_deliveries(
        &mut self,
        id: DeliveryId,
        limit: u32,
    ) -> Result<Vec<Earlier>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT state, soft
               FROM deliveries
              WHERE lower(address) = (SELECT lower(address) FROM deliveries WHERE id = :id)
                AND id <> :id AND attempts > 0
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

    fn rate_buckets(&mut self, name: &str) -> Result<Vec<RateBucket>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM rate_buckets WHERE relay = :relay")?;
        let rows = statement.query_map(named_params! { ":relay": name }, |row| {
            let columns = Columns::of("rate_buckets", row);
            Ok(RateBucket {
                period_seconds: columns.get("period_seconds")?,
                tokens: columns.get("tokens")?,
                filled_at: DateTime::from_timestamp_millis(columns.get("filled_at_ms")?)
                    .unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn postpone(
        &mut self,
        deliveries: &[(DeliveryId, DateTime<Utc>)],
        paces: &[RateState],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        for (id, until) in deliveries {
            tx.prepare_cached(
                "UPDATE deliveries
                    SET state = CASE WHEN resent = 1 THEN 'uncertain' WHEN attempts > 0
                        THEN 'deferred' ELSE 'rendered' END,
                        next_at = :until, at = :now
                  WHERE id = :id AND state = 'claimed'",
            )?
            .execute(named_params! {
                ":id": id.0,
                ":until": until.timestamp(),
                ":now": now.timestamp(),
            })?;
        }
        for pace in paces {
            keep_pace(&tx, pace)?;
        }
        Ok(tx.commit()?)
    }

    fn count_deliveries(&mut self) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT state, count(*) AS n FROM deliveries GROUP BY state")?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("deliveries", row);
            Ok((
                columns.word("state", &DeliveryState::WORDS)?,
                columns.get("n")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn waiting(&mut self, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>), StoreError> {
        let due = self
            .conn
            .prepare_cached("SELECT count(*) FROM deliveries WHERE next_at <= :now")?
            .query_row(named_params! { ":now": now.timestamp() }, |row| row.get(0))?;
        let mut statement = self.conn.prepare_cached(
            "SELECT min(next_at) AS next_at FROM deliveries WHERE next_at > :now",
        )?;
        let next = statement.query_row(named_params! { ":now": now.timestamp() }, |row| {
            Columns::of("deliveries", row).instant_if_any("next_at")
        })?;
        Ok((due, next))
    }

    fn deliveries(&mut self, filter: &OutboxFilter) -> Result<Vec<DeliveryRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM deliveries
              WHERE id > :after
                AND (:address IS NULL OR lower(address) = :address)
                AND (:message_id IS NULL OR message_id = :message_id)
                AND (:state IS NULL OR state = :state)
                AND (:date IS NULL OR local_date = :date)
              ORDER BY id
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {
                ":after": filter.after.map_or(0, |id| id.0),
                ":address": filter.address.as_ref().map(address_key),
                ":message_id": filter.message_id,
                ":state": filter.state.map(DeliveryState::word),
                ":date": filter.local_date.map(|date| date.to_string()),
                ":limit": filter.limit.map_or(-1, i64::from),
            },
            delivery,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn attempts(
        &mut self,
        id: DeliveryId,
    ) -> Result<Vec<(DateTime<Utc>, AttemptRecord)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM attempts WHERE delivery_id = :id ORDER BY number")?;
        let rows = statement.query_map(named_params! { ":id": id.0 }, |row| {
            let columns = Columns::of("attempts", row);
            let attempt = AttemptRecord {
                stage: columns.get("stage")?,
                code: columns.get("code")?,
                enhanced: columns.get("enhanced")?,
                text: columns.get("text")?,
                duration_ms: columns.get("duration_ms")?,
            };
            Ok((columns.instant("at")?, attempt))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn message(&mut self, id: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        match packed::mail(&self.conn, &mut self.dictionaries, id)? {
            None => Ok(None),
            Some(Ok(mail)) => Ok(Some(mail)),
            Some(Err(value)) => Err(StoreError::Corrupt {
                table: "messages",
                column: "bytes",
                value,
            }),
        }
    }

    fn relay_pause(&mut self, name: &str) -> Result<Option<RelayPause>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM relay_pauses WHERE relay = :relay")?;
        let found = statement.query_row(named_params! { ":relay": name }, |row| {
            let columns = Columns::of("relay_pauses", row);
            Ok(RelayPause {
                until: columns.instant("until")?,
                failures: columns.get("failures")?,
                refuses_us: columns.get("refuses_us")?,
                reason: columns.get("reason")?,
            })
        });
        Ok(found.optional()?)
    }

    fn pause_relay(&mut self, name: &str, pause: Option<&RelayPause>) -> Result<(), StoreError> {
        match pause {
            Some(pause) => self.conn.execute(
                "INSERT INTO relay_pauses (relay, until, failures, refuses_us, reason)
                 VALUES (:relay, :until, :failures, :refuses_us, :reason)
                     ON CONFLICT (relay) DO UPDATE
                    SET until = :until, failures = :failures, refuses_us = :refuses_us,
                        reason = :reason",
                named_params! {
                    ":relay": name, ":until": pause.until.timestamp(), ":failures": pause.failures,
                    ":refuses_us": pause.refuses_us, ":reason": pause.reason,
                },
            )?,
            None => self.conn.execute(
                "DELETE FROM relay_pauses WHERE relay = :relay",
                named_params! {
                    ":relay": name,
                },
            )?,
        };
        Ok(())
    }
}

/// The fate of a due delivery.
enum Fate {
    Send,
    Stop {
        state: DeliveryState,
        why: &'static str,
    },
}

/// Returns up to `limit` due deliveries, oldest first.
fn due(
    tx: &Transaction<'_>,
    limit: u32,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<(DeliveryId, Fate)>> {
    let mut statement = tx.prepare_cached(
        "SELECT id, state, expires_at <= :now AS too_late,
                -- Who asks to come back is asked to confirm it, and that lifts the suppression.
                kind NOT IN ('confirm', 'new-address')
                AND EXISTS (SELECT 1 FROM suppressions
                    WHERE address_key = lower(deliveries.address)) AS suppressed
           FROM deliveries
          WHERE next_at <= :now
          ORDER BY next_at, id
          LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! { ":now": now.timestamp(), ":limit": limit },
        |row| {
            let columns = Columns::of("deliveries", row);
            let state = columns.word("state", &DeliveryState::WORDS)?;
            let fate = if columns.get("suppressed")? {
                Fate::Stop {
                    state: DeliveryState::Held,
                    why: "the address is suppressed",
                }
            } else if !columns.get("too_late")? {
                Fate::Send
            } else if state == DeliveryState::Uncertain {
                // A delivery that may have been sent has not simply expired: it may have arrived.
                Fate::Stop {
                    state: DeliveryState::Held,
                    why: "too late to send again; it may have arrived",
                }
            } else {
                Fate::Stop {
                    state: DeliveryState::Expired,
                    why: "its shelf life ended before it could be sent",
                }
            };
            Ok((DeliveryId(columns.get("id")?), fate))
        },
    )?;
    rows.collect()
}

fn claim(
    tx: &Transaction<'_>,
    id: DeliveryId,
    mail: Vec<u8>,
    now: DateTime<Utc>,
) -> rusqlite::Result<Claimed> {
    tx.prepare_cached("UPDATE deliveries SET state = 'claimed', next_at = NULL, at = :now WHERE id = :id RETURNING *")?
        .query_row(named_params! { ":id": id.0, ":now": now.timestamp() }, |row| claimed(row, mail))
}

/// Takes a delivery out of the queue. The last attempt's reply stays beside the reason.
fn stop(
    tx: &Transaction<'_>,
    id: DeliveryId,
    state: DeliveryState,
    why: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE deliveries
            SET state = :state, next_at = NULL, at = :now,
                text = CASE WHEN text IS NULL THEN :why ELSE :why || '; last: ' || text END
          WHERE id = :id",
    )?
    .execute(
        named_params! { ":id": id.0, ":state": state.word(), ":why": why, ":now": now.timestamp() },
    )?;
    if state == DeliveryState::Expired {
        tx.prepare_cached("DELETE FROM messages WHERE delivery_id = :id")?
            .execute(named_params! { ":id": id.0 })?;
    }
    Ok(())
}

fn settle_one(
    tx: &Transaction<'_>,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (id, at, attempt) = (settlement.id.0, now.timestamp(), &settlement.attempt);
    if settlement.disposition == Disposition::Released {
        // The attempt never reached this recipient: it is not counted.
        tx.prepare_cached(
            "UPDATE deliveries
                SET state = CASE WHEN resent = 1 THEN 'uncertain' WHEN attempts > 0
                    THEN 'deferred' ELSE 'rendered' END,
                    next_at = :now, stage = :stage, code = :code, enhanced = :enhanced, text = :text, at = :now
              WHERE id = :id AND state = 'claimed'",
        )?
        .execute(named_params! {
            ":id": id, ":now": at, ":stage": attempt.stage, ":code": attempt.code,
            ":enhanced": attempt.enhanced, ":text": attempt.text,
        })?;
        return Ok(());
    }
    let (state, next_at) = match settlement.disposition {
        Disposition::Accepted => (DeliveryState::Accepted, None),
        Disposition::Rejected { .. } => (DeliveryState::Rejected, None),
        Disposition::Deferred(next) => (DeliveryState::Deferred, Some(next)),
        Disposition::Uncertain(next) => (DeliveryState::Uncertain, Some(next)),
        Disposition::Held | Disposition::Released => (DeliveryState::Held, None),
        Disposition::Expired => (DeliveryState::Expired, None),
    };
    let number: Option<i64> = tx
        .prepare_cached(
            "UPDATE deliveries
                SET state = :state, next_at = :next, attempts = attempts + 1, at = :now,
                    stage = :stage, code = :code,
                    enhanced = :enhanced, text = :text, soft = :soft,
                    resent = CASE WHEN :state = 'uncertain' THEN 1 ELSE resent END
              WHERE id = :id AND state IN ('claimed', 'handing_over')
          RETURNING attempts",
        )?
        .query_row(
            named_params! {
                ":id": id,
                ":state": state.word(),
                ":next": next_at.map(|next| next.timestamp()),
                ":now": at,
                ":stage": attempt.stage, ":code": attempt.code, ":enhanced": attempt.enhanced,
                ":text": attempt.text, ":soft": settlement.soft,
            },
            |row| row.get(0),
        )
        .optional()?;
    let Some(number) = number else { return Ok(()) };
    tx.prepare_cached(
        "INSERT INTO attempts (delivery_id, number, at, stage, code, enhanced, text, duration_ms)
         VALUES (:id, :number, :now, :stage, :code, :enhanced, :text, :duration)",
    )?
    .execute(named_params! {
        ":id": id, ":number": number, ":now": at, ":stage": attempt.stage, ":code": attempt.code,
        ":enhanced": attempt.enhanced,
        ":text": attempt.text,
        ":duration": attempt.duration_ms as i64,
    })?;
    if matches!(
        state,
        DeliveryState::Accepted | DeliveryState::Rejected | DeliveryState::Expired
    ) {
        tx.prepare_cached("DELETE FROM messages WHERE delivery_id = :id")?
            .execute(named_params! { ":id": id })?;
    }
    if settlement.disposition == (Disposition::Rejected { suppress: true }) {
        suppress(tx, settlement, now)?;
    }
    Ok(())
}

fn keep_pace(tx: &Transaction<'_>, pace: &RateState) -> rusqlite::Result<()> {
    let mut keep = tx.prepare_cached(
        "INSERT INTO rate_buckets (relay, period_seconds, tokens, filled_at_ms)
         VALUES (:relay, :period, :tokens, :filled)
             ON CONFLICT (relay, period_seconds) DO UPDATE SET tokens = :tokens,
                 filled_at_ms = :filled",
    )?;
    for bucket in &pace.buckets {
        keep.execute(named_params! {
            ":relay": pace.relay, ":period": bucket.period_seconds, ":tokens": bucket.tokens,
            ":filled": bucket.filled_at.timestamp_millis(),
        })?;
    }
    Ok(())
}

fn suppress(
    tx: &Transaction<'_>,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let address: Option<Address> = tx
        .prepare_cached("SELECT address FROM deliveries WHERE id = :id")?
        .query_row(named_params! { ":id": settlement.id.0 }, |row| {
            Columns::of("deliveries", row).read("address", |text| text.parse().ok())
        })
        .optional()?;
    let Some(address) = address else {
        return Ok(());
    };
    let reason = match settlement.attempt.code {
        Some(code) => format!("{code} {}", settlement.attempt.text),
        None => settlement.attempt.text.clone(),
    };
    tx.prepare_cached(
        "INSERT INTO suppressions (address_key, address, reason, at)
         VALUES (:key, :address, :reason, :now)
             ON CONFLICT (address_key) DO NOTHING",
    )?
    .execute(named_params! {
        ":key": address_key(&address),
        ":address": address.as_str(),
        ":reason": reason,
        ":now": now.timestamp(),
    })?;
    tx.prepare_cached(
        "UPDATE subscribers
            SET status = 'suppressed', changed_at = :now
          WHERE address_key = :key AND status IN ('pending', 'active', 'paused')",
    )?
    .execute(named_params! { ":key": address_key(&address), ":now": now.timestamp() })?;
    Ok(())
}

fn claimed(row: &Row<'_>, message: Vec<u8>) -> rusqlite::Result<Claimed> {
    let columns = Columns::of("deliveries", row);
    Ok(Claimed {
        id: DeliveryId(columns.get("id")?),
        address: columns.read("address", |text| text.parse().ok())?,
        message,
        attempts: columns.get("attempts")?,
        resent: columns.get("resent")?,
        queued_at: columns.instant("queued_at")?,
        expires_at: columns.instant("expires_at")?,
    })
}

pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let columns = Columns::of("deliveries", row);
    Ok(DeliveryRow {
        id: DeliveryId(columns.get("id")?),
        subscriber: columns
            .get::<Option<i64>>("subscriber_id")?
            .map(SubscriberId),
        address: columns.get("address")?,
        local_date: columns.date("local_date")?,
        state: columns.word("state", &DeliveryState::WORDS)?,
        message_id: format!("<{}>", columns.get::<String>("message_id")?),
        attempts: columns.get("attempts")?,
        stage: columns.get("stage")?,
        code: columns.get("code")?,
        enhanced: columns.get("enhanced")?,
        text: columns.get("text")?,
        at: columns.instant("at")?,
        next_at: columns.instant_if_any("next_at")?,
        subject: columns.get("subject")?,
    })
}
