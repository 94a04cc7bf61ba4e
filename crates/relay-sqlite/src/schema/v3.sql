-- Version 3: pauses by a person, releases that were forgotten, and what compaction looks for.

ALTER TABLE meta ADD COLUMN pause_why TEXT;
ALTER TABLE meta ADD COLUMN pause_since INTEGER;
-- The file's number in its file system when it was opened last: a copy has another.
ALTER TABLE meta ADD COLUMN inode INTEGER;
ALTER TABLE targets ADD COLUMN pause_why TEXT;
ALTER TABLE targets ADD COLUMN pause_since INTEGER;
ALTER TABLE releases ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1));

CREATE INDEX items_old ON items (settled_at) WHERE phase = 'settled' AND standing <> 'parked' AND snapshot <> '';
CREATE INDEX events_unwanted ON events (received_at) WHERE unwanted IS NOT NULL;
CREATE INDEX events_workspace ON events (workspace) WHERE workspace IS NOT NULL;
CREATE INDEX history_event ON history (event) WHERE event IS NOT NULL;
