//! The stories that every store must live up to. Each gets two handles on one empty store.

use bytes::Bytes;
use picket::shard::ports::{Batch, DirectoryKind, Entry, Head, Snapshot, Store, Token};

use crate::material::{
    SHARD, acquire, batch, entry, found_head, head, is_damaged, is_fenced, key, owner_with, records, row, snapshot,
};

pub(crate) async fn an_empty_shard_has_no_head_no_records_and_no_watermark(one: &dyn Store, _: &dyn Store) {
    assert_eq!(one.head(SHARD).await.unwrap(), Head::default());
    assert_eq!(one.read(SHARD, 0, 10).await.unwrap(), []);
    assert_eq!(one.watermark(SHARD).await.unwrap(), 0);
    assert_eq!(one.snapshots(SHARD).await.unwrap(), []);
    assert_eq!(one.directory(SHARD, &[key(DirectoryKind::Agent, "ann")]).await.unwrap(), [None]);
    assert_eq!(one.directory(SHARD, &[]).await.unwrap(), []);
    assert_eq!(one.blob(SHARD, "abc").await.unwrap(), None);
}

pub(crate) async fn what_is_appended_is_read_in_order_and_the_head_moves(one: &dyn Store, other: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 3).await;
    assert_eq!(end, head("ann", 3));
    let end = one.append(SHARD, &token, &end, &batch("ann", &end, 2)).await.unwrap();
    assert_eq!(end, head("ann", 5));
    assert_eq!(other.head(SHARD).await.unwrap(), end);
    let written: Vec<Entry> = (1..=5).map(|seq| entry("ann", seq)).collect();
    assert_eq!(other.read(SHARD, 0, 100).await.unwrap(), written);
    assert_eq!(other.read(SHARD, 3, 100).await.unwrap(), written[3..]);
    assert_eq!(other.read(SHARD, 5, 100).await.unwrap(), []);
    assert_eq!(other.read(SHARD, 9, 100).await.unwrap(), []);
}

pub(crate) async fn a_read_returns_at_most_what_was_asked_for(one: &dyn Store, _: &dyn Store) {
    owner_with(one, "ann", 5).await;
    let seqs: Vec<u64> = one.read(SHARD, 1, 2).await.unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [2, 3]);
    assert_eq!(one.read(SHARD, 1, 0).await.unwrap(), []);
}

pub(crate) async fn shards_do_not_see_each_other(one: &dyn Store, _: &dyn Store) {
    let (token, _) = owner_with(one, "ann", 3).await;
    one.set_watermark(SHARD, &token, 7).await.unwrap();
    assert_eq!(one.head("s2").await.unwrap(), Head::default());
    assert_eq!(one.watermark("s2").await.unwrap(), 0);
    let (second, start) = one.acquire("s2", "picket-1", "bob", 0).await.unwrap();
    assert_eq!(start, Head::default());
    let mut write = batch("bob", &start, 1);
    write.directory.push(row(DirectoryKind::Agent, "ann", Some("{}")));
    write.blobs.push(("abc".to_owned(), Bytes::from_static(b"rules")));
    one.append("s2", &second, &start, &write).await.unwrap();
    assert_eq!(records(one).await.len(), 3);
    assert_eq!(one.directory(SHARD, &[key(DirectoryKind::Agent, "ann")]).await.unwrap(), [None]);
    assert_eq!(one.blob(SHARD, "abc").await.unwrap(), None);
    assert!(is_fenced(&one.set_watermark("s2", &token, 1).await));
}

pub(crate) async fn every_take_over_has_a_higher_epoch_and_another_token(one: &dyn Store, other: &dyn Store) {
    let (first, _) = acquire(one, "a").await;
    let (second, _) = acquire(other, "b").await;
    let (third, _) = acquire(one, "c").await;
    assert!(first.epoch < second.epoch && second.epoch < third.epoch, "{first} {second} {third}");
    assert_eq!(third.nonce, "c");
}

