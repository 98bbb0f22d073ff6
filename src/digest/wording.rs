//! The wording of sections, reasons and news in a reader's language. Pure.

use super::issue_view::heading;
use super::paper_view::{news_text, reason};
use crate::language::Locale;
use crate::pick::{PaperNews, Reason, Section};

impl Locale {
    /// The heading of a section of an issue.
    pub fn section(&self, section: &Section) -> String {
        heading(section, self.language())
    }

    /// The reasons for a pick.
    pub fn reason(&self, reasons: &[Reason]) -> String {
        reason(reasons, self.language())
    }

    /// One piece of news of a paper.
    pub fn news(&self, news: &PaperNews) -> String {
        news_text(news, self.language())
    }
}
