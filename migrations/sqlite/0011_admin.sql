-- The operator's pages: who may look, what was done there, and what they show of the past.

CREATE TABLE admin_password (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    hash TEXT    NOT NULL,              -- argon2id, as a PHC string
    at   INTEGER NOT NULL
) STRICT;

CREATE TABLE admin_sessions (
    token_hash TEXT    PRIMARY KEY,     -- of what the browser holds
    network    TEXT    NOT NULL,        -- where it began
    begun_at   INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was done by hand on the pages. People and mails are named by their numbers, so
-- that nobody who is erased stays here.
CREATE TABLE admin_acts (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    act     TEXT    NOT NULL,           -- in words
    who     TEXT    NOT NULL,
    network TEXT    NOT NULL
) STRICT;

-- When each part of the work was last done, and what it last failed of.
CREATE TABLE work_notes (
    part      TEXT    PRIMARY KEY,      -- fetch, publish, deliver, upkeep, …
    done_at   INTEGER,
    failed_at INTEGER,
    error     TEXT
) STRICT, WITHOUT ROWID;

-- How many subscribers there were of each status, day by day (UTC).
CREATE TABLE subscriber_counts (
    day         TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    subscribers INTEGER NOT NULL,
    PRIMARY KEY (day, status)
) STRICT, WITHOUT ROWID;

-- The pages ask for the last days, and these tables grow for years.
CREATE INDEX deliveries_by_queueing ON deliveries (queued_at);
CREATE INDEX issues_by_composing ON issues (composed_at);
CREATE INDEX reports_by_instant ON reports (at);
