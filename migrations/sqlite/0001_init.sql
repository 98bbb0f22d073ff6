-- Instants are Unix seconds (UTC), dates are YYYY-MM-DD, lists are JSON arrays.
-- Released migrations are never edited: later changes are later files.

-- Papers -----------------------------------------------------------------------

CREATE TABLE papers (
    row        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE, -- without version
    version    INTEGER,
    title      TEXT    NOT NULL,
    abstract   TEXT    NOT NULL,
    authors    TEXT    NOT NULL,        -- list
    categories TEXT    NOT NULL,        -- list, the primary one first
    announced  TEXT,                    -- the first day seen
    published  INTEGER,
    updated    INTEGER,
    url        TEXT,
    doi        TEXT,
    comment    TEXT,
    upvotes    INTEGER,
    seen_at    INTEGER NOT NULL,        -- first taken in
    changed_at INTEGER NOT NULL         -- last changed
) STRICT;

CREATE INDEX papers_by_announcement ON papers (announced);

CREATE VIRTUAL TABLE papers_text USING fts5 (
    title, abstract, authors,
    content = 'papers', content_rowid = 'row',
    tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER papers_inserted AFTER INSERT ON papers BEGIN
    INSERT INTO papers_text (rowid, title, abstract, authors)
    VALUES (new.row, new.title, new.abstract, new.authors);
END;

CREATE TRIGGER papers_updated AFTER UPDATE OF title, abstract, authors ON papers BEGIN
    INSERT INTO papers_text (papers_text, rowid, title, abstract, authors)
    VALUES ('delete', old.row, old.title, old.abstract, old.authors);
    INSERT INTO papers_text (rowid, title, abstract, authors)
    VALUES (new.row, new.title, new.abstract, new.authors);
END;

-- What is known of one source's announcements in one category on one day.
CREATE TABLE coverage (
    date         TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    category     TEXT    NOT NULL,      -- empty: the whole source
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'complete', 'quiet', 'stalled', 'failed')),
    declared     INTEGER,               -- papers that the source says there are, where it does
    parsed       INTEGER NOT NULL,      -- papers read
    announced_at INTEGER,               -- NULL: at midnight UTC of the day
    checked_at   INTEGER NOT NULL,      -- last looked at
    completed_at INTEGER,               -- NULL unless complete or quiet; moves when something is filled in later
    note         TEXT    NOT NULL,      -- for people
    PRIMARY KEY (date, source, category)
) STRICT, WITHOUT ROWID;

-- Providers that want to be left alone for a while.
CREATE TABLE source_pauses (
    provider TEXT    PRIMARY KEY,
    until    INTEGER NOT NULL,
    reason   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Records that could not be read, for a person to look at.
CREATE TABLE set_aside (
    source TEXT    NOT NULL,
    place  TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    record TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, place, record)
) STRICT;

-- What ranking knows of the archive; made anew from the papers when it is lost.
CREATE TABLE background (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    counted_to INTEGER NOT NULL,        -- papers.row
    bytes      BLOB    NOT NULL
) STRICT;

-- Subscribers ------------------------------------------------------------------

-- Rows are named in signed tokens, so a number is never given twice.
CREATE TABLE subscribers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    address     TEXT    NOT NULL,
    address_key TEXT    NOT NULL UNIQUE, -- lower case
    name        TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('pending', 'active', 'paused', 'unsubscribed', 'suppressed')),
    timezone    TEXT    NOT NULL,
    send_at     TEXT    NOT NULL,        -- HH:MM:SS there
    days        TEXT    NOT NULL,        -- list of mon … sun
    frequency   TEXT    NOT NULL,
    weekday     TEXT    NOT NULL,
    max_papers  INTEGER NOT NULL,
    abstracts   TEXT    NOT NULL,
    min_score   REAL    NOT NULL,
    when_empty  TEXT    NOT NULL,
    format      TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    pause_until TEXT,
    joined_at   INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    left_at     INTEGER,
    left_by     TEXT,                    -- how they said so
    first_day   TEXT,                    -- the announcement day that their reading began with
    due_from    INTEGER NOT NULL,        -- nothing that was due before: joined, came back, restored
    next_due_at INTEGER,                 -- when to look whether an issue is due; NULL: not until something changes
    awaits      INTEGER NOT NULL DEFAULT 0, -- 1: look at once when coverage changes
    revision    INTEGER NOT NULL DEFAULT 0  -- counts changes: what was worked out from an older one is not entered
) STRICT;

CREATE INDEX subscribers_due ON subscribers (next_due_at, id) WHERE next_due_at IS NOT NULL;
CREATE INDEX subscribers_awaiting ON subscribers (id) WHERE awaits = 1;

