-- Mails besides issues, and what people ask for on the web.

-- `issue`, or what kind of notice it is.
ALTER TABLE deliveries ADD COLUMN kind TEXT NOT NULL DEFAULT 'issue';

-- A notice takes the next number of an issue, so that a number names one mail.
INSERT INTO sqlite_sequence (name, seq)
SELECT 'issues', 0
 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'issues');

-- What somebody asked for, to be proved by a link that is mailed to `address`.
-- Rows are named in signed tokens, so a number is never given twice.
CREATE TABLE requests (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT    NOT NULL CHECK (kind IN ('subscribe', 'preferences', 'move', 'export', 'erase')),
    address       TEXT    NOT NULL,
    address_key   TEXT    NOT NULL,        -- lower case
    subscriber_id INTEGER REFERENCES subscribers (id) ON DELETE CASCADE,
    details       TEXT    NOT NULL,        -- what is asked for, as its kind needs it
    wording       TEXT    NOT NULL,        -- version of the form's words
    page          TEXT    NOT NULL,        -- address of the form
    network       TEXT    NOT NULL,        -- where from
    asked_at      INTEGER NOT NULL,
    mailed_at     INTEGER,                 -- NULL: no mail was sent for it
    done_at       INTEGER
) STRICT;

CREATE INDEX requests_by_address ON requests (address_key, asked_at);
CREATE INDEX requests_by_age ON requests (asked_at);

-- How each subscriber came to get mail, and to get none.
CREATE TABLE consents (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    at            INTEGER NOT NULL,
    act           TEXT    NOT NULL,        -- asked, confirmed, moved
    wording       TEXT    NOT NULL,
    page          TEXT    NOT NULL,
    network       TEXT    NOT NULL
) STRICT;

CREATE INDEX consents_by_subscriber ON consents (subscriber_id, at);

-- People who asked to be forgotten: a keyed hash of their address, so that no
-- import brings them back.
CREATE TABLE erased (
    hash TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
