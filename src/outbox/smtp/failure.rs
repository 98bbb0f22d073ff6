//! The error of an SMTP conversation, with the command at which it happened.

use crate::outbox::reply::{Reply, in_one_line};
use crate::outbox::stage::SmtpStage;
use lettre::transport::smtp::Error;
use std::error::Error as _;
use std::time::Duration;

/// A command that did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {text}")]
pub struct SmtpFailure {
    /// The command at which it happened.
    pub stage: SmtpStage,
    /// The server's reply, if there was one.
    pub reply: Option<Reply>,
    /// The reply as it would be quoted, or a description of the error.
    pub text: String,
    /// Whether the conversation can go on: the server answered this command and waits for the next.
    pub in_step: bool,
}

impl SmtpFailure {
    /// A refusal.
    pub(super) fn refused(stage: SmtpStage, reply: Reply) -> Self {
        // 421 announces that the server closes the connection (RFC 5321 section 3.8).
        let in_step = matches!(reply.code, 400..=599) && reply.code != 421;
        SmtpFailure {
            stage,
            text: reply.to_string(),
            reply: Some(reply),
            in_step,
        }
    }

    /// An error without a reply.
    pub(super) fn broken(stage: SmtpStage, text: impl AsRef<str>) -> Self {
        SmtpFailure {
            stage,
            reply: None,
            text: in_one_line(text.as_ref()),
            in_step: false,
        }
    }

    /// No reply in time. What comes later would be taken for the reply to another command.
    pub(super) fn timed_out(stage: SmtpStage, after: Duration) -> Self {
        SmtpFailure::broken(
            stage,
            format!("no answer within {} seconds", after.as_secs_f32()),
        )
    }

    /// Converts lettre's error: a refusal if it comes from a reply.
    pub(super) fn from_lettre(stage: SmtpStage, error: &Error) -> Self {
        match error.status() {
            Some(code) => {
                let text = error.source().map(ToString::to_string).unwrap_or_default();
                SmtpFailure::refused(stage, Reply::new(code.into(), &text))
            }
            None => SmtpFailure::broken(stage, error.to_string()),
        }
    }
}
