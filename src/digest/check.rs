//! Checks templates with sample values; a sample message for the operator. Pure.

use super::{
    Branding, FragmentCache, IssueHeaders, MessageError, Recipient, TemplateError, Templates,
    notices, render, sample, to_message,
};
use crate::site::Site;
use crate::subscriber::{AbstractLength, Address};
use chrono::{DateTime, Utc};

impl Templates {
    /// Fills every template with sample values in every language, with papers and without.
    pub fn check(&self) -> Result<(), TemplateError> {
        let (address, mut preferences) = sample::subscriber();
        let branding = sample::branding();
        for language in self.languages() {
            preferences.language.clone_from(&language.code);
            for abstracts in [AbstractLength::Full, AbstractLength::None] {
                preferences.abstracts = abstracts;
                for issue in [sample::issue(), sample::empty_issue()] {
                    let recipient = sample::recipient(&address, &preferences);
                    render(
                        self,
                        &FragmentCache::default(),
                        &issue,
                        &recipient,
                        &branding,
                    )?;
                }
            }
            for notice in sample::notices() {
                notices::check(self, &notice, language, &address, &branding)?;
            }
        }
        Ok(())
    }
}

/// A sample that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A value is not valid in its header.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// The sample issue as a whole unsigned message to `to`. `leaving` is the link and the
/// address (`mailto:`) to unsubscribe.
pub fn sample_message(
    templates: &Templates,
    site: &Site,
    branding: &Branding,
    to: &Address,
    leaving: (String, Option<String>),
    now: DateTime<Utc>,
) -> Result<Vec<u8>, SampleError> {
    let (_, preferences) = sample::subscriber();
    let sample = sample::recipient(to, &preferences);
    let recipient = Recipient {
        name: "",
        unsubscribe_url: leaving.0,
        unsubscribe_mailto: leaving.1,
        ..sample
    };
    let issue = sample::issue();
    let rendered = render(
        templates,
        &FragmentCache::disabled(),
        &issue,
        &recipient,
        branding,
    )?;
    // Two samples sent in the same second may have the same id.
    let message_id = super::notices::message_id(
        &site.secret,
        site.mail_domain(),
        &format!("sample\0{to}\0{}", now.timestamp()),
        now,
    );
    let headers = IssueHeaders {
        from: &site.from,
        recipient: &recipient,
        branding,
        local_date: issue.local_date,
        date: now,
        message_id: &message_id,
    };
    Ok(to_message(&rendered, &headers)?)
}