pub(crate) async fn an_epoch_is_above_the_floor_it_was_given(one: &dyn Store, _: &dyn Store) {
    // A floor in milliseconds of the year 2286 still counts exactly.
    let (high, _) = one.acquire(SHARD, "picket-1", "a", 9_999_999_999_999).await.unwrap();
    assert!(high.epoch > 9_999_999_999_999, "{high}");
    let (next, _) = acquire(one, "b").await;
    assert!(next.epoch > high.epoch, "{next}");
}

pub(crate) async fn an_owner_that_was_replaced_can_write_nothing(one: &dyn Store, other: &dyn Store) {
    let (old, end) = owner_with(one, "ann", 3).await;
    let (new, found) = acquire(other, "bob").await;
    assert_eq!(found, end);
    assert!(is_fenced(&one.append(SHARD, &old, &end, &batch("ann", &end, 1)).await));
    assert!(is_fenced(&one.save_snapshot(SHARD, &old, &snapshot("ann", 3)).await));
    assert!(is_fenced(&one.trim(SHARD, &old, 3).await));
    assert!(is_fenced(&one.note_attempt(SHARD, &old, "m", "life-1").await));
    assert!(is_fenced(&one.forget_attempts(SHARD, &old, None).await));
    let refused = one.set_watermark(SHARD, &old, 9).await;
    assert!(is_fenced(&refused));
    assert!(refused.unwrap_err().to_string().contains(&new.to_string()));
    assert_eq!(records(other).await.len(), 3);
    assert_eq!(other.snapshots(SHARD).await.unwrap(), []);
    assert_eq!(other.watermark(SHARD).await.unwrap(), 0);
    other.append(SHARD, &new, &end, &batch("bob", &end, 1)).await.unwrap();
}

pub(crate) async fn a_token_of_the_right_epoch_with_another_nonce_is_refused(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 1).await;
    let forged = Token { nonce: "other".to_owned(), ..token };
    assert!(is_fenced(&one.append(SHARD, &forged, &end, &batch("ann", &end, 1)).await));
    assert_eq!(one.head(SHARD).await.unwrap(), end);
}

pub(crate) async fn nobody_writes_before_a_shard_was_acquired(one: &dyn Store, _: &dyn Store) {
    let token = Token { epoch: 0, nonce: String::new() };
    let start = Head::default();
    assert!(is_fenced(&one.append(SHARD, &token, &start, &batch("ann", &start, 1)).await));
    assert_eq!(one.head(SHARD).await.unwrap(), start);
}

pub(crate) async fn an_append_behind_a_wrong_head_changes_nothing(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 3).await;
    for wrong in [Head::default(), head("ann", 2), head("ann", 4)] {
        let mut write = batch("bob", &wrong, 3);
        write.directory.push(row(DirectoryKind::Agent, "ann", Some("{}")));
        let refused = one.append(SHARD, &token, &wrong, &write).await;
        assert_eq!(found_head(refused), end);
    }
    assert_eq!(records(one).await.len(), 3);
    assert_eq!(one.directory(SHARD, &[key(DirectoryKind::Agent, "ann")]).await.unwrap(), [None]);
}

pub(crate) async fn an_append_behind_the_right_number_with_a_wrong_hash_is_refused(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 3).await;
    let forked = Head { hash: "fork".to_owned(), ..end.clone() };
    let refused = one.append(SHARD, &token, &forked, &batch("ann", &forked, 1)).await;
    assert_eq!(found_head(refused), end);
}

pub(crate) async fn the_same_append_again_counts_as_success_and_is_written_once(one: &dyn Store, other: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 2).await;
    let write = batch("ann", &end, 3);
    let first = one.append(SHARD, &token, &end, &write).await.unwrap();
    let again = one.append(SHARD, &token, &end, &write).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(other.append(SHARD, &token, &end, &write).await.unwrap(), first);
    assert_eq!(records(one).await.len(), 5);
}

pub(crate) async fn another_batch_in_the_place_of_a_written_one_is_refused(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 2).await;
    let written = one.append(SHARD, &token, &end, &batch("ann", &end, 3)).await.unwrap();
    let refused = one.append(SHARD, &token, &end, &batch("bob", &end, 3)).await;
    assert_eq!(found_head(refused), written);
}

