//! **Here**: what every [`Journal`] promises, one clause a function; [`run_all`] runs each over a fresh journal.
//! **Not here**: durability (an engine's own tests stop the process), speed (benches).
//! **Reads**: `journal`, by its trait only.
//! **Source**: DESIGN sections 2, 5 and 6.
//!
//! # Panics
//! Every clause panics, naming itself, when the journal breaks it; that is what it is for.
//!
//! Example: a journal of your own runs the whole suite; [`admin`] has that of the second trait.
//!
//! ```
//! use relay_core::journal::{Journal, MemoryJournal};
//! use relay_core::testing::contract;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let n = contract::journal::run_all(|| async { Box::new(MemoryJournal::new()) as Box<dyn Journal> }).await;
//! assert!(n > 90);
//! # }
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::journal::Journal;

pub use self::history::history_makes_items;

pub mod accept;
pub mod admin;
pub mod budget;
pub mod claim;
pub mod closing;
pub mod commands;
pub mod controls;
pub mod following;
mod history;
pub mod lanes;
pub mod leases;
pub mod line;
pub mod standing;
pub mod tracking;
mod tracks;
mod trial;
pub mod unknown;
mod view;

/// A clause under way.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// One clause: its name, and how to run it over a fresh, empty journal.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Clause {
    /// Its name, such as `lanes::latest_supersedes_what_waits`.
    pub name: &'static str,
    /// Runs it; panics when it does not hold.
    pub run: for<'a> fn(&'a dyn Journal) -> Verdict<'a>,
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clause").field(&self.name).finish()
    }
}

macro_rules! clauses {
    ($($file:ident: $($name:ident),+;)+) => {
        /// All clauses, in the order in which the files tell them.
        pub const CLAUSES: &[Clause] = &[
            $($(Clause {
                name: concat!(stringify!($file), "::", stringify!($name)),
                run: |journal| Box::pin($file::$name(journal)),
            },)+)+
        ];
    };
}