-- Whatever changes when issues are due has the subscriber looked at anew; no verb can forget it.
CREATE TRIGGER subscribers_rescheduled
AFTER UPDATE OF status, timezone, send_at, days, frequency, weekday, pause_until ON subscribers BEGIN
    UPDATE subscribers
       SET next_due_at = CASE WHEN new.status = 'active' THEN 0 END,
           awaits = 0,
           revision = revision + 1,
           -- Who comes back gets nothing that was due meanwhile.
           due_from = CASE WHEN new.status = 'active'
                            AND (old.status <> 'active'
                                 OR (old.pause_until > date(new.changed_at, 'unixepoch')
                                     AND new.pause_until IS NOT old.pause_until))
                           THEN new.changed_at ELSE due_from END
     WHERE id = new.id;
END;

CREATE TABLE interests (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    description   TEXT    NOT NULL,
    keywords      TEXT    NOT NULL,      -- lists, from here on
    must_not      TEXT    NOT NULL,
    authors       TEXT    NOT NULL,
    categories    TEXT    NOT NULL,
    liked         TEXT    NOT NULL,
    disliked      TEXT    NOT NULL,
    PRIMARY KEY (subscriber_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
    address_key TEXT    PRIMARY KEY,
    address     TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Issues and deliveries ----------------------------------------------------------

CREATE TABLE issues (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    local_date    TEXT    NOT NULL,
    covers_from   TEXT,                 -- announcement days in it; NULL if there were none
    covers_to     TEXT,
    composed_at   INTEGER NOT NULL,
    UNIQUE (subscriber_id, local_date)
) STRICT;

-- Dates for which it was decided that there is no issue.
CREATE TABLE skipped (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    local_date    TEXT    NOT NULL,
    why           TEXT    NOT NULL CHECK (why IN ('empty', 'late')),
    at            INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, local_date)
) STRICT, WITHOUT ROWID;

CREATE TABLE picks (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    paper         INTEGER NOT NULL REFERENCES papers (row),
    issue_id      INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    score         REAL    NOT NULL,
    section       TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    PRIMARY KEY (subscriber_id, paper, issue_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX picks_by_issue ON picks (issue_id, position);

-- One row for each issue, under the issue's number. It outlives the subscriber:
-- it is the record of what was sent.
CREATE TABLE deliveries (
    id            INTEGER PRIMARY KEY,
    subscriber_id INTEGER REFERENCES subscribers (id) ON DELETE SET NULL,
    address       TEXT    NOT NULL,
    local_date    TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    message_id    TEXT    NOT NULL UNIQUE,
    state         TEXT    NOT NULL CHECK (state IN ('rendered', 'claimed', 'handing_over', 'accepted', 'deferred',
                                                    'rejected', 'uncertain', 'held', 'expired')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    resent        INTEGER NOT NULL DEFAULT 0, -- 1: the server may have a first copy already
    queued_at     INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    next_at       INTEGER,                    -- when it is due (again); NULL once settled
    stage         TEXT,                       -- from here on: how the last try ended
    code          INTEGER,
    enhanced      TEXT,
    text          TEXT,
    soft          INTEGER NOT NULL DEFAULT 0, -- 1: the mailbox could not take it
    at            INTEGER NOT NULL            -- when it came to stand as it does
) STRICT;

CREATE INDEX deliveries_waiting ON deliveries (next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_in_hand ON deliveries (id) WHERE state IN ('claimed', 'handing_over');
CREATE INDEX deliveries_by_subscriber ON deliveries (subscriber_id);
CREATE INDEX deliveries_by_address ON deliveries (lower(address));

-- The bytes to send; dropped once a server has answered for good.
CREATE TABLE messages (
    delivery_id INTEGER PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    bytes       BLOB NOT NULL
) STRICT;

CREATE TABLE attempts (
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    stage       TEXT    NOT NULL,
    code        INTEGER,
    enhanced    TEXT,
    text        TEXT    NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- Who may send: one process at a time.
CREATE TABLE sender_lease (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    holder TEXT    NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

-- What is left of the limits on how fast mail may leave.
CREATE TABLE rate_buckets (
    relay          TEXT    NOT NULL,
    period_seconds INTEGER NOT NULL,
    tokens         REAL    NOT NULL,
    filled_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (relay, period_seconds)
) STRICT, WITHOUT ROWID;

CREATE TABLE relay_pauses (
    relay      TEXT    PRIMARY KEY,
    until      INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    refuses_us INTEGER NOT NULL,          -- 1: because of us, not of its own state
    reason     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