pub(crate) async fn a_batch_with_a_gap_is_refused_before_anything_is_written(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 2).await;
    let gap = Batch { entries: vec![entry("ann", 3), entry("ann", 5)], ..Batch::default() };
    assert!(is_damaged(&one.append(SHARD, &token, &end, &gap).await));
    assert_eq!(one.head(SHARD).await.unwrap(), end);
    assert_eq!(records(one).await.len(), 2);
}

pub(crate) async fn records_rows_and_blobs_are_written_together_or_not_at_all(one: &dyn Store, other: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 1).await;
    let mut write = batch("ann", &end, 1);
    write.directory = vec![row(DirectoryKind::Customer, "c1", Some("{\"name\":\"Dr. Weiß\"}"))];
    write.blobs = vec![("abc".to_owned(), Bytes::from_static(b"\x00\xffrules"))];
    let rows = [key(DirectoryKind::Customer, "c1")];
    let forged = Token { nonce: "other".to_owned(), ..token.clone() };
    assert!(is_fenced(&one.append(SHARD, &forged, &end, &write).await));
    found_head(one.append(SHARD, &token, &head("ann", 9), &Batch { entries: Vec::new(), ..write.clone() }).await);
    assert_eq!(other.directory(SHARD, &rows).await.unwrap(), [None]);
    assert_eq!(other.blob(SHARD, "abc").await.unwrap(), None);
    one.append(SHARD, &token, &end, &write).await.unwrap();
    assert_eq!(
        other.directory(SHARD, &rows).await.unwrap(),
        [Some(Bytes::from_static("{\"name\":\"Dr. Weiß\"}".as_bytes()))]
    );
    assert_eq!(other.blob(SHARD, "abc").await.unwrap(), Some(Bytes::from_static(b"\x00\xffrules")));
    assert_eq!(other.head(SHARD).await.unwrap(), head("ann", 2));
}

pub(crate) async fn the_last_write_of_a_row_wins_also_when_it_removes_it(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 1).await;
    let mut write = batch("ann", &end, 1);
    write.directory = vec![
        row(DirectoryKind::Value, "kept", None),
        row(DirectoryKind::Value, "kept", Some("1")),
        row(DirectoryKind::Value, "kept", Some("2")),
        row(DirectoryKind::Value, "gone", Some("1")),
        row(DirectoryKind::Value, "gone", None),
    ];
    let end = one.append(SHARD, &token, &end, &write).await.unwrap();
    let rows = [key(DirectoryKind::Value, "kept"), key(DirectoryKind::Value, "gone")];
    assert_eq!(one.directory(SHARD, &rows).await.unwrap(), [Some(Bytes::from_static(b"2")), None]);
    // Rows alone move no head, and may be written again.
    let rest = Batch { directory: vec![row(DirectoryKind::Value, "kept", None)], ..Batch::default() };
    assert_eq!(one.append(SHARD, &token, &end, &rest).await.unwrap(), end);
    assert_eq!(one.append(SHARD, &token, &end, &rest).await.unwrap(), end);
    assert_eq!(one.directory(SHARD, &rows).await.unwrap(), [None, None]);
}

pub(crate) async fn rows_come_back_in_the_order_they_were_asked_for(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 1).await;
    let kinds = [
        (DirectoryKind::Customer, "customer"),
        (DirectoryKind::Account, "account"),
        (DirectoryKind::Agent, "agent"),
        (DirectoryKind::Address, "address"),
        (DirectoryKind::Familiarity, "familiarity"),
        (DirectoryKind::Value, "value"),
        (DirectoryKind::Contact, "contact"),
        (DirectoryKind::Forward, "forward"),
    ];
    let mut write = batch("ann", &end, 1);
    // The same id in every kind: kinds must not share rows.
    write.directory = kinds.iter().map(|(kind, body)| row(*kind, "x:{1}/é", Some(body))).collect();
    one.append(SHARD, &token, &end, &write).await.unwrap();
    let mut keys = Vec::new();
    let mut bodies = Vec::new();
    for (kind, body) in kinds.iter().rev().chain(&kinds) {
        keys.extend([key(*kind, "x:{1}/é"), key(*kind, "nobody")]);
        bodies.extend([Some(Bytes::from_static(body.as_bytes())), None]);
    }
    assert_eq!(one.directory(SHARD, &keys).await.unwrap(), bodies);
}

