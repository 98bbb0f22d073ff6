-- What came back: reports, and what was done about them.

-- One row for each recipient that a report names. It outlives the subscriber, as the delivery does.
CREATE TABLE reports (
    id            INTEGER PRIMARY KEY,
    key           TEXT    NOT NULL,      -- of the mail: the same report again has the same
    address_key   TEXT    NOT NULL,      -- lower case: whom we had written to
    delivery_id   INTEGER REFERENCES deliveries (id) ON DELETE CASCADE,
    subscriber_id INTEGER REFERENCES subscribers (id) ON DELETE SET NULL,
    class         TEXT    NOT NULL,
    reason        TEXT,
    status        TEXT,                  -- enhanced code
    diagnostic    TEXT    NOT NULL,      -- the server's words, cut
    source        TEXT    NOT NULL,      -- the way it came
    action        TEXT    NOT NULL,      -- what was done
    at            INTEGER NOT NULL,
    UNIQUE (key, address_key)
) STRICT;

CREATE INDEX reports_by_delivery ON reports (delivery_id);
CREATE INDEX reports_by_address ON reports (address_key, id);
CREATE INDEX reports_by_class ON reports (class, at);

-- The evidence; NULL where a person or a server's refusal on the spot is the reason.
ALTER TABLE suppressions ADD COLUMN report_id INTEGER REFERENCES reports (id) ON DELETE SET NULL;
