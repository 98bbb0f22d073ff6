//! A finding: something that is wrong, and what to do about it. Pure.

use super::kind::{FindingKind, Severity};
use crate::store::AlarmRow;
use chrono::TimeDelta;

/// Something that is wrong, as every place shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The relay, source or loop concerned; empty where there is only one.
    pub about: String,
    /// The problem, in one line. It is logged, so it quotes no server and no source.
    pub what: String,
    /// The remedy, in one line; commands stand between backticks.
    pub remedy: String,
    /// The words of a server or source; may hold addresses, so it is never logged.
    pub detail: String,
    /// How long it must last before an alarm is raised.
    pub patience: TimeDelta,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, what: impl Into<String>, remedy: &str) -> Self {
        Finding {
            kind,
            severity: kind.severity(),
            about: String::new(),
            what: what.into(),
            remedy: remedy.to_owned(),
            detail: String::new(),
            patience: TimeDelta::zero(),
        }
    }

    pub(super) fn about(self, about: &str) -> Self {
        Finding {
            about: about.to_owned(),
            ..self
        }
    }

    pub(super) fn detail(self, detail: &str) -> Self {
        Finding {
            detail: detail.to_owned(),
            ..self
        }
    }

    pub(super) fn patience(self, patience: TimeDelta) -> Self {
        Finding { patience, ..self }
    }

    pub(super) fn severity(self, severity: Severity) -> Self {
        Finding { severity, ..self }
    }

    /// Whether `alarm` is the stored row of this finding.
    pub(super) fn is_of(&self, alarm: &AlarmRow) -> bool {
        self.kind.word() == alarm.name && self.about == alarm.about
    }

    /// The finding in one line: what, the words of others, what to do.
    pub fn line(&self) -> String {
        let detail = self.detail.lines().collect::<Vec<_>>().join("; ");
        if detail.is_empty() {
            format!("{}; {}", self.what, self.remedy)
        } else {
            format!("{} ({detail}); {}", self.what, self.remedy)
        }
    }
}
