//! Learns a reader's profile from their words and their papers. Pure.
//!
//! Papers become sparse vectors ([`features`]), weighted by how rare each term is in the
//! operator's own archive ([`background`]), and dense vectors if an embedder is installed,
//! taken relative to the archive's mean and covariance ([`dense`]). An interest becomes a
//! [`Profile`] ([`learn`]): weights of words, authors and categories that its liked papers
//! share beyond the average paper, minus those of its disliked papers. One background
//! serves every subscriber.

pub mod background;
pub mod dense;
pub mod expression;
pub mod features;
pub mod learn;
pub mod library;
pub mod linear_svm;
pub mod thumbs;
pub mod word_query;

pub use background::Background;
pub use dense::DenseBackground;
pub use expression::Expression;
pub use features::{Features, Group, TermCounter, TermCounts};
pub use learn::{Example, Profile, TrainingPapers};
pub use linear_svm::{LinearModel, NegativeSample};
pub use thumbs::{click_weight, thumb_weight};
pub use word_query::WordQuery;
