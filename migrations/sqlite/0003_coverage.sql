-- How sources are asked: whose turn it is, when they were last asked for what, and
-- for which papers they were asked in vain.

-- When the next request to a provider may begin, all processes together.
CREATE TABLE source_turns (
    provider TEXT    PRIMARY KEY,
    free_ms  INTEGER NOT NULL           -- while a request is under way: when it is given up for lost
) STRICT, WITHOUT ROWID;

-- When a source was last asked for what is not asked for at each look.
CREATE TABLE source_asked (
    source TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, what)
) STRICT, WITHOUT ROWID;

-- Papers that a source was asked for by their names, whether or not it had them.
CREATE TABLE source_asked_papers (
    source TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
