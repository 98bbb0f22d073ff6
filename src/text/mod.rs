//! Text as people read it, and as the ranking compares it.
//!
//! Everything here is pure: text in, text out. What comes from a source goes
//! through [`clean_line`] or [`clean_text`] once, when a paper is taken in;
//! everybody else may then rely on it being composed Unicode (NFC) without
//! markup, control or direction-changing characters.
//!
//! * [`clean`]: from metadata to readable text; uses [`html`] and [`tex`]
//! * [`tokens`]: from text to what the ranking counts
//! * [`mod@fold`]: exact phrases, whatever their case and accents
//! * [`names`]: whether two author names are one person
//! * [`sentences`](mod@sentences): where sentences end

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
