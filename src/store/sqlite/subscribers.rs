//! Subscribers, their interests, and suppressed addresses.

use super::SqliteStore;
use super::row::{Columns, json_text};
use crate::store::{Entered, StoreError, SubscriberStore, Suppression};
use crate::subscriber::{
    Address, Interest, InterestWeight, NewSubscriber, Preferences, Status, Subscriber, SubscriberId,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

impl SubscriberStore for SqliteStore {
    fn enter_subscribers(
        &mut self,
        subscribers: &[NewSubscriber],
        now: DateTime<Utc>,
    ) -> Result<Vec<Entered>, StoreError> {
        let tx = self.write()?;
        let mut entered = Vec::with_capacity(subscribers.len());
        for subscriber in subscribers {
            entered.push(enter(&tx, subscriber, now)?);
        }
        tx.commit()?;
        Ok(entered)
    }

    fn subscriber(&mut self, address: &Address) -> Result<Option<Subscriber>, StoreError> {
        Ok(by_address(&self.conn, address)?)
    }

    fn subscriber_by_id(&mut self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM subscribers WHERE id = :id")?;
        let found = statement
            .query_row(named_params! { ":id": id.0 }, subscriber)
            .optional()?;
        Ok(with_interests(&self.conn, found.into_iter().collect())?.pop())
    }

    fn subscribers_after(
        &mut self,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM subscribers WHERE id > :after ORDER BY id LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":after": after.0, ":limit": limit },
            subscriber,
        )?;
        Ok(with_interests(&self.conn, rows.collect::<Result<_, _>>()?)?)
    }

    fn save_subscriber(
        &mut self,
        subscriber: &Subscriber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        let stands = tx
            .prepare_cached("SELECT status FROM subscribers WHERE id = :id")?
            .query_row(named_params! { ":id": subscriber.id.0 }, |row| {
                Columns::of("subscribers", row).word("status", &Status::WORDS)
            })
            .optional()?;
        let mut details = subscriber.details.clone();
        match stands {
            // Erased meanwhile.
            None => return Ok(()),
            Some(left @ (Status::Unsubscribed | Status::Suppressed)) => details.status = left,
            Some(_) => {}
        }
        write_subscriber(&tx, subscriber.id, &details, now)?;
        Ok(tx.commit()?)
    }

    fn unsubscribe(
        &mut self,
        id: SubscriberId,
        channel: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let left = tx.execute(
            "UPDATE subscribers
                SET status = 'unsubscribed', left_at = :now, left_by = :channel, changed_at = :now
              WHERE id = :id AND status <> 'unsubscribed'",
            named_params! { ":id": id.0, ":channel": channel, ":now": now.timestamp() },
        )?;
        if left == 1 {
            // A second unsubscribe request also gets the goodbye mail.
            hold_queued(&tx, id, "unsubscribed before it was sent", now)?;
        }
        tx.commit()?;
        Ok(left == 1)
    }

    fn retire_links(&mut self, id: SubscriberId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let retired = retire_links(&tx, id, now)?;
        // Requests made through such a link are cancelled.
        tx.execute(
            "DELETE FROM requests
              WHERE subscriber_id = :id AND done_at IS NULL AND kind IN ('move', 'export',
                  'erase')",
            named_params! { ":id": id.0 },
        )?;
        tx.commit()?;
        Ok(retired)
    }

    fn remove_subscriber(
        &mut self,
        id: SubscriberId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        hold_queued(
            &tx,
            id,
            "the subscriber was removed before it was sent",
            now,
        )?;
        let removed = tx.execute(
            "DELETE FROM subscribers WHERE id = :id",
            named_params! { ":id": id.0 },
        )?;
        tx.commit()?;
        Ok(removed == 1)
    }

    fn count_subscribers(&mut self) -> Result<Vec<(Status, u64)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT status, count(*) AS n FROM subscribers GROUP BY status")?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("subscribers", row);
            Ok((columns.word("status", &Status::WORDS)?, columns.get("n")?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn languages(&mut self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT preferences ->> 'language' AS language, count(*) AS n
               FROM subscribers
              WHERE status <> 'unsubscribed'
              GROUP BY 1
              ORDER BY 1",
        )?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("subscribers", row);
            Ok((columns.get("language")?, columns.get("n")?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn suppressions(&mut self) -> Result<Vec<Suppression>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM suppressions ORDER BY at, address_key")?;
        let rows = statement.query_map([], suppression)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Invalidates the subscriber's older links.
pub(super) fn retire_links(
    tx: &Transaction<'_>,
    id: SubscriberId,
    now: DateTime<Utc>,
) -> rusqlite::Result<bool> {
    let changed = tx.execute(
        "UPDATE subscribers
            SET link_generation = link_generation + 1, changed_at = :now
          WHERE id = :id",
        named_params! { ":id": id.0, ":now": now.timestamp() },
    )?;
    Ok(changed == 1)
}

pub(super) fn suppression(row: &Row<'_>) -> rusqlite::Result<Suppression> {
    let columns = Columns::of("suppressions", row);
    Ok(Suppression {
        address: columns.read("address", |text| text.parse().ok())?,
        reason: columns.get("reason")?,
        at: columns.instant("at")?,
    })
}

/// Returns the key of an address: addresses are compared without regard to case.
pub(super) fn address_key(address: &Address) -> String {
    address.as_str().to_lowercase()
}

fn by_address(conn: &Connection, address: &Address) -> rusqlite::Result<Option<Subscriber>> {
    let mut statement =
        conn.prepare_cached("SELECT * FROM subscribers WHERE address_key = :key")?;
    let found = statement
        .query_row(named_params! { ":key": address_key(address) }, subscriber)
        .optional()?;
    Ok(with_interests(conn, found.into_iter().collect())?.pop())
}

pub(super) fn enter(
    tx: &Transaction<'_>,
    new: &NewSubscriber,
    now: DateTime<Utc>,
) -> Result<Entered, StoreError> {
    if let Some(known) = by_address(tx, &new.address)? {
        if matches!(known.status, Status::Unsubscribed | Status::Suppressed)
            && new.status != known.status
        {
            return Ok(Entered::Left(known.status));
        }
        let same = NewSubscriber {
            address: known.address.clone(),
            ..new.clone()
        };
        if known.details == same {
            return Ok(Entered::Known);
        }
        write_subscriber(tx, known.id, &same, now)?;
        return Ok(Entered::Changed);
    }
    let suppressed = tx
        .prepare_cached("SELECT 1 FROM suppressions WHERE address_key = :key")?
        .exists(named_params! { ":key": address_key(&new.address) })?;
    if suppressed && new.status != Status::Suppressed {
        return Ok(Entered::Left(Status::Suppressed));
    }
    tx.prepare_cached(
        "INSERT INTO subscribers (address, address_key, name, status, joined_at, changed_at,
                                  due_from)
         VALUES (:address, :key, '', 'pending', :now, :now, :now)",
    )?
    .execute(named_params! {
        ":address": new.address.as_str(),
        ":key": address_key(&new.address),
        ":now": now.timestamp(),
    })?;
    write_subscriber(tx, SubscriberId(tx.last_insert_rowid()), new, now)?;
    Ok(Entered::New)
}

pub(super) fn write_subscriber(
    tx: &Transaction<'_>,
    id: SubscriberId,
    details: &NewSubscriber,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE subscribers
            SET name = :name, status = :status, preferences = :preferences, changed_at = :now
          WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":name": details.name,
        ":status": details.status.word(),
        ":preferences": json_text(&details.preferences.to_json()),
        ":now": now.timestamp(),
    })?;
    tx.prepare_cached("DELETE FROM interests WHERE subscriber_id = :id")?
        .execute(named_params! { ":id": id.0 })?;
    for (position, interest) in details.interests.iter().enumerate() {
        tx.prepare_cached(
            "INSERT INTO interests (subscriber_id, position, name, description, weight, keywords,
                must_not,
                                    authors, categories, liked, disliked)
             VALUES (:id, :position, :name, :description, :weight, :keywords, :must_not,
                     :authors, :categories, :liked, :disliked)",
        )?
        .execute(named_params! {
            ":id": id.0,
            ":position": position as i64,
            ":name": interest.name,
            ":description": interest.description,
            ":weight": interest.weight.hundredths() as i64,
            ":keywords": json_text(&interest.keywords),
            ":must_not": json_text(&interest.must_not),
            ":authors": json_text(&interest.authors),
            ":categories": json_text(&interest.categories),
            ":liked": json_text(&interest.liked),
            ":disliked": json_text(&interest.disliked),
        })?;
    }
    Ok(())
}

