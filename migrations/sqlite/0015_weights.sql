-- How much of an issue an interest is to have, in hundredths: 100 is as usual.
ALTER TABLE interests ADD COLUMN weight INTEGER NOT NULL DEFAULT 100;