pub(crate) async fn every_row_of_a_kind_is_listed_once(one: &dyn Store, other: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 1).await;
    // More than one page of a server's list.
    let names: Vec<String> = (0..2500).map(|number| format!("customer {number:04}")).collect();
    for page in names.chunks(500) {
        let rows = page.iter().map(|name| row(DirectoryKind::Customer, name, Some("{}"))).collect();
        let write = Batch { directory: rows, ..Batch::default() };
        assert_eq!(one.append(SHARD, &token, &end, &write).await.unwrap(), end, "no record moves no head");
    }
    let gone = Batch {
        directory: vec![row(DirectoryKind::Customer, &names[7], None), row(DirectoryKind::Agent, "ann", Some("{}"))],
        ..Batch::default()
    };
    one.append(SHARD, &token, &end, &gone).await.unwrap();
    let mut listed = other.rows(SHARD, DirectoryKind::Customer).await.unwrap();
    listed.sort();
    let wanted = names.iter().filter(|name| **name != names[7]);
    assert_eq!(listed, wanted.map(|name| (name.clone(), Bytes::from_static(b"{}"))).collect::<Vec<_>>());
    assert_eq!(other.rows(SHARD, DirectoryKind::Account).await.unwrap(), []);
    assert_eq!(other.rows("elsewhere", DirectoryKind::Customer).await.unwrap(), []);
}

pub(crate) async fn every_shard_that_was_taken_over_is_listed(one: &dyn Store, other: &dyn Store) {
    let shards = async || {
        let mut shards = other.shards().await.unwrap();
        shards.retain(|shard| shard.starts_with("listed"));
        shards.sort();
        shards
    };
    assert_eq!(other.head("listed-c").await.unwrap(), Head::default());
    assert!(shards().await.is_empty(), "a shard that was only looked at is there");
    for shard in ["listed-b", "listed-a", "listed-b"] {
        one.acquire(shard, "ann", "nonce", 0).await.unwrap();
    }
    assert_eq!(shards().await, ["listed-a", "listed-b"]);
}

pub(crate) async fn the_newest_two_snapshots_are_kept_newest_first(one: &dyn Store, other: &dyn Store) {
    let (token, _) = owner_with(one, "ann", 9).await;
    one.save_snapshot(SHARD, &token, &snapshot("ann", 2)).await.unwrap();
    assert_eq!(other.snapshots(SHARD).await.unwrap(), [snapshot("ann", 2)]);
    for seq in [7, 5, 3, 9] {
        one.save_snapshot(SHARD, &token, &snapshot("ann", seq)).await.unwrap();
    }
    assert_eq!(other.snapshots(SHARD).await.unwrap(), [snapshot("ann", 9), snapshot("ann", 7)]);
    one.save_snapshot(SHARD, &token, &snapshot("ann", 8)).await.unwrap();
    assert_eq!(other.snapshots(SHARD).await.unwrap(), [snapshot("ann", 9), snapshot("ann", 8)]);
}

pub(crate) async fn a_snapshot_saved_again_replaces_itself(one: &dyn Store, _: &dyn Store) {
    let (token, _) = owner_with(one, "ann", 9).await;
    for seq in [5, 9] {
        one.save_snapshot(SHARD, &token, &snapshot("ann", seq)).await.unwrap();
    }
    let better = |seq| Snapshot { head: head("ann", seq), body: Bytes::from(format!("better state at {seq}")) };
    for seq in [5, 9] {
        one.save_snapshot(SHARD, &token, &better(seq)).await.unwrap();
    }
    assert_eq!(one.snapshots(SHARD).await.unwrap(), [better(9), better(5)]);
}

