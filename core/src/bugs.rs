//! Decides nothing: plausible bugs, one of which a build for tests can switch on, to see whether the tests would find it.
//! Without the feature `seeded-bugs` no router has one, and the places that ask compile to nothing.

#![cfg_attr(not(feature = "seeded-bugs"), expect(unreachable_pub, reason = "only a build for tests shows it"))]

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A plausible bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])* $name,)* }

        #[cfg(feature = "seeded-bugs")]
        impl Bug {
            /// Every bug there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    /// An offer taken back still takes the agent's capacity.
    CapacityForgottenOnRevoke,
    /// An accept does not end the row of missed offers.
    MissesNeverForgiven,
    /// Who missed or declined a contact is asked again at once.
    ExclusionForgotten,
    /// A transfer to somebody outside does not open the fence.
    TransferPassesTheFence,
    /// An update without a fence ends the entitlement.
    UpdateOpensTheFence,
    /// Members are lent when just the reserve is idle.
    ReserveOffByOne,
    /// A step's end stays as it was when the state of its people changes.
    HoldNotLookedAtAgain,
    /// A deputy still stands in after the absence.
    DeputyKept,
    /// Work that a platform reports takes no capacity.
    LoadForgotten,
    /// An answer just at the deadline counts.
    DeadlineInclusive,
    /// An answer after the deadline counts.
    StaleAcceptTaken,
    /// The first accept does not take back the other offers.
    OtherOffersStay,
    /// Widening steps prefer the people who joined last.
    LaterStepFirst,
    /// Covers are asked before the team.
    CoverBeforeTeam,
    /// People lent to a queue are asked before its own.
    LentBeforeOwn,
    /// Who the customer avoids is asked.
    AvoidedAsked,
    /// After-contact work takes no capacity.
    WrapUpHoldsNothing,
    /// A contact that waits again waits as if it had just arrived.
    AgeLostOnRequeue,
    /// A parked contact takes capacity.
    ParkedCosts,
    /// The hold of a later step counts from the arrival.
    HoldCountsFromArrival,
    /// Nobody remembers who had a conversation.
    ThreadForgotten,
    /// A team's lead is never asked as such.
    LeadIgnored,
    /// Covers are outside of the fence.
    CoversForgotten,
    /// A released reserve is never kept again.
    FloorNeverRestored,
    /// Offers to outsiders stay when a supervisor closes a fence.
    ClosingKeepsOffers,
    /// Contacts of her own teams do not come first.
    OwnTeamNotFirst,
    /// Urgency does not matter to an agent who becomes available.
    UrgencyIgnored,
    /// A queue in order of age compares shares of the promise.
    FifoByPromise,
    /// Who may skip the slots may skip the points too.
    BypassSkipsPoints,
    /// No channel may be offered on top of another.
    NothingInterrupted,
    /// Agents take contacts outside their shift.
    ShiftIgnored,
    /// A queue's needs are widened once and never again.
    WidensOnlyOnce,
    /// The contacts of a lost agent stay with her.
    LostKeepsContacts,
    /// Offers are made while what happened meanwhile is still being told.
    OffersWhileCatchingUp,
    /// Nobody is looked at when catching up is over.
    CatchUpWithoutAnEnd,
    /// A fence opens because people did not take what they were not offered.
    HoldsRunWhileCatchingUp,
}
