-- What the sources beside arXiv know of a paper, and which records are one work.

ALTER TABLE papers ADD COLUMN same_as   TEXT    NOT NULL DEFAULT '[]'; -- list of other names of the work
ALTER TABLE papers ADD COLUMN journal   TEXT;
ALTER TABLE papers ADD COLUMN code      TEXT;
ALTER TABLE papers ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;

-- A work of one record is that record; of a work of several, each is kept, so
-- that they can be taken apart again.
ALTER TABLE papers ADD COLUMN source      TEXT    NOT NULL DEFAULT ''; -- of the record, or of the first of them
ALTER TABLE papers ADD COLUMN records     INTEGER NOT NULL DEFAULT 0;  -- rows of paper_records; 0: this row is the record
ALTER TABLE papers ADD COLUMN merged_into INTEGER REFERENCES papers (row); -- this was a paper, and is another name of that one
ALTER TABLE papers ADD COLUMN title_key   INTEGER;                     -- of title and first author; 0: they say too little

CREATE INDEX papers_by_title ON papers (title_key) WHERE title_key <> 0;
CREATE INDEX papers_without_title_key ON papers (row) WHERE title_key IS NULL;
CREATE INDEX papers_merged ON papers (merged_into) WHERE merged_into IS NOT NULL;

-- Names of works beside papers.id. A name is that of one work.
CREATE TABLE paper_names (
    name  TEXT    PRIMARY KEY,
    paper INTEGER NOT NULL REFERENCES papers (row)
) STRICT, WITHOUT ROWID;

CREATE INDEX paper_names_by_paper ON paper_names (paper);

-- What each source says of a work that several records tell of.
CREATE TABLE paper_records (
    name   TEXT    NOT NULL,            -- what the source calls it
    source TEXT    NOT NULL,
    paper  INTEGER NOT NULL REFERENCES papers (row),
    record TEXT    NOT NULL,            -- a paper as JSON
    at     INTEGER NOT NULL,            -- first taken in
    PRIMARY KEY (name, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX paper_records_by_paper ON paper_records (paper);

-- Records that a person has taken apart: never one work again. Both ways round.
CREATE TABLE not_same (
    name  TEXT    NOT NULL,
    other TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (name, other)
) STRICT, WITHOUT ROWID;

-- What became of papers after they were announced.
CREATE TABLE paper_events (
    id     INTEGER PRIMARY KEY,
    paper  INTEGER NOT NULL REFERENCES papers (row),
    day    TEXT    NOT NULL,            -- when it was seen, in UTC
    at     INTEGER NOT NULL,
    kind   TEXT    NOT NULL CHECK (kind IN ('replaced', 'published', 'withdrawn')),
    detail TEXT    NOT NULL,            -- version, journal
    UNIQUE (paper, kind, detail)
) STRICT;

-- Who wants to hear of them.
ALTER TABLE subscribers ADD COLUMN replacements INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscribers ADD COLUMN publications INTEGER NOT NULL DEFAULT 0;
