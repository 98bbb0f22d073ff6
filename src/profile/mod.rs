//! Knows: what a reader wants, learned from their words and their papers.
//!
//! Papers become sparse vectors ([`features`]), weighted by how rare each term
//! is in the operator's own archive ([`background`]); an interest becomes the
//! difference of two such vectors ([`learn`]): what the papers it likes have in
//! common, minus what the papers it dislikes have. Everything here is pure.

pub mod background;
pub mod features;
pub mod learn;

pub use background::Background;
pub use features::{Features, TermCounter, Terms};
pub use learn::{Example, Profile};