/// Holds the queued mails of `id` that no sender has claimed.
pub(super) fn hold_queued(
    tx: &Transaction<'_>,
    id: SubscriberId,
    why: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE deliveries
            SET state = 'held', next_at = NULL, text = :why, at = :now
          WHERE subscriber_id = :id AND state IN ('rendered', 'deferred', 'uncertain')",
    )?
    .execute(named_params! { ":id": id.0, ":why": why, ":now": now.timestamp() })?;
    Ok(())
}

/// Reads a row of `subscribers`; [`with_interests`] adds the interests.
pub(super) fn subscriber(row: &Row<'_>) -> rusqlite::Result<Subscriber> {
    let columns = Columns::of("subscribers", row);
    Ok(Subscriber {
        id: SubscriberId(columns.get("id")?),
        generation: columns.get("link_generation")?,
        details: NewSubscriber {
            address: columns.read("address", |text| text.parse().ok())?,
            name: columns.get("name")?,
            status: columns.word("status", &Status::WORDS)?,
            preferences: columns.read("preferences", Preferences::from_json)?,
            interests: Vec::new(),
        },
    })
}

/// Adds the interests to subscribers that are sorted by row.
pub(super) fn with_interests(
    conn: &Connection,
    mut subscribers: Vec<Subscriber>,
) -> rusqlite::Result<Vec<Subscriber>> {
    for subscriber in &mut subscribers {
        let mut statement = conn.prepare_cached(
            "SELECT * FROM interests WHERE subscriber_id = :id ORDER BY position",
        )?;
        let rows = statement.query_map(named_params! { ":id": subscriber.id.0 }, interest)?;
        subscriber.details.interests = rows.collect::<Result<_, _>>()?;
    }
    Ok(subscribers)
}

fn interest(row: &Row<'_>) -> rusqlite::Result<Interest> {
    let columns = Columns::of("interests", row);
    Ok(Interest {
        name: columns.get("name")?,
        description: columns.get("description")?,
        weight: columns.number("weight", |hundredths| {
            InterestWeight::new(hundredths as f64 / 100.0)
        })?,
        keywords: columns.json("keywords")?,
        must_not: columns.json("must_not")?,
        authors: columns.json("authors")?,
        categories: columns.json("categories")?,
        liked: columns.json("liked")?,
        disliked: columns.json("disliked")?,
    })
}
