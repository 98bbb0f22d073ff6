-- What readers say of papers, and what they bring along.

-- What each of them says now: one thumb for each paper.
CREATE TABLE feedback (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    paper         INTEGER NOT NULL REFERENCES papers (row),
    thumb         TEXT    NOT NULL CHECK (thumb IN ('more', 'less', 'save')),
    interest      TEXT,                   -- name of the one it came through; NULL: none in particular
    issue_id      INTEGER REFERENCES issues (id) ON DELETE SET NULL, -- NULL: not from an issue
    rank          INTEGER,                -- its place in that issue, from 1
    channel       TEXT    NOT NULL CHECK (channel IN ('mail', 'web', 'command')),
    at            INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, paper)
) STRICT, WITHOUT ROWID;

CREATE INDEX feedback_by_instant ON feedback (at);
CREATE INDEX feedback_by_paper ON feedback (paper);
CREATE INDEX feedback_by_issue ON feedback (issue_id) WHERE issue_id IS NOT NULL;

-- All that was ever said, so that a change of mind can be followed and undone.
CREATE TABLE feedback_log (
    id            INTEGER PRIMARY KEY,
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    paper         INTEGER NOT NULL REFERENCES papers (row),
    thumb         TEXT    CHECK (thumb IN ('more', 'less', 'save')), -- NULL: taken back
    interest      TEXT,
    channel       TEXT    NOT NULL,
    at            INTEGER NOT NULL
) STRICT;

CREATE INDEX feedback_log_by_paper ON feedback_log (subscriber_id, paper);

-- People whose papers a reader does not want to see.
CREATE TABLE muted_authors (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, name)
) STRICT, WITHOUT ROWID;

-- Requests for the page behind a link of a mail, by whomever: some are scanners'.
CREATE TABLE clicks (
    id            INTEGER PRIMARY KEY,
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    paper         INTEGER NOT NULL REFERENCES papers (row),
    issue_id      INTEGER REFERENCES issues (id) ON DELETE SET NULL,
    at_ms         INTEGER NOT NULL,       -- Unix milliseconds: scanners are told by their haste
    is_head       INTEGER NOT NULL,       -- 1: asked for no content
    agent         TEXT    NOT NULL CHECK (agent IN ('browser', 'program', 'unknown')),
    network       TEXT    NOT NULL        -- of the address, cut: no more than is needed to tell machines apart
) STRICT;

CREATE INDEX clicks_by_instant ON clicks (at_ms);
CREATE INDEX clicks_by_subscriber ON clicks (subscriber_id);

-- Works of a reader's library that are not among the papers: learned from by their text.
CREATE TABLE library_items (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    interest      TEXT    NOT NULL,       -- name
    key           TEXT    NOT NULL,       -- tells works apart: an id, else title and first author
    title         TEXT    NOT NULL,
    abstract      TEXT    NOT NULL,
    authors       TEXT    NOT NULL,       -- list
    ids           TEXT    NOT NULL,       -- list: arXiv id, DOI, pmid:
    added_at      INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, interest, key)
) STRICT, WITHOUT ROWID;
