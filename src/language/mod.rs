//! The texts of mails and pages in each language.
//!
//! Each language is one file in `templates/languages`. Every sentence is one text with
//! placeholders for values, so that a translation can choose its own word order; where a
//! number decides the form there is one text for each of the language's plural forms.

mod definition;
mod files;
mod locale;
mod mails;
mod pages;
mod preferences;
mod public;
mod reader;
mod text;

pub use definition::SharedWords;
pub(crate) use definition::{Language, TextDirection};
pub use files::LanguageError;
pub(crate) use files::{Languages, load};
pub use locale::Locale;
pub(crate) use locale::is_latin;
pub use mails::{DigestWords, FactWords, NoticeText, NoticeWords};
pub use pages::PageWords;
pub use preferences::*;
pub use public::*;
pub use reader::*;
pub use text::{PluralText, Text};
