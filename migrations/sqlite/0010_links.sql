-- Links in mails carry a signature that depends on this number: when it grows,
-- all of a subscriber's older links but those to leave stop working.
ALTER TABLE subscribers ADD COLUMN link_generation INTEGER NOT NULL DEFAULT 0;