pub(crate) async fn a_snapshot_beyond_the_journal_is_refused(one: &dyn Store, _: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 3).await;
    assert_eq!(found_head(one.save_snapshot(SHARD, &token, &snapshot("ann", 4)).await), end);
    assert_eq!(one.snapshots(SHARD).await.unwrap(), []);
}

pub(crate) async fn a_large_snapshot_comes_back_whole(one: &dyn Store, other: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 1).await;
    let body: Vec<u8> = (0..5_000_003_u32).map(|at| (at % 251) as u8).collect();
    let large = Snapshot { head: end.clone(), body: body.into() };
    one.save_snapshot(SHARD, &token, &large).await.unwrap();
    assert!(other.snapshots(SHARD).await.unwrap() == [large], "five megabytes changed on the way");
    let empty = Snapshot { head: end, body: Bytes::new() };
    one.save_snapshot(SHARD, &token, &empty).await.unwrap();
    assert_eq!(other.snapshots(SHARD).await.unwrap(), [empty]);
}

pub(crate) async fn trimming_removes_what_both_snapshots_contain_and_nothing_else(one: &dyn Store, _: &dyn Store) {
    let (token, _) = owner_with(one, "ann", 9).await;
    one.trim(SHARD, &token, 9).await.unwrap();
    assert_eq!(records(one).await.len(), 9, "no snapshot contains them");
    one.save_snapshot(SHARD, &token, &snapshot("ann", 6)).await.unwrap();
    one.save_snapshot(SHARD, &token, &snapshot("ann", 8)).await.unwrap();
    one.trim(SHARD, &token, 4).await.unwrap();
    assert_eq!(records(one).await.first(), Some(&(5, "ann-5".to_owned())));
    one.trim(SHARD, &token, 9).await.unwrap();
    assert_eq!(records(one).await.first(), Some(&(7, "ann-7".to_owned())));
    one.trim(SHARD, &token, 2).await.unwrap();
    assert_eq!(records(one).await.len(), 3);
    let seqs: Vec<u64> = one.read(SHARD, 2, 2).await.unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [7, 8]);
}

pub(crate) async fn a_trimmed_journal_goes_on_where_it_ended(one: &dyn Store, other: &dyn Store) {
    let (token, end) = owner_with(one, "ann", 4).await;
    one.save_snapshot(SHARD, &token, &snapshot("ann", 4)).await.unwrap();
    one.trim(SHARD, &token, 4).await.unwrap();
    assert_eq!(records(one).await, []);
    let (token, found) = acquire(other, "bob").await;
    assert_eq!(found, end);
    other.append(SHARD, &token, &end, &batch("bob", &end, 1)).await.unwrap();
    assert_eq!(records(one).await, [(5, "bob-5".to_owned())]);
}

pub(crate) async fn attempts_count_the_lives_in_which_a_message_was_tried_until_they_are_forgotten(
    one: &dyn Store,
    other: &dyn Store,
) {
    let (first, _) = acquire(one, "a").await;
    assert_eq!(one.attempts(SHARD).await.unwrap(), 0);
    // The answer to the first call may have been lost: the same call again counts once.
    assert_eq!(one.note_attempt(SHARD, &first, "m-1", "life 1").await.unwrap(), 1);
    assert_eq!(one.note_attempt(SHARD, &first, "m-1", "life 1").await.unwrap(), 1);
    let (second, _) = acquire(other, "b").await;
    assert_eq!(other.note_attempt(SHARD, &second, "m-1", "life 1").await.unwrap(), 1, "the same life in a new term");
    assert_eq!(other.note_attempt(SHARD, &second, "m-1", "life 2").await.unwrap(), 2);
    assert_eq!(other.note_attempt(SHARD, &second, "m-2", "life 2").await.unwrap(), 1);
    assert_eq!((one.attempts(SHARD).await.unwrap(), one.attempts("s2").await.unwrap()), (2, 0));
    other.forget_attempts(SHARD, &second, Some("m-2")).await.unwrap();
    other.forget_attempts(SHARD, &second, Some("never noted")).await.unwrap();
    assert_eq!(other.note_attempt(SHARD, &second, "m-1", "life 3").await.unwrap(), 3);
    assert_eq!(other.note_attempt(SHARD, &second, "m-2", "life 3").await.unwrap(), 1);
    other.forget_attempts(SHARD, &second, None).await.unwrap();
    assert_eq!(one.attempts(SHARD).await.unwrap(), 0);
    assert_eq!(other.note_attempt(SHARD, &second, "m-1", "life 3").await.unwrap(), 1);
}

