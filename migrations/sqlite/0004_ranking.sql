-- What was learned from the archive to make dense vectors with. It can be
-- learned again from the papers at any time.
CREATE TABLE vector_makers (
    kind       TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,         -- of the maker: vectors of another one never meet these statistics
    papers     INTEGER NOT NULL,         -- in the archive at that time
    model      BLOB    NOT NULL,         -- empty for a maker that is kept elsewhere
    background BLOB    NOT NULL
) STRICT;

-- Why a pick is in its issue, so that what came of exploring can be told from the rest.
ALTER TABLE picks ADD COLUMN kind TEXT NOT NULL DEFAULT 'chosen' CHECK (kind IN ('chosen', 'exploring'));
