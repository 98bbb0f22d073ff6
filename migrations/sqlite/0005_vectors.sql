-- Dense vectors of papers. Those of each model are kept apart.

CREATE TABLE models (
    id        INTEGER PRIMARY KEY,
    maker     TEXT    NOT NULL UNIQUE, -- tells its vectors from those of any other
    folder    TEXT    NOT NULL,        -- its name among the installed models
    is_active INTEGER NOT NULL DEFAULT 0 CHECK (is_active IN (0, 1)),
    begun_at  INTEGER NOT NULL
) STRICT;

-- One model ranks; others may be on the way to it.
CREATE UNIQUE INDEX models_active ON models (is_active) WHERE is_active = 1;

CREATE TABLE vectors (
    model INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    paper INTEGER NOT NULL REFERENCES papers (row) ON DELETE CASCADE,
    bytes BLOB    NOT NULL,            -- a scale (f32, little endian), then a signed byte for each number
    PRIMARY KEY (model, paper)
) STRICT, WITHOUT ROWID;

CREATE INDEX vectors_by_paper ON vectors (paper);

-- A vector is of the text that it was made from; no verb can forget it.
CREATE TRIGGER papers_reworded AFTER UPDATE OF title, abstract ON papers
WHEN old.title <> new.title OR old.abstract <> new.abstract BEGIN
    DELETE FROM vectors WHERE paper = new.row;
END;
