//! Requests, consent, and mails other than issues.

use super::row::{Columns, date_text};
use super::subscribers::{address_key, enter, retire_links, write_subscriber};
use super::{SqliteStore, packed};
use crate::store::{
    AGREES_TO, Consent, ConsentContext, DeliveryId, Entered, NewNotice, NewRequest, Request,
    RequestId, RequestKind, RequestOutcome, RequestStore, StoreError,
};
use crate::subscriber::{Address, NewSubscriber, Status, SubscriberId};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, named_params};

impl RequestStore for SqliteStore {
    fn ask(
        &mut self,
        request: &NewRequest,
        pending: Option<&NewSubscriber>,
        now: DateTime<Utc>,
    ) -> Result<RequestId, StoreError> {
        let tx = self.write()?;
        let mut subscriber = request
            .subscriber
            .or(by_key(&tx, &request.address)?.map(|(id, _)| id));
        if let (None, Some(pending)) = (subscriber, pending) {
            enter(
                &tx,
                &NewSubscriber {
                    status: Status::Pending,
                    ..pending.clone()
                },
                now,
            )?;
            subscriber = by_key(&tx, &request.address)?.map(|(id, _)| id);
        }
        tx.prepare_cached(
            "INSERT INTO requests (kind, address, address_key, subscriber_id, details, wording,
                page, network, asked_at)
             VALUES (:kind, :address, :key, :subscriber, :details, :wording, :page, :network,
                 :now)",
        )?
        .execute(named_params! {
            ":kind": request.kind.word(),
            ":address": request.address.as_str(),
            ":key": address_key(&request.address),
            ":subscriber": subscriber.map(|id| id.0),
            ":details": request.details,
            ":wording": request.asking.wording,
            ":page": request.asking.page,
            ":network": request.asking.network,
            ":now": now.timestamp(),
        })?;
        let id = RequestId(tx.last_insert_rowid());
        tx.commit()?;
        Ok(id)
    }

    fn request(&mut self, id: RequestId) -> Result<Option<Request>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM requests WHERE id = :id")?;
        Ok(statement
            .query_row(named_params! { ":id": id.0 }, request)
            .optional()?)
    }

    fn count_mailed(
        &mut self,
        kind: RequestKind,
        address: &Address,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*)
               FROM requests
              WHERE address_key = :key AND kind = :kind AND mailed_at >= :since",
        )?;
        let key = named_params! {
            ":key": address_key(address),
            ":kind": kind.word(),
            ":since": since.timestamp(),
        };
        Ok(statement.query_row(key, |row| row.get(0))?)
    }

    fn count_mailed_from(
        &mut self,
        page: &str,
        kind: RequestKind,
        address: &Address,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*)
               FROM requests
              WHERE address_key = :key AND kind = :kind AND page = :page AND mailed_at >= :since",
        )?;
        let key = named_params! {
            ":key": address_key(address),
            ":kind": kind.word(),
            ":page": page,
            ":since": since.timestamp(),
        };
        Ok(statement.query_row(key, |row| row.get(0))?)
    }

    fn enqueue_notices(
        &mut self,
        notices: &[NewNotice],
        request: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let tx = self.write()?;
        let ids = notices
            .iter()
            .map(|notice| enqueue(&tx, notice, now))
            .collect::<Result<_, StoreError>>()?;
        if let Some(request) = request {
            tx.prepare_cached("UPDATE requests SET mailed_at = :now WHERE id = :id")?
                .execute(named_params! { ":id": request.0, ":now": now.timestamp() })?;
        }
        super::commit(tx)?;
        Ok(ids)
    }

    fn confirm_subscription(
        &mut self,
        id: RequestId,
        details: &NewSubscriber,
        confirming: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<RequestOutcome, StoreError> {
        let tx = self.write()?;
        let Some(asked) = by_id(&tx, id)? else {
            return Ok(RequestOutcome::Impossible);
        };
        let known = by_key(&tx, &asked.request.address)?;
        if asked.done_at.is_some() {
            return Ok(known.map_or(RequestOutcome::Impossible, |(id, _)| {
                RequestOutcome::Before(id)
            }));
        }
        // The owner of the mailbox has confirmed: earlier failures of the address are void.
        tx.prepare_cached("DELETE FROM suppressions WHERE address_key = :key")?
            .execute(named_params! { ":key": address_key(&asked.request.address) })?;
        let active = NewSubscriber {
            status: Status::Active,
            ..details.clone()
        };
        let subscriber = if let Some((id, status)) = known {
            // A form that anybody can fill in does not overwrite an active subscription.
            if !matches!(status, Status::Active | Status::Paused) {
                write_subscriber(&tx, id, &active, now)?;
            }
            id
        } else {
            enter(&tx, &active, now)?;
            by_key(&tx, &asked.request.address)?
                .map(|(id, _)| id)
                .ok_or(StoreError::Closed)?
        };
        note_consent(
            &tx,
            subscriber,
            asked.asked_at,
            "asked",
            &asked.request.asking,
        )?;
        note_consent(&tx, subscriber, now, "confirmed", confirming)?;
        finish(&tx, id, now)?;
        tx.commit()?;
        Ok(RequestOutcome::Done(subscriber))
    }

    fn agree_to_move(
        &mut self,
        id: RequestId,
        confirming: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<RequestOutcome, StoreError> {
        let tx = self.write()?;
        let Some(asked) = by_id(&tx, id)? else {
            return Ok(RequestOutcome::Impossible);
        };
        let Some(subscriber) = asked.request.subscriber else {
            return Ok(RequestOutcome::Impossible);
        };
        if asked.done_at.is_some() {
            return Ok(RequestOutcome::Before(subscriber));
        }
        let Some((to, other)) = both_of(&tx, &asked)? else {
            return Ok(RequestOutcome::Impossible);
        };
        finish(&tx, id, now)?;
        if other.done_at.is_none() {
            tx.commit()?;
            return Ok(RequestOutcome::Waiting(subscriber));
        }
        let taken = tx
            .prepare_cached("SELECT 1 FROM subscribers WHERE address_key = :key AND id <> :id")?
            .exists(named_params! { ":key": address_key(&to), ":id": subscriber.0 })?;
        if taken {
            return Ok(RequestOutcome::Impossible);
        }
        tx.prepare_cached("DELETE FROM suppressions WHERE address_key = :key")?
            .execute(named_params! { ":key": address_key(&to) })?;
        tx.prepare_cached(
            "UPDATE subscribers
                SET address = :address, address_key = :key, changed_at = :now
              WHERE id = :id",
        )?
        .execute(named_params! {
            ":address": to.as_str(),
            ":key": address_key(&to),
            ":id": subscriber.0,
            ":now": now.timestamp(),
        })?;
        retire_links(&tx, subscriber, now)?;
        note_consent(&tx, subscriber, now, "moved", confirming)?;
        tx.commit()?;
        Ok(RequestOutcome::Done(subscriber))
    }

    fn finish_request(&mut self, id: RequestId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let finished = finish(&tx, id, now)?;
        tx.commit()?;
        Ok(finished)
    }

    fn vouch_for(
        &mut self,
        subscriber: &NewSubscriber,
        vouching: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<Entered, StoreError> {
        let tx = self.write()?;
        if by_key(&tx, &subscriber.address)?.is_some() {
            return Ok(Entered::Known);
        }
        let entered = enter(&tx, subscriber, now)?;
        if let (Entered::New, Some((id, _))) = (entered, by_key(&tx, &subscriber.address)?) {
            note_consent(&tx, id, now, "vouched", vouching)?;
        }
        tx.commit()?;
        Ok(entered)
    }

    fn consents(&mut self, subscriber: SubscriberId) -> Result<Vec<Consent>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM consents WHERE subscriber_id = :id ORDER BY at, rowid",
        )?;
        let rows = statement.query_map(named_params! { ":id": subscriber.0 }, |row| {
            let columns = Columns::of("consents", row);
            Ok(Consent {
                at: columns.instant("at")?,
                act: columns.get("act")?,
                wording: columns.get("wording")?,
                page: columns.get("page")?,
                network: columns.get("network")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn erase_subscriber(
        &mut self,
        id: SubscriberId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        // Deleted data is overwritten (SQLite's manual on PRAGMA `secure_delete`).
        self.conn.pragma_update(None, "secure_delete", true)?;
        let erased = self.erase(id, hash, now);
        self.conn.pragma_update(None, "secure_delete", false)?;
        if erased.as_ref().is_ok_and(|erased| *erased) {
            // The write-ahead log is overwritten as well. A concurrent reader keeps part of it
            // until the next time: not a failure.
            let _ = self
                .conn
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        erased
    }

    fn was_erased(&mut self, hashes: &[String]) -> Result<bool, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT 1 FROM erased WHERE hash = :hash")?;
        for hash in hashes {
            if statement.exists(named_params! { ":hash": hash })? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns the new address of a subscriber who moves, and the request to the other address.
fn both_of(
    tx: &Transaction<'_>,
    asked: &Request,
) -> Result<Option<(Address, Request)>, StoreError> {
    if let Some(number) = asked.request.details.strip_prefix(AGREES_TO) {
        let Ok(number) = number.parse() else {
            return Ok(None);
        };
        return Ok(by_id(tx, RequestId(number))?.map(|new| (new.request.address.clone(), new)));
    }
    let old = tx
        .prepare_cached(
            "SELECT *
               FROM requests
              WHERE subscriber_id = :subscriber AND kind = 'move' AND details = :details",
        )?
        .query_row(
            named_params! {
                ":subscriber": asked.request.subscriber.map(|id| id.0),
                ":details": format!("{AGREES_TO}{}", asked.id.0),
            },
            request,
        )
        .optional()?;
    Ok(old.map(|old| (asked.request.address.clone(), old)))
}

impl SqliteStore {
    fn erase(
        &mut self,
        id: SubscriberId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let key: Option<String> = tx
            .query_row(
                "SELECT address_key FROM subscribers WHERE id = :id",
                named_params! { ":id": id.0 },
                |row| row.get("address_key"),
            )
            .optional()?;
        let Some(key) = key else { return Ok(false) };
        let of_them =
            "SELECT id FROM deliveries WHERE subscriber_id = :id OR lower(address) = :key";
        // Earlier deliveries to the new address count as theirs, unless they belong to another
        // subscriber.
        let addresses =
            "SELECT :key UNION SELECT lower(address) FROM deliveries WHERE subscriber_id = :id
                         EXCEPT SELECT address_key FROM subscribers WHERE id <> :id";
        for sql in [
            format!(
                "DELETE FROM reports WHERE subscriber_id = :id OR delivery_id IN ({of_them})
                                            OR address_key IN ({addresses})"
            ),
            format!("DELETE FROM suppressions WHERE address_key IN ({addresses})"),
            format!("DELETE FROM requests WHERE address_key IN ({addresses})"),
            format!("DELETE FROM messages WHERE delivery_id IN ({of_them})"),
            format!("UPDATE attempts SET text = '' WHERE delivery_id IN ({of_them})"),
        ] {
            tx.execute(&sql, named_params! { ":id": id.0, ":key": key })?;
        }
        // Servers often quote the recipient's address.
        tx.execute(
            "UPDATE alarms SET detail = '' WHERE instr(lower(detail), :key) > 0",
            named_params! { ":key": key },
        )?;
        // Claimed deliveries are released, too: their outcome is not recorded.
        tx.execute(
            "UPDATE deliveries
                SET state = CASE WHEN state IN ('accepted', 'rejected') THEN state
                    ELSE 'expired' END,
                    next_at = NULL, text = NULL, subject = '', subscriber_id = NULL, address = :hash
              WHERE subscriber_id = :id OR lower(address) = :key",
            named_params! { ":id": id.0, ":key": key, ":hash": hash },
        )?;
        tx.execute(
            "DELETE FROM subscribers WHERE id = :id",
            named_params! { ":id": id.0 },
        )?;
        tx.execute(
            "INSERT OR REPLACE INTO erased (hash, at) VALUES (:hash, :now)",
            named_params! { ":hash": hash, ":now": now.timestamp() },
        )?;
        tx.commit()?;
        Ok(true)
    }
}

pub(super) fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    let columns = Columns::of("requests", row);
    Ok(Request {
        id: RequestId(columns.get("id")?),
        request: NewRequest {
            kind: columns.word("kind", &RequestKind::WORDS)?,
            address: columns.read("address", |text| text.parse().ok())?,
            subscriber: columns
                .get::<Option<i64>>("subscriber_id")?
                .map(SubscriberId),
            details: columns.get("details")?,
            asking: ConsentContext {
                wording: columns.get("wording")?,
                page: columns.get("page")?,
                network: columns.get("network")?,
            },
        },
        asked_at: columns.instant("asked_at")?,
        mailed_at: columns.instant_if_any("mailed_at")?,
        done_at: columns.instant_if_any("done_at")?,
    })
}

fn by_id(tx: &Transaction<'_>, id: RequestId) -> rusqlite::Result<Option<Request>> {
    let mut statement = tx.prepare_cached("SELECT * FROM requests WHERE id = :id")?;
    statement
        .query_row(named_params! { ":id": id.0 }, request)
        .optional()
}

fn by_key(
    tx: &Transaction<'_>,
    address: &Address,
) -> rusqlite::Result<Option<(SubscriberId, Status)>> {
    let mut statement =
        tx.prepare_cached("SELECT id, status FROM subscribers WHERE address_key = :key")?;
    let found = statement.query_row(named_params! { ":key": address_key(address) }, |row| {
        let columns = Columns::of("subscribers", row);
        Ok((
            SubscriberId(columns.get("id")?),
            columns.word("status", &Status::WORDS)?,
        ))
    });
    found.optional()
}

fn finish(tx: &Transaction<'_>, id: RequestId, now: DateTime<Utc>) -> rusqlite::Result<bool> {
    let changed = tx
        .prepare_cached("UPDATE requests SET done_at = :now WHERE id = :id AND done_at IS NULL")?
        .execute(named_params! { ":id": id.0, ":now": now.timestamp() })?;
    Ok(changed == 1)
}

fn note_consent(
    tx: &Transaction<'_>,
    subscriber: SubscriberId,
    at: DateTime<Utc>,
    act: &str,
    asking: &ConsentContext,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO consents (subscriber_id, at, act, wording, page, network)
         VALUES (:subscriber, :at, :act, :wording, :page, :network)",
    )?
    .execute(named_params! {
        ":subscriber": subscriber.0,
        ":at": at.timestamp(),
        ":act": act,
        ":wording": asking.wording,
        ":page": asking.page,
        ":network": asking.network,
    })?;
    Ok(())
}

pub(super) fn enqueue(
    tx: &Transaction<'_>,
    notice: &NewNotice,
    now: DateTime<Utc>,
) -> Result<DeliveryId, StoreError> {
    tx.execute(
        "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'issues'",
        [],
    )?;
    let id: i64 = tx.query_row(
        "SELECT seq FROM sqlite_sequence WHERE name = 'issues'",
        [],
        |row| row.get(0),
    )?;
    tx.prepare_cached(
        "INSERT INTO deliveries (id, kind, subscriber_id, address, local_date, subject, message_id,
            state, queued_at,
                                 expires_at, next_at, at)
         VALUES (:id, :kind, :subscriber, :address, :date, :subject, :message_id, 'rendered', :now,
                 :expires, :now, :now)",
    )?
    .execute(named_params! {
        ":id": id,
        ":kind": notice.kind,
        ":subscriber": notice.subscriber.map(|id| id.0),
        ":address": notice.address.as_str(),
        ":date": date_text(now.date_naive()),
        ":subject": notice.subject,
        ":message_id": notice.message_id,
        ":expires": notice.expires_at.timestamp(),
        ":now": now.timestamp(),
    })?;
    packed::insert(tx, id, &packed::pack_alone(&notice.message)?)?;
    Ok(DeliveryId(id))
}