clauses! {
    accept:
        an_event_is_taken_once,
        a_release_is_taken_once,
        registered_again_parks,
        registered_again_is_ignored_on_request,
        registered_again_goes_out_on_request,
        every_route_gets_its_item,
        unwanted_events_are_kept_without_their_body,
        unreadable_elements_are_kept_once_and_bounded,
        one_delivery_holds_all_kinds,
        bodies_are_kept_byte_for_byte,
        key_columns_are_kept,
        an_empty_delivery_is_accepted,
        what_cannot_be_sent_parks_on_arrival,
        a_batch_that_fails_leaves_nothing;
    claim:
        nothing_is_sent_before_its_target_was_checked,
        a_check_without_an_answer_stops_nothing,
        an_item_is_claimed_once,
        a_claim_gives_at_most_max,
        larger_priority_goes_first,
        facts_come_before_sending,
        the_next_due_time_is_not_too_late,
        a_full_claim_says_that_there_is_more,
        scans_come_in_pages;
    leases:
        the_end_of_a_look_frees_the_item,
        the_end_of_a_send_means_unknown,
        leases_of_one_lane_may_end_together,
        a_lost_send_remembers_when_it_left,
        an_old_fence_changes_nothing,
        a_fenced_write_spares_its_batch,
        a_lost_check_is_asked_for_again,
        a_lost_check_is_asked_for_again_though_its_repository_was_opened,
        a_clock_that_jumps_back_takes_due_times_with_it;
    lanes:
        latest_supersedes_what_waits,
        latest_is_the_latest_of_a_delivery,
        latest_supersedes_what_arrives_late,
        latest_waits_for_what_is_in_flight,
        latest_does_not_repeat_what_is_outdated,
        latest_never_resends_after_a_newer_one,
        latest_goes_on_after_parking,
        every_version_goes_in_order,
        every_version_waits_for_the_one_before,
        every_lane_is_held_by_what_parks_until_refused,
        every_lane_is_held_by_what_parks_until_replayed,
        every_version_that_comes_late_parks,
        every_version_that_comes_while_a_newer_one_is_sent,
        lanes_are_independent,
        event_times_order_where_asked,
        orders_are_never_mixed;
    line:
        the_first_may_come_last,
        what_a_person_decides_brings_the_next_one_forward,
        what_is_repeated_goes_behind_an_older_one,
        what_is_judged_is_waited_for,
        an_allowed_one_leaves_the_others_as_they_were,
        what_came_late_parks_while_a_newer_one_is_sent_again,
        a_lane_of_both_modes_forgets_nobody,
        a_paused_line_goes_on_where_it_stands,
        an_earlier_generation_hands_its_lane_on,
        an_earlier_generation_is_not_sent_after_a_later_one;
    closing:
        dispatched_is_a_verdict,
        an_answer_may_close_the_principal,
        what_can_never_be_accepted_parks,
        a_worker_may_park,
        a_blocked_principal_closes_its_targets,
        a_blocked_principal_is_checked_every_ten_minutes,
        a_blocked_target_is_checked_every_ten_minutes,
        what_is_blocked_is_checked_on_command,
        a_blocked_target_closes_its_repository,
        what_is_closed_is_closed_for_what_comes_later,
        a_check_that_is_told_no_blocks,
        a_limit_closes_the_principal_until_then,
        the_latest_limit_counts,
        what_was_not_sent_is_repeated_for_a_day,
        blocked_time_does_not_count,
        a_limit_stops_every_question;
    unknown:
        unknown_follows_the_policy,
        looks_come_when_they_are_due,
        the_probe_window_is_the_routes,
        a_run_that_is_seen_means_dispatched,
        a_run_seen_later_makes_the_target_known,
        what_is_not_seen_is_sent_once_more,
        where_no_id_is_shown_nothing_is_sent_again,
        a_failed_look_is_not_not_seen,
        a_look_closes_what_it_is_told,
        what_is_not_seen_gives_way_to_a_newer_version,
        what_is_seen_is_followed_by_the_newer_version;
    budget:
        no_minute_has_more_than_its_budget,
        no_hour_has_more_than_its_budget,
        a_window_holds_wherever_requests_arrive,
        a_window_holds_where_a_lease_ended_first,
        requests_keep_their_distance,
        no_more_than_so_many_are_under_way,
        each_principal_has_its_budget;
    commands:
        a_replay_is_a_new_generation,
        a_replay_is_refused_with_a_reason,
        an_older_version_is_replayed_only_on_request,
        an_older_version_may_go_before_a_newer_one_that_waits,
        only_what_is_parked_can_be_refused,
        an_allowed_older_version_passes_what_is_parked,
        only_what_waits_can_be_cancelled,
        cancelling_frees_the_lane;
    tracking:
        what_was_dispatched_is_followed_to_its_end,
        a_run_that_the_answer_names_is_followed_at_once,
        a_run_that_settled_an_unknown_outcome_is_followed,
        what_is_not_seen_in_time_is_one_alarm,
        each_step_is_late_once,
        a_run_that_failed_is_an_alarm,
        what_hides_the_relay_id_is_not_looked_for,
        where_nobody_knows_absence_is_no_alarm,
        a_route_says_what_is_followed,
        a_replay_is_followed_on_its_own;
    following:
        a_lost_look_is_repeated,
        a_failed_look_for_a_run_is_repeated,
        what_cannot_be_looked_for_is_given_up,
        failing_looks_are_late_as_well,
        looks_for_runs_keep_their_pace,
        following_delays_no_send,
        a_blocked_target_is_followed_once_it_is_open,
        a_clock_that_jumps_back_takes_deadlines_with_it,
        a_run_that_others_saw_is_followed,
        tracks_come_in_pages;
    controls:
        a_paused_journal_sends_nothing,
        a_paused_repository_holds_back_only_itself,
        a_pause_of_nothing_is_refused,
        paused_time_does_not_count,
        everything_parked_is_replayed,
        what_is_replayed_together_keeps_its_order,
        everything_at_all_is_not_replayed,
        what_is_forgotten_is_new,
        only_what_is_over_is_forgotten,
        what_is_forgotten_is_replayed_only_by_name;
    standing:
        what_waits_is_counted_by_target,
        what_is_parked_is_counted_until_somebody_decides,
        the_latest_attempts_are_read;
}

/// Runs every clause, each over a journal of its own that `make` gives: fresh and empty. Gives their number.
///
/// # Panics
/// At the first clause that does not hold, naming it. Run [`CLAUSES`] one by one, each in a test or task of its own, to
/// see all that do not.
pub async fn run_all<F, Fut>(make: F) -> usize
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Box<dyn Journal>> + Send,
{
    for clause in CLAUSES {
        let journal = make().await;
        (clause.run)(&*journal).await;
    }
    CLAUSES.len()
}
