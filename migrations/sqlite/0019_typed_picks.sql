-- `section` and `reason` hold typed values as JSON from here on: "trending" or
-- {"interest": NAME}, and a list like [{"keyword": TEXT}, "near_miss"]. The rows are
-- converted by `src/store/sqlite/typed_picks.rs`. A pick may also be a near miss.
ALTER TABLE picks ADD COLUMN came_as TEXT NOT NULL DEFAULT 'chosen' CHECK (came_as IN ('chosen', 'near_miss', 'exploring'));
UPDATE picks SET came_as = kind;
ALTER TABLE picks DROP COLUMN kind;
ALTER TABLE picks RENAME COLUMN came_as TO kind;
