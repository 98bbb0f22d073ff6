//! All mails that are not issues: confirmation, welcome, goodbye, links asked for, and mails
//! to the operator. Pure.
//!
//! Each has a heading, paragraphs, at most one link and paragraphs below it, in the
//! language of its recipient.

mod notice;
mod render;

pub use notice::{Notice, NoticeContext};
pub(super) use render::check;
pub use render::{NoticeError, RenderedNotice, message_id, render};
