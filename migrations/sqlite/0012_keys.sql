-- Keys of the API, and what was answered to requests that may come again.

CREATE TABLE api_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,
    hash       TEXT    NOT NULL UNIQUE, -- of the key; the key itself is shown once and kept nowhere
    scopes     TEXT    NOT NULL,        -- list of what it may do
    per_minute INTEGER NOT NULL,        -- requests
    made_at    INTEGER NOT NULL,
    used_at    INTEGER,                 -- to the minute
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- A name can be given again once its key is revoked.
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (name) WHERE revoked_at IS NULL;

-- What is remembered for a day of requests with an `Idempotency-Key`.
CREATE TABLE api_answers (
    key_id        INTEGER NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,     -- the `Idempotency-Key`
    request       TEXT    NOT NULL,     -- hash of what was asked
    at            INTEGER NOT NULL,
    status        INTEGER,              -- NULL: it is being answered
    headers       TEXT,                 -- list of name and value
    body          BLOB,
    subscriber_id INTEGER REFERENCES subscribers (id) ON DELETE CASCADE, -- whom it is about: gone with them
    PRIMARY KEY (key_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_answers_by_age ON api_answers (at);
CREATE INDEX api_answers_by_subscriber ON api_answers (subscriber_id) WHERE subscriber_id IS NOT NULL;
