//! Knows: what a reader wants, learned from their words and their papers.
//!
//! Papers become sparse vectors ([`features`]), weighted by how rare each term
//! is in the operator's own archive ([`background`]), and dense ones by whichever
//! maker there is, taken against their mean and spread ([`dense`]); an interest becomes a
//! [`Profile`] ([`learn`]): what the papers it likes have in common beyond what
//! all papers have, minus what the papers it dislikes have, for words, authors
//! and categories each. Everything here is pure, and one background serves
//! every subscriber.

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