pub(crate) async fn the_watermark_never_falls(one: &dyn Store, other: &dyn Store) {
    let (token, _) = acquire(one, "ann").await;
    for (number, stands_at) in [(9, 9), (10, 10), (9, 10), (0, 10), (1_000_000_000_000, 1_000_000_000_000)] {
        one.set_watermark(SHARD, &token, number).await.unwrap();
        assert_eq!(other.watermark(SHARD).await.unwrap(), stands_at);
    }
}

pub(crate) async fn a_batch_of_512_records_is_one_append(one: &dyn Store, other: &dyn Store) {
    let (token, start) = acquire(one, "ann").await;
    let mut write = batch("ann", &start, 512);
    write.directory = (0..512).map(|n| row(DirectoryKind::Address, &format!("a{n}"), Some("[]"))).collect();
    let end = one.append(SHARD, &token, &start, &write).await.unwrap();
    assert_eq!(end, head("ann", 512));
    assert_eq!(other.read(SHARD, 0, 1_000).await.unwrap(), write.entries);
    let keys: Vec<_> = write.directory.iter().map(|write| write.key.clone()).collect();
    assert!(other.directory(SHARD, &keys).await.unwrap().iter().all(Option::is_some));
}

pub(crate) async fn bodies_of_256_kib_come_back_unchanged(one: &dyn Store, other: &dyn Store) {
    let (token, start) = acquire(one, "ann").await;
    let mut write = batch("ann", &start, 16);
    for (at, entry) in write.entries.iter_mut().enumerate() {
        entry.body = (0..=u8::MAX).cycle().skip(at).take(256 * 1024).collect();
    }
    one.append(SHARD, &token, &start, &write).await.unwrap();
    assert!(other.read(SHARD, 0, 100).await.unwrap() == write.entries, "a body changed on the way");
}

pub(crate) async fn of_two_owners_that_acquire_at_once_one_can_write(one: &dyn Store, other: &dyn Store) {
    for round in 0..10 {
        let nonces = (format!("a{round}"), format!("b{round}"));
        let (left, right) = tokio::join!(acquire(one, &nonces.0), acquire(other, &nonces.1));
        let (token, head) = if left.0.epoch > right.0.epoch { &left } else { &right };
        let (late, _) = if left.0.epoch > right.0.epoch { &right } else { &left };
        assert_ne!(left.0.epoch, right.0.epoch);
        assert!(is_fenced(&other.append(SHARD, late, head, &batch("late", head, 1)).await));
        one.append(SHARD, token, head, &batch("ann", head, 1)).await.unwrap();
    }
    assert_eq!(records(one).await.len(), 10);
}

pub(crate) async fn of_two_appends_at_once_one_is_refused(one: &dyn Store, other: &dyn Store) {
    let (token, start) = acquire(one, "ann").await;
    let (left, right) = (batch("ann", &start, 2), batch("bob", &start, 2));
    let (first, second) =
        tokio::join!(one.append(SHARD, &token, &start, &left), other.append(SHARD, &token, &start, &right));
    let (written, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    let end = written.unwrap();
    assert_eq!(found_head(refused), end);
    let hashes: Vec<String> = records(one).await.into_iter().map(|(_, hash)| hash).collect();
    let author = end.hash.trim_end_matches("-2");
    assert_eq!(hashes, [format!("{author}-1"), format!("{author}-2")]);
}

pub(crate) async fn a_store_in_order_says_so(one: &dyn Store, other: &dyn Store) {
    one.check().await.unwrap();
    other.check().await.unwrap();
    assert_eq!(one.traits(), other.traits());
}
