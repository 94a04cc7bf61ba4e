-- Version 1. Moments are milliseconds since 1970 (UTC); text is compared byte by byte; bodies are bytes, verbatim.
-- `PRAGMA application_id` and `PRAGMA user_version` are set in the same transaction by schema/mod.rs.

CREATE TABLE meta (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    epoch        INTEGER NOT NULL,
    fence        INTEGER NOT NULL,
    clock        INTEGER NOT NULL,
    n_unreadable INTEGER NOT NULL,
    -- 1 between a close and the next open; 0 while somebody owns the journal, and after a crash.
    clean        INTEGER NOT NULL CHECK (clean IN (0, 1))
) STRICT;

INSERT INTO meta (id, epoch, fence, clock, n_unreadable, clean) VALUES (1, 0, 0, 0, 0, 1);

CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    key         TEXT NOT NULL UNIQUE,
    event_type  TEXT NOT NULL,
    subject     TEXT,
    workspace   TEXT,
    model       TEXT,
    version     TEXT,
    time        TEXT,
    release_key TEXT NOT NULL,
    body        BLOB,
    unwanted    TEXT,
    received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE unreadable (
    id          INTEGER PRIMARY KEY,
    digest      TEXT NOT NULL UNIQUE,
    body        BLOB NOT NULL,
    why         TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE principals (
    name         TEXT PRIMARY KEY,
    closed_until INTEGER,
    block_why    TEXT,
    block_since  INTEGER,
    blocked_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE targets (
    key            TEXT PRIMARY KEY,
    principal      TEXT NOT NULL,
    repository     TEXT NOT NULL,
    event_type     TEXT NOT NULL,
    asked_epoch    INTEGER,
    checked_epoch  INTEGER,
    found          TEXT,
    check_due_at   INTEGER,
    shows_relay_id INTEGER NOT NULL CHECK (shows_relay_id IN (0, 1)),
    block_why      TEXT,
    block_since    INTEGER,
    blocked_ms     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE items (
    id             INTEGER PRIMARY KEY,
    relay_id       TEXT NOT NULL UNIQUE,
    dispatch_key   TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    event          INTEGER NOT NULL REFERENCES events (seq),
    route          TEXT NOT NULL,
    snapshot       TEXT NOT NULL,
    policy         TEXT NOT NULL,
    -- The policy's priority, negated: so that one ascending index holds the order of claims.
    rank           INTEGER NOT NULL,
    target         TEXT NOT NULL REFERENCES targets (key),
    principal      TEXT NOT NULL,
    lane           TEXT,
    place          TEXT,
    allow_older    INTEGER NOT NULL CHECK (allow_older IN (0, 1)),
    created_at     INTEGER NOT NULL,
    -- From here on: what changes.
    phase          TEXT NOT NULL CHECK (phase IN ('judging', 'waiting', 'sending', 'probing', 'settled')),
    verdict        TEXT,
    -- The verdict's word, or the phase's where there is no verdict: what is counted and filtered by.
    standing       TEXT NOT NULL,
    due_at         INTEGER NOT NULL,
    lease_fence    INTEGER,
    lease_epoch    INTEGER,
    lease_until    INTEGER,
    n_attempts     INTEGER NOT NULL,
    n_not_sent     INTEGER NOT NULL,
    retry_at       INTEGER,
    retry_blocked  INTEGER,
    unknown_since  INTEGER,
    n_looks        INTEGER NOT NULL,
    n_resends      INTEGER NOT NULL,
    holds_lane     INTEGER NOT NULL CHECK (holds_lane IN (0, 1)),
    settled_at     INTEGER
) STRICT;

-- Only what is not settled, so that a million settled items cost a claim nothing. Target and rank come before the due
-- time: a claim steps over a closed target, and over what is due later, in one seek.
CREATE INDEX items_due ON items (phase, target, rank, due_at, id) WHERE phase <> 'settled' AND lease_fence IS NULL;
CREATE INDEX items_next_due ON items (due_at) WHERE phase <> 'settled' AND lease_fence IS NULL;
CREATE INDEX items_leased ON items (lease_until, lease_epoch) WHERE phase <> 'settled' AND lease_fence IS NOT NULL;
CREATE INDEX items_wanted ON items (target) WHERE phase <> 'settled';
CREATE INDEX items_lane ON items (lane) WHERE holds_lane = 1;
CREATE INDEX items_event ON items (event);
CREATE INDEX items_standing ON items (standing);

-- Never compacted: what was released once is never released again by itself.
CREATE TABLE releases (
    dispatch_key TEXT PRIMARY KEY,
    generation   INTEGER NOT NULL,
    item         INTEGER NOT NULL REFERENCES items (id),
    registered_s INTEGER,
    registered_n INTEGER
) STRICT, WITHOUT ROWID;

-- The highest place of each lane that went out, or may have. Never compacted.
CREATE TABLE lanes (
    lane TEXT PRIMARY KEY,
    mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    fence      INTEGER PRIMARY KEY,
    item       INTEGER NOT NULL REFERENCES items (id),
    principal  TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;

CREATE INDEX attempts_started ON attempts (principal, started_at);
CREATE INDEX attempts_ended ON attempts (principal, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX attempts_open ON attempts (principal) WHERE ended_at IS NULL;
CREATE INDEX attempts_old ON attempts (started_at) WHERE ended_at IS NOT NULL;

CREATE TABLE history (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    event INTEGER REFERENCES events (seq),
    item  INTEGER REFERENCES items (id),
    entry TEXT NOT NULL
) STRICT;

CREATE INDEX history_item ON history (item) WHERE item IS NOT NULL;
