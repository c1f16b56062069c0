//! One suite for every store: what the loop of a shard relies on, told as stories and run against each backend, and
//! beside it what only one backend promises.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what a story or its helper did not expect ends it"
)]

#[path = "store/durable.rs"]
mod durable;
#[path = "store/embedded.rs"]
mod embedded;
#[path = "simulation/fate.rs"]
#[expect(dead_code, reason = "here nothing goes wrong")]
mod fate;
#[path = "simulation/link.rs"]
#[expect(dead_code, reason = "here nothing goes wrong")]
mod link;
#[path = "store/material.rs"]
mod material;
#[path = "store/memory.rs"]
mod memory;
#[path = "store/modelled.rs"]
mod modelled;
#[path = "common/port.rs"]
mod port;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "store/redis.rs"]
mod redis;
#[path = "common/redis.rs"]
mod redis_server;
#[path = "simulation/store.rs"]
#[expect(dead_code, reason = "here nothing goes wrong")]
mod simulated;
#[path = "store/suite.rs"]
mod suite;

/// Runs every story of the suite against a backend: `open` gives two handles on one empty store.
macro_rules! stories {
    ($($backend:ident),*: $stories:tt) => { $(stories!(@ $backend $stories);)* };
    (@ $backend:ident { $($story:ident,)* }) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $story() {
                    let fixture = crate::$backend::Fixture::start().await;
                    let (one, other) = fixture.open().await;
                    crate::suite::$story(&*one, &*other).await;
                }
            )*
        }
    };
}

mod on {
    stories! { memory, modelled, embedded, redis: {
        an_empty_shard_has_no_head_no_records_and_no_watermark,
        what_is_appended_is_read_in_order_and_the_head_moves,
        a_read_returns_at_most_what_was_asked_for,
        shards_do_not_see_each_other,
        every_take_over_has_a_higher_epoch_and_another_token,
        an_epoch_is_above_the_floor_it_was_given,
        an_owner_that_was_replaced_can_write_nothing,
        a_token_of_the_right_epoch_with_another_nonce_is_refused,
        nobody_writes_before_a_shard_was_acquired,
        an_append_behind_a_wrong_head_changes_nothing,
        an_append_behind_the_right_number_with_a_wrong_hash_is_refused,
        the_same_append_again_counts_as_success_and_is_written_once,
        another_batch_in_the_place_of_a_written_one_is_refused,
        a_batch_with_a_gap_is_refused_before_anything_is_written,
        records_rows_and_blobs_are_written_together_or_not_at_all,
        the_last_write_of_a_row_wins_also_when_it_removes_it,
        rows_come_back_in_the_order_they_were_asked_for,
        every_shard_that_was_taken_over_is_listed,
        every_row_of_a_kind_is_listed_once,
        the_newest_two_snapshots_are_kept_newest_first,
        a_snapshot_saved_again_replaces_itself,
        a_snapshot_beyond_the_journal_is_refused,
        a_large_snapshot_comes_back_whole,
        trimming_removes_what_both_snapshots_contain_and_nothing_else,
        a_trimmed_journal_goes_on_where_it_ended,
        the_watermark_never_falls,
        attempts_count_the_lives_in_which_a_message_was_tried_until_they_are_forgotten,
        a_batch_of_512_records_is_one_append,
        bodies_of_256_kib_come_back_unchanged,
        of_two_owners_that_acquire_at_once_one_can_write,
        of_two_appends_at_once_one_is_refused,
        a_store_in_order_says_so,
    }}
}
