-- What the sources beside arXiv know of a paper.

ALTER TABLE papers ADD COLUMN same_as   TEXT    NOT NULL DEFAULT '[]'; -- list of other names of the work
ALTER TABLE papers ADD COLUMN journal   TEXT;
ALTER TABLE papers ADD COLUMN code      TEXT;
ALTER TABLE papers ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
