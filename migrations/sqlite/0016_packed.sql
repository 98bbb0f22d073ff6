-- Mails are stored compressed (zstd). What those of one date share is stored once, as
-- the dictionary that they were compressed with: lines that several readers got alike,
-- so that nothing in it is about one person.
CREATE TABLE dictionaries (
    id         INTEGER PRIMARY KEY,     -- of its text: two writers that find the same store one
    local_date TEXT NOT NULL,
    bytes      BLOB NOT NULL            -- zstd
) STRICT;

CREATE INDEX dictionaries_by_date ON dictionaries (local_date);

ALTER TABLE messages ADD COLUMN is_packed INTEGER NOT NULL DEFAULT 0; -- 0: stored as they are, before this was so
ALTER TABLE messages ADD COLUMN dictionary INTEGER REFERENCES dictionaries (id);

CREATE INDEX messages_by_dictionary ON messages (dictionary) WHERE dictionary IS NOT NULL;
