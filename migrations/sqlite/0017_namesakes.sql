-- Signatures tell namesakes apart now: those of before are made anew, a little at a
-- time, and serve until then.
INSERT OR IGNORE INTO unsigned (paper) SELECT paper FROM signatures;
