//! API keys and idempotent requests.

use super::SqliteStore;
use super::row::{Columns, json_text};
use crate::store::{
    IdempotencyKey, IdempotencyState, KeyId, KeyScope, KeyStore, NewKey, StoreError, StoredAnswer,
    StoredKey,
};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, named_params};

impl KeyStore for SqliteStore {
    fn make_key(&mut self, key: &NewKey, now: DateTime<Utc>) -> Result<Option<KeyId>, StoreError> {
        let tx = self.write()?;
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.word()).collect();
        let made = tx.execute(
            "INSERT INTO api_keys (name, hash, scopes, per_minute, made_at, expires_at)
             VALUES (:name, :hash, :scopes, :per_minute, :now, :expires_at)
                 ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING",
            named_params! {
                ":name": key.name,
                ":hash": key.hash,
                ":scopes": json_text(&scopes),
                ":per_minute": key.per_minute,
                ":now": now.timestamp(),
                ":expires_at": key.expires_at.map(|at| at.timestamp()),
            },
        )?;
        let id = KeyId(tx.last_insert_rowid());
        tx.commit()?;
        Ok((made == 1).then_some(id))
    }

    fn keys(&mut self) -> Result<Vec<StoredKey>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM api_keys ORDER BY id")?;
        let rows = statement.query_map([], stored_key)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn key_of_hash(&mut self, hash: &str) -> Result<Option<StoredKey>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM api_keys WHERE hash = :hash")?;
        Ok(statement
            .query_row(named_params! { ":hash": hash }, stored_key)
            .optional()?)
    }

    fn note_key_used(&mut self, id: KeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("UPDATE api_keys SET used_at = :now WHERE id = :id")?;
        statement.execute(named_params! { ":id": id.0, ":now": now.timestamp() })?;
        Ok(())
    }

    fn revoke_key(&mut self, name: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let revoked = tx.execute(
            "UPDATE api_keys SET revoked_at = :now WHERE name = :name AND revoked_at IS NULL",
            named_params! { ":name": name, ":now": now.timestamp() },
        )?;
        tx.commit()?;
        Ok(revoked == 1)
    }

    fn begin_answer(
        &mut self,
        name: &IdempotencyKey,
        request: &str,
        forget: DateTime<Utc>,
        lost: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<IdempotencyState, StoreError> {
        let tx = self.write()?;
        tx.prepare_cached("DELETE FROM api_answers WHERE at < :forget")?
            .execute(named_params! { ":forget": forget.timestamp() })?;
        let known = tx
            .prepare_cached("SELECT * FROM api_answers WHERE key_id = :key AND name = :name")?
            .query_row(
                named_params! { ":key": name.key.0, ":name": name.name },
                |row| {
                    let columns = Columns::of("api_answers", row);
                    let asked: String = columns.get("request")?;
                    Ok((asked, columns.instant("at")?, answer(row)?))
                },
            )
            .optional()?;
        let begun = match known {
            Some((asked, ..)) if asked != request => IdempotencyState::Other,
            Some((.., Some(answer))) => IdempotencyState::Answered(answer),
            Some((_, at, None)) if at >= lost => IdempotencyState::Underway,
            _ => IdempotencyState::Ours,
        };
        if begun == IdempotencyState::Ours {
            tx.prepare_cached(
                "INSERT INTO api_answers (key_id, name, request, at)
                 VALUES (:key, :name, :request, :now)
                     ON CONFLICT (key_id, name) DO UPDATE SET at = :now",
            )?
            .execute(named_params! {
                ":key": name.key.0,
                ":name": name.name,
                ":request": request,
                ":now": now.timestamp(),
            })?;
        }
        tx.commit()?;
        Ok(begun)
    }

    fn finish_answer(
        &mut self,
        name: &IdempotencyKey,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.prepare_cached(
            "UPDATE api_answers
                SET status = :status, headers = :headers, body = :body,
                    -- Whoever was erased meanwhile is in no answer either.
                    subscriber_id = (SELECT id FROM subscribers WHERE id = :about)
              WHERE key_id = :key AND name = :name",
        )?
        .execute(named_params! {
            ":key": name.key.0,
            ":name": name.name,
            ":status": answer.status,
            ":headers": json_text(&answer.headers),
            ":body": answer.body,
            ":about": answer.about.map(|id| id.0),
        })?;
        if let Some(about) = answer.about {
            tx.prepare_cached(
                "DELETE FROM api_answers
                  WHERE key_id = :key AND name = :name AND NOT EXISTS (SELECT 1 FROM subscribers
                      WHERE id = :about)",
            )?
            .execute(named_params! { ":key": name.key.0, ":name": name.name, ":about": about.0 })?;
        }
        Ok(tx.commit()?)
    }

    fn drop_answer(&mut self, name: &IdempotencyKey) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "DELETE FROM api_answers WHERE key_id = :key AND name = :name AND status IS NULL",
        )?;
        statement.execute(named_params! { ":key": name.key.0, ":name": name.name })?;
        Ok(())
    }
}

fn stored_key(row: &Row<'_>) -> rusqlite::Result<StoredKey> {
    let columns = Columns::of("api_keys", row);
    Ok(StoredKey {
        id: KeyId(columns.get("id")?),
        name: columns.get("name")?,
        scopes: columns.read("scopes", |text| {
            let words: Vec<String> = serde_json::from_str(text).ok()?;
            let scope = |word: &String| {
                KeyScope::WORDS
                    .iter()
                    .find(|(known, _)| known == word)
                    .map(|(_, scope)| *scope)
            };
            words.iter().map(scope).collect()
        })?,
        per_minute: columns.get("per_minute")?,
        made_at: columns.instant("made_at")?,
        used_at: columns.instant_if_any("used_at")?,
        expires_at: columns.instant_if_any("expires_at")?,
        revoked_at: columns.instant_if_any("revoked_at")?,
    })
}

/// Returns `None` while the request is being answered.
fn answer(row: &Row<'_>) -> rusqlite::Result<Option<StoredAnswer>> {
    let columns = Columns::of("api_answers", row);
    let Some(status) = columns.get::<Option<u16>>("status")? else {
        return Ok(None);
    };
    Ok(Some(StoredAnswer {
        status,
        headers: columns.json("headers")?,
        body: columns.get("body")?,
        about: columns
            .get::<Option<i64>>("subscriber_id")?
            .map(SubscriberId),
    }))
}
