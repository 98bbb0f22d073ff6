-- Which papers are most like each other: worked out from the papers, and at any
-- time again.
CREATE TABLE similar_papers (
    paper  INTEGER PRIMARY KEY REFERENCES papers (row) ON DELETE CASCADE,
    others TEXT    NOT NULL              -- rows as a JSON list, most alike first
) STRICT;

-- When they were all worked out last.
CREATE TABLE similar_round (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    papers INTEGER NOT NULL,             -- there were so many
    newest INTEGER NOT NULL,             -- the last row among them
    at     INTEGER NOT NULL
) STRICT;

-- What is like a paper is like its text; no verb can forget it.
CREATE TRIGGER papers_alike_no_more AFTER UPDATE OF title, abstract ON papers
WHEN old.title <> new.title OR old.abstract <> new.abstract BEGIN
    DELETE FROM similar_papers WHERE paper = new.row;
END;

-- A day's papers are put in order without reading them.
CREATE INDEX papers_of_day ON papers (announced, upvotes, categories);
DROP INDEX papers_by_announcement;
