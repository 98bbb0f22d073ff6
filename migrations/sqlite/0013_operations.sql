-- What the operator is told, and what is kept of what was forgotten.

-- One row for each time that something went wrong. It stands until it is over.
CREATE TABLE alarms (
    id        INTEGER PRIMARY KEY,
    name      TEXT    NOT NULL,
    about     TEXT    NOT NULL,           -- which relay, source, part; empty where there is one only
    text      TEXT    NOT NULL,           -- one line: what
    remedy    TEXT    NOT NULL,           -- one line: what to do
    detail    TEXT    NOT NULL,           -- others' words, which may hold addresses: never in the log
    since     INTEGER NOT NULL,           -- first found
    seen_at   INTEGER NOT NULL,           -- last found
    raised_at INTEGER,                    -- NULL: it has not lasted long enough to be said
    over_at   INTEGER,                    -- NULL: it stands
    mailed_at INTEGER,                    -- the last mail that told of it
    mail_done INTEGER NOT NULL DEFAULT 0, -- 1: its end was mailed, too
    posted_at INTEGER,                    -- the last post to the webhook that told of it
    post_done INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX alarms_standing ON alarms (name, about) WHERE over_at IS NULL;
CREATE INDEX alarms_by_end ON alarms (over_at) WHERE over_at IS NOT NULL;

-- What each day came to.
CREATE TABLE runs (
    date    TEXT    PRIMARY KEY,
    since   INTEGER NOT NULL,             -- it counts from then
    at      INTEGER NOT NULL,             -- to then
    figures TEXT    NOT NULL              -- JSON
) STRICT, WITHOUT ROWID;

-- How many rows were forgotten, so that counters do not fall.
CREATE TABLE forgotten (
    what  TEXT    NOT NULL,               -- attempts, reports
    class TEXT    NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (what, class)
) STRICT, WITHOUT ROWID;

-- The last time that the database was tended.
CREATE TABLE tended (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    at     INTEGER NOT NULL,
    damage TEXT    NOT NULL               -- what is damaged in the file, a line each; empty if it is sound
) STRICT;

-- What is forgotten is found by its age, a little at a time.
CREATE INDEX set_aside_by_instant ON set_aside (at);
CREATE INDEX suppressions_by_instant ON suppressions (at);
CREATE INDEX deliveries_held ON deliveries (at) WHERE state = 'held';
-- Whatever forgets reports looks here for each of them.
CREATE INDEX suppressions_by_report ON suppressions (report_id) WHERE report_id IS NOT NULL;
CREATE INDEX skipped_by_instant ON skipped (at);
CREATE INDEX requests_by_subscriber ON requests (subscriber_id) WHERE subscriber_id IS NOT NULL;
CREATE INDEX deliveries_expired ON deliveries (at) WHERE state = 'expired';

-- Sources that could not be read when they were last looked at.
CREATE TABLE sources_failing (
    source TEXT    PRIMARY KEY,
    since  INTEGER NOT NULL,
    why    TEXT    NOT NULL               -- the words of the source, or ours
) STRICT, WITHOUT ROWID;
