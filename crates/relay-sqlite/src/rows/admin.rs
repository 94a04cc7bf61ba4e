//! **Here**: the statements of what an administrator asks for.
//! **Not here**: what is asked for, and when (`relay_core::journal::verbs`).
//! **Reads**: `schema/*.sql` before it; `write` after it.
//! **Source**: our own.

pub(super) const OPEN_ITEM: &str = "SELECT items.* FROM items JOIN events ON events.seq = items.event \
     WHERE events.workspace = ?1 AND (items.phase <> 'settled' OR items.holds_lane = 1) ORDER BY items.id LIMIT 1";
pub(super) const FORGET_RELEASES: &str = "UPDATE releases SET forgotten = 1 WHERE forgotten = 0 AND item IN \
     (SELECT items.id FROM items JOIN events ON events.seq = items.event WHERE events.workspace = ?1)";
pub(super) const FORGET_LANES: &str = "DELETE FROM lanes WHERE lane IN \
     (SELECT items.lane FROM items JOIN events ON events.seq = items.event WHERE events.workspace = ?1)";
/// A key that no event has: it begins as no source does.
pub(super) const FORGET_EVENTS: &str =
    "UPDATE events SET key = char(10) || 'forgotten ' || seq || ' ' || key WHERE workspace = ?1";
pub(super) const OLD_ITEMS: &str = "SELECT * FROM items WHERE phase = 'settled' AND standing <> 'parked' AND snapshot <> '' \
     AND settled_at < ?1 AND NOT EXISTS (SELECT 1 FROM tracks WHERE tracks.item = items.id AND tracks.stage <> 'over') \
     ORDER BY id LIMIT ?2";
pub(super) const UNWANTED: &str =
    "SELECT seq FROM events WHERE unwanted IS NOT NULL AND received_at < ?1 ORDER BY seq LIMIT ?2";
pub(super) const RESTORE_EVENT: &str = "INSERT INTO events \
     (seq, key, event_type, subject, workspace, model, version, time, release_key, body, unwanted, received_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
pub(super) const RESTORE_HISTORY: &str =
    "INSERT INTO history (seq, at, event, item, entry) VALUES (?1, ?2, ?3, ?4, ?5)";
