//! Decides what can be wrong with the design, so that it is seen that the model would find it.

/// How many replicas there are, all of which may be promoted.
const REPLICAS: u32 = 2;

/// One mistake in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// None: the design as it is.
    Nothing,
    /// A write counts once one of the two replicas has it.
    OneReplica,
    /// A write counts once the primary has it.
    NoReplica,
    /// A take-over counts once the primary has it.
    TakeOverUnreplicated,
    /// That, and of the token only the epoch is compared.
    EpochOnly,
    /// Of the token only the epoch is compared; a take-over waits for the replicas.
    EpochOnlyReplicated,
    /// The token is compared and the expected head is not.
    NoHead,
    /// A batch that is found to be written counts at once.
    FoundCounts,
    /// Who stands by asks any server whether what it read at another one is on the replicas.
    SettlesAnything,
    /// Inputs are acknowledged when they are decided.
    AcknowledgesEarly,
    /// Outputs are published when they are decided.
    PublishesEarly,
    /// Outputs go past the gate.
    NoGate,
    /// Whoever comes to the gate opens it for itself.
    GateForAnybody,
}

impl Flaw {
    /// How many replicas must have a batch before it counts.
    pub(crate) const fn awaited(self) -> u32 {
        if matches!(self, Self::NoReplica) {
            0
        } else if matches!(self, Self::OneReplica) {
            REPLICAS - 1
        } else {
            REPLICAS
        }
    }

    /// How many replicas must have a take-over before it counts.
    pub(crate) const fn awaited_at_take_over(self) -> u32 {
        if matches!(self, Self::TakeOverUnreplicated | Self::EpochOnly) { 0 } else { self.awaited() }
    }

    pub(crate) const fn compares_epochs(self) -> bool {
        matches!(self, Self::EpochOnly | Self::EpochOnlyReplicated)
    }
}
