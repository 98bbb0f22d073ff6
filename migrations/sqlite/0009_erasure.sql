-- What somebody who was erased had left in pages that were freed before is
-- overwritten by the next upkeep.
ALTER TABLE erased ADD COLUMN is_purged INTEGER NOT NULL DEFAULT 0;
