//! What the core promises: stories about each behaviour, and properties that hold after every step of any history.
#![expect(clippy::wildcard_enum_match_arm, reason = "a story looks for one event among many")]

#[cfg(test)]
mod estimates;
#[cfg(test)]
mod held;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod stories;
