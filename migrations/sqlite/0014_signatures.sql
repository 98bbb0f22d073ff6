-- The terms that tell a paper most from others, in a few bytes each: see
-- ranking/signature.rs. Worked out from the papers, and at any time again.
CREATE TABLE signatures (
    paper INTEGER PRIMARY KEY,           -- row of papers
    terms BLOB    NOT NULL
) STRICT;

-- Papers that are counted in `background` and lack one.
CREATE TABLE unsigned (
    paper INTEGER PRIMARY KEY
) STRICT;

INSERT INTO unsigned (paper) SELECT row FROM papers WHERE merged_into IS NULL;

-- What tells a paper from others is its text; no verb can forget it.
CREATE TRIGGER papers_unsigned AFTER UPDATE OF title, abstract, authors, categories ON papers
WHEN old.title <> new.title OR old.abstract <> new.abstract
  OR old.authors <> new.authors OR old.categories <> new.categories BEGIN
    DELETE FROM signatures WHERE paper = new.row;
    DELETE FROM unsigned WHERE paper = new.row;
    INSERT INTO unsigned (paper) SELECT new.row WHERE new.merged_into IS NULL;
END;

-- How often papers, days or signatures changed: a public page that was made since
-- is as good as new.
CREATE TABLE archive_changes (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    changes INTEGER NOT NULL
) STRICT;

INSERT INTO archive_changes (one, changes) VALUES (1, 0);

-- A day's papers are put in order without reading them.
CREATE INDEX papers_of_day ON papers (announced, upvotes, categories);
DROP INDEX papers_by_announcement;
