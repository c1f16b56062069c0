//! Decides whether the core routes as theory says: each row of the exact tables is simulated by its scenario, and has to
//! come out. Short by default; with `PICKET_LONG=1` five times as precise, and with the rows close to saturation.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

mod golden {
    pub(crate) mod land;
    pub(crate) mod tables;
}

use golden::land::{Reach, land};
use golden::tables;

/// One test per row: its name, its table, its row there.
macro_rules! rows {
    ($($reach:ident $test:ident = $table:ident $row:literal;)*) => {
        $(#[test]
        fn $test() {
            let Some(row) = tables::$table($row) else { return };
            land(&row, Reach::$reach);
        })*

        /// What the tests above are about: table and row.
        const TESTED: &[(&str, &str)] = &[$((stringify!($table), $row)),*];
    };
}

rows! {
    Always erlang_c01 = erlang "C01";
    Always erlang_c02 = erlang "C02";
    Always erlang_c03 = erlang "C03";
    Always erlang_c04 = erlang "C04";
    Always erlang_c05 = erlang "C05";
    LongOnly erlang_c06_near_saturation = erlang "C06";
    LongOnly erlang_c07_near_saturation = erlang "C07";
    LongOnly erlang_c08_near_saturation = erlang "C08";
    Always erlang_c09 = erlang "C09";
    Always erlang_c10 = erlang "C10";
    Always erlang_a01 = erlang "A01";
    Always erlang_a02 = erlang "A02";
    Always erlang_a03 = erlang "A03";
    Always erlang_a04 = erlang "A04";
    Always erlang_a05 = erlang "A05";
    Always erlang_a06 = erlang "A06";
    Always erlang_a07 = erlang "A07";
    Always erlang_a08 = erlang "A08";
    Always erlang_a09 = erlang "A09";
    Always erlang_a10 = erlang "A10";
    Always erlang_a11 = erlang "A11";
    Always erlang_a12 = erlang "A12";
    Always patience_exponential_of_mean_one = patience "whitt_m_1";
    Always patience_erlang_of_mean_one = patience "whitt_e2_1";
    Always patience_lognormal_of_mean_one = patience "whitt_ln_1_1";
    Always patience_exponential_of_mean_four = patience "whitt_m_4";
    Always patience_lognormal_of_mean_four = patience "whitt_ln_4_4";
    Always patience_lognormal_of_mean_four_and_little_spread = patience "whitt_ln_4_025";
    Always priority_without_interruption = router "priority_MMn";
    Always cutoff_of_none = router "cutoff_priority_k0";
    Always cutoff_of_one = router "cutoff_priority_k1";
    Always cutoff_of_two = router "cutoff_priority_k2";
    Always cutoff_of_three = router "cutoff_priority_k3";
    Always cutoff_of_four = router "cutoff_priority_k4";
    Always closed_fence_that_lends = router "fence_N_share_k0";
    Always closed_fence_that_lends_beyond_one = router "fence_N_share_k1";
    Always closed_fence_that_lends_beyond_two = router "fence_N_share_k2";
    Always closed_fence_that_lends_nobody = router "fence_hard_fence";
    Always open_fence_that_lends = router "fence_X_soft_share_k0";
    Always open_fence_that_lends_beyond_one = router "fence_X_soft_share_k1";
    Always open_fence_that_lends_beyond_two = router "fence_X_soft_share_k2";
    Always open_fence_that_lends_nobody = router "fence_X_soft_noshare";
    Always chats_of_one_agent = router "chat_least_loaded_1";
    Always chats_of_three_agents = router "chat_least_loaded_3";
}

#[test]
fn every_row_of_every_table_has_its_test() {
    let Some(rows) = tables::all() else { return };
    for (table, row) in &rows {
        assert!(TESTED.contains(&(table, row.as_str())), "{table} {row} has no test");
    }
    assert_eq!(rows.len(), TESTED.len());
}

#[test]
fn every_scenario_of_a_row_has_at_most_25_lines() {
    for (_, row) in TESTED {
        let text = std::fs::read_to_string(golden::land::scenario_path(row)).expect("a scenario");
        assert!(text.lines().count() <= 25, "{row}");
    }
}
