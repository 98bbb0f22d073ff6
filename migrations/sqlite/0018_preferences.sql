-- A subscriber's preferences are one JSON object, by the keys that files use. A key
-- that is missing has its default, so that a new preference needs no migration.
ALTER TABLE subscribers ADD COLUMN preferences TEXT NOT NULL DEFAULT '{}';

UPDATE subscribers
   SET preferences = json_object(
           'timezone', timezone,
           'send_at', send_at,
           'days', json(days),
           'frequency', frequency,
           'weekday', weekday,
           'max_papers', max_papers,
           'abstracts', abstracts,
           'min_score', min_score,
           'when_empty', when_empty,
           'format', format,
           'language', language,
           'pause_until', pause_until,
           'replacements', json(iif(replacements, 'true', 'false')),
           'publications', json(iif(publications, 'true', 'false'))
       );

DROP TRIGGER subscribers_rescheduled;

ALTER TABLE subscribers DROP COLUMN timezone;
ALTER TABLE subscribers DROP COLUMN send_at;
ALTER TABLE subscribers DROP COLUMN days;
ALTER TABLE subscribers DROP COLUMN frequency;
ALTER TABLE subscribers DROP COLUMN weekday;
ALTER TABLE subscribers DROP COLUMN max_papers;
ALTER TABLE subscribers DROP COLUMN abstracts;
ALTER TABLE subscribers DROP COLUMN min_score;
ALTER TABLE subscribers DROP COLUMN when_empty;
ALTER TABLE subscribers DROP COLUMN format;
ALTER TABLE subscribers DROP COLUMN language;
ALTER TABLE subscribers DROP COLUMN pause_until;
ALTER TABLE subscribers DROP COLUMN replacements;
ALTER TABLE subscribers DROP COLUMN publications;

-- A change of status or preferences can change when issues are due: the publisher
-- looks at the subscriber again. A trigger cannot be forgotten by a verb.
CREATE TRIGGER subscribers_rescheduled
AFTER UPDATE OF status, preferences ON subscribers BEGIN
    UPDATE subscribers
       SET next_due_at = CASE WHEN new.status = 'active' THEN 0 END,
           awaits = 0,
           revision = revision + 1,
           -- Issues that were due during an absence or a pause are not made up for.
           due_from = CASE WHEN new.status = 'active'
                            AND (old.status <> 'active'
                                 OR (old.preferences ->> 'pause_until'
                                         > date(new.changed_at, 'unixepoch')
                                     AND new.preferences ->> 'pause_until'
                                         IS NOT old.preferences ->> 'pause_until'))
                           THEN new.changed_at ELSE due_from END
     WHERE id = new.id;
END;
