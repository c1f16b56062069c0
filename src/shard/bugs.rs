//! Decides nothing but which bug a run has: a test plants one, to see whether the simulation finds it. Only a build with debug
//! assertions can have any; elsewhere the places that ask compile to nothing.

use std::cell::Cell;

macro_rules! bugs {
    ($($(#[$about:meta])* $bug:ident,)*) => {
        /// A mistake that somebody could make in the shell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $($(#[$about])* $bug,)* }

        impl Bug {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];
        }
    };
}

bugs! {
    /// A sender over HTTP is answered when its event is decided, not when it is committed.
    AnswersBeforeCommit,
    /// A delivery is acknowledged when it is decided.
    AcknowledgesBeforeCommit,
    /// Outputs leave when they are decided.
    PublishesBeforeCommit,
    /// When an output fails, those behind it go on, and the next confirm counts for the one that failed.
    GoesOnBehindFailure,
    /// A loop that stopped taking is not woken when outputs have left.
    SleepsWhenFull,
    /// Nothing counts as seen before.
    NeverSeen,
    /// Events of two platforms with one id are the same.
    SeenWhateverTheSource,
    /// A snapshot does not keep what was seen.
    SeenForgottenWithSnapshot,
    /// Timers fire only when something arrives.
    TimersWithInputsOnly,
    /// All outputs of a record have one id.
    OneIdForAll,
    /// What is refused is not recorded.
    RefusalsUntold,
    /// What was seen before is not acknowledged.
    DuplicatesUnacknowledged,
    /// A batch is taken from its end.
    BatchReversed,
    /// Who takes over publishes only what is new.
    RecoveredUnpublished,
    /// A lease is taken and never prolonged.
    LeaseNotProlonged,
    /// Who takes over numbers outputs from the last one published.
    NumbersFromWatermark,
    /// A snapshot does not keep how many outputs there were.
    NumbersForgottenWithSnapshot,
    /// Outputs for which there is no room are dropped.
    DropsWhenFull,
    /// Journal time follows a clock that is set back.
    TimeFalls,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// From now on what this thread runs has this bug, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether what this thread runs has this bug.
pub(super) fn has(bug: Bug) -> bool {
    cfg!(debug_assertions) && PLANTED.get() == Some(bug)
}
