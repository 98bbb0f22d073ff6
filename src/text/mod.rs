//! Cleaning, folding, tokenising and comparing text. Pure.
//!
//! Sources pass their metadata through [`clean_line`] or [`clean_text`] once, when a paper is
//! taken in; all other modules rely on composed Unicode (NFC) without markup, control or
//! direction-changing characters.
//!
//! * [`clean`]: readable text from metadata; uses [`html`] and [`tex`]
//! * [`tokens`]: terms for the ranking
//! * [`mod@fold`]: exact phrases, independent of case, accents and the spelling of Greek letters
//! * [`names`]: comparison of author names
//! * [`sentences`](mod@sentences): splitting into sentences
//! * [`encoding`]: text from the bytes of a file

pub mod clean;
pub mod encoding;
pub mod fold;
pub mod html;
pub mod names;
pub mod sentences;
mod spellings;
mod stop_words;
mod superscripts;
pub mod tex;
pub mod tokens;

pub use clean::{clean_line, clean_tex_line, clean_tex_text, clean_text, cut};
pub use fold::{contains_phrase, fold, fold_phrase, fold_text, is_unspaced};
pub use names::{family_name, is_group, name_words, same_person};
pub use sentences::sentences;
pub use spellings::spellings;
pub use stop_words::is_stop_word;
pub use tokens::{Term, Terms, Token, Tokenizer};
