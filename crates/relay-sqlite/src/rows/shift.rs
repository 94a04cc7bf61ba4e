//! **Here**: the statements that move stored moments when the clock jumped back.
//! **Not here**: when they are moved (`relay_core::journal::verbs`).
//! **Reads**: `schema/*.sql` before it; `write` after it.
//! **Source**: DESIGN section 5, clocks.

/// `column = column + ?1`, at most as far as the ends of the range: a sum beyond them would become a float.
macro_rules! shifted {
    ($column:literal) => {
        concat!(
            $column,
            " = CASE WHEN ?1 > 0 AND ",
            $column,
            " > 9223372036854775807 - ?1 THEN 9223372036854775807 WHEN ?1 < 0 AND ",
            $column,
            " < -9223372036854775807 - 1 - ?1 THEN -9223372036854775807 - 1 ELSE ",
            $column,
            " + ?1 END"
        )
    };
}

/// One for each table that holds moments of the future or of a window.
pub(super) const ALL: [&str; 6] = [
    concat!(
        "UPDATE items SET ",
        shifted!("due_at"),
        ", ",
        shifted!("unknown_since"),
        ", ",
        shifted!("lease_until"),
        ", ",
        shifted!("retry_at"),
        " WHERE phase <> 'settled'"
    ),
    concat!(
        "UPDATE principals SET ",
        shifted!("closed_until"),
        ", ",
        shifted!("block_since")
    ),
    concat!(
        "UPDATE targets SET ",
        shifted!("check_due_at"),
        ", ",
        shifted!("block_since"),
        ", ",
        shifted!("pause_since")
    ),
    concat!(
        "UPDATE attempts SET ",
        shifted!("started_at"),
        ", ",
        shifted!("ended_at")
    ),
    concat!(
        "UPDATE tracks SET ",
        shifted!("since"),
        ", ",
        shifted!("deadline"),
        ", ",
        shifted!("due_at"),
        ", ",
        shifted!("lease_until"),
        " WHERE stage <> 'over'"
    ),
    concat!("UPDATE track_paces SET ", shifted!("spent_until")),
];
