-- Version 3: pauses by a person, releases that were forgotten, what tells a copy, and what compaction looks for.

ALTER TABLE meta ADD COLUMN pause_why TEXT;
ALTER TABLE meta ADD COLUMN pause_since INTEGER;
-- What the file was when it was opened last: its number on its disk, and when it was made, in nanoseconds since 1970. A copy differs.
ALTER TABLE meta ADD COLUMN inode INTEGER;
ALTER TABLE meta ADD COLUMN born INTEGER;
ALTER TABLE targets ADD COLUMN pause_why TEXT;
ALTER TABLE targets ADD COLUMN pause_since INTEGER;
ALTER TABLE releases ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1));

-- Events of which nothing came, since everything that they release was known, were not told apart before.
UPDATE events SET body = NULL, unwanted = coalesce(unwanted, 'everything that it releases was known')
    WHERE (unwanted IS NULL OR body IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM items WHERE items.event = events.seq);

CREATE INDEX items_old ON items (settled_at, id) WHERE phase = 'settled' AND snapshot <> '';
CREATE INDEX events_unwanted ON events (received_at, seq) WHERE unwanted IS NOT NULL;
-- Only what is of no item, of which there is little: history is written on the way of every event.
CREATE INDEX history_event ON history (event) WHERE item IS NULL AND event IS NOT NULL;
CREATE INDEX history_of_nothing ON history (at, seq) WHERE item IS NULL AND event IS NULL;
