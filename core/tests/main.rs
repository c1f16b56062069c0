//! What the core promises: stories about each behaviour, and properties that hold after every step of any history.

mod properties;
mod scene;
mod stories;
