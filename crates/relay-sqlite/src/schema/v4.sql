-- Version 4: what became of what was dispatched. Items that were dispatched before have no row, and are not followed.

CREATE TABLE tracks (
    item        INTEGER PRIMARY KEY REFERENCES items (id),
    target      TEXT NOT NULL REFERENCES targets (key),
    stage       TEXT NOT NULL CHECK (stage IN ('seeking', 'following', 'deploying', 'over')),
    -- What it is counted and found by: relay_core::journal::track::Track::standing.
    standing    TEXT NOT NULL,
    since       INTEGER NOT NULL,
    deadline    INTEGER NOT NULL,
    late        INTEGER NOT NULL CHECK (late IN (0, 1)),
    due_at      INTEGER NOT NULL,
    n_looks     INTEGER NOT NULL,
    note        TEXT,
    -- JSON: why nothing more is waited for.
    ending      TEXT,
    lease_fence INTEGER,
    lease_epoch INTEGER,
    lease_until INTEGER
) STRICT;

-- Only what is not over, so that a million tracks that are cost a claim nothing.
CREATE INDEX tracks_open ON tracks (target) WHERE stage <> 'over';
CREATE INDEX tracks_due ON tracks (target, due_at, item) WHERE stage <> 'over' AND lease_fence IS NULL;
CREATE INDEX tracks_next_due ON tracks (due_at) WHERE stage <> 'over' AND lease_fence IS NULL;
CREATE INDEX tracks_leased ON tracks (lease_until, lease_epoch) WHERE stage <> 'over' AND lease_fence IS NOT NULL;
CREATE INDEX tracks_standing ON tracks (standing);

-- Until when the looks of each principal have spent their pace.
CREATE TABLE track_paces (
    principal   TEXT PRIMARY KEY,
    spent_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whether a target's runs are known not to show the relay id; shows_relay_id = 0 alone says that it is not known.
ALTER TABLE targets ADD COLUMN hides_relay_id INTEGER NOT NULL DEFAULT 0 CHECK (hides_relay_id IN (0, 1));
