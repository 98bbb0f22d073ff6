//! The kinds of findings: the one list of everything that can be wrong. Pure.

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Readers get no mail, get it wrongly, or lose something.
    Fail,
    /// The operator should look at it when there is time.
    Warn,
}

/// Defines [`FindingKind`] and everything that is listed by kind.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $word:literal, $severity:ident, $alarms:literal;)+) => {
        /// The kind of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FindingKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl FindingKind {
            /// Every kind, alarms first.
            pub const ALL: &[FindingKind] = &[$(FindingKind::$kind),+];

            /// Its name in the database, in metrics, in webhook payloads and in `/readyz`.
            pub fn word(self) -> &'static str {
                match self {
                    $(FindingKind::$kind => $word,)+
                }
            }

            /// How much a finding of this kind matters, unless its rule says otherwise.
            pub fn severity(self) -> Severity {
                match self {
                    $(FindingKind::$kind => Severity::$severity,)+
                }
            }

            /// Whether the operator is told by mail and webhook. The other kinds are shown
            /// by `paperboy check` and on `/admin` only.
            pub fn is_alarm(self) -> bool {
                match self {
                    $(FindingKind::$kind => $alarms,)+
                }
            }
        }
    };
}

kinds! {
    /// The relay cannot be reached, or fails.
    RelayDown = "relay_down", Fail, true;
    /// The relay refuses mail because of our login, sender or content.
    RelayRefusesUs = "relay_refuses_us", Fail, true;
    /// Servers refuse our mail because of us.
    PolicyRefused = "policy_refused", Warn, true;
    /// Mail is due and nothing is sent.
    MailWaits = "mail_waits", Fail, true;
    /// Mails wait for the operator's decision.
    MailHeld = "mail_held", Warn, true;
    /// Issues expired undelivered.
    IssuesExpired = "issues_expired", Warn, true;
    /// Issues were skipped because they were too late.
    IssuesSkipped = "issues_skipped", Warn, true;
    /// Papers came and readers were due, but no issue was composed.
    NoIssues = "no_issues", Fail, true;
    /// Issues are due and not composed.
    PublishingLate = "publishing_late", Fail, true;
    /// Issues went out without papers that they had waited for.
    CoverageMissing = "coverage_missing", Warn, true;
    /// A source cannot be read, or is silent.
    SourceFailing = "source_failing", Warn, true;
    /// Many records of a source cannot be read.
    SetAsideBurst = "set_aside_burst", Warn, true;
    /// Many addresses were suppressed in a day.
    SuppressionBurst = "suppression_burst", Warn, true;
    /// The disk of the database is nearly full.
    DiskLow = "disk_low", Warn, true;
    /// The database cannot be written.
    DatabaseNotWritable = "database_not_writable", Fail, true;
    /// The database file is damaged.
    DatabaseDamaged = "database_damaged", Fail, true;
    /// There is no recent backup.
    BackupOld = "backup_old", Fail, true;
    /// The clock is wrong.
    ClockOff = "clock_off", Fail, true;
    /// A certificate expires soon, or has expired.
    CertificateExpiring = "certificate_expiring", Warn, true;
    /// A background loop of the service fails again and again.
    PartFailing = "part_failing", Fail, true;

    /// Mail is sent more slowly than it becomes due.
    MailSlow = "mail_slow", Warn, false;
    /// A configured source has not been polled for a long time.
    SourceUnpolled = "source_unpolled", Warn, false;
    /// A background loop gives no heartbeat.
    LoopSilent = "loop_silent", Fail, false;
    /// The database has had no upkeep for days.
    UpkeepOverdue = "upkeep_overdue", Warn, false;

    /// Links in mails are plain HTTP to a public address.
    InsecureLinks = "insecure_links", Fail, false;
    /// Links in mails lead to this machine only.
    LocalLinks = "local_links", Warn, false;
    /// A file that holds a secret can be read by every user of the machine.
    SecretReadable = "secret_readable", Fail, false;
    /// A setting still has its value from the documentation.
    ExampleSetting = "example_setting", Warn, false;
    /// No source of papers is configured.
    NoSource = "no_source", Warn, false;
    /// No relay is configured, so mail stays on this machine.
    NoRelay = "no_relay", Warn, false;
    /// Mail goes to the relay unencrypted.
    PlaintextRelay = "plaintext_relay", Warn, false;
    /// The operator's pages are served unencrypted to other machines.
    PlaintextAdmin = "plaintext_admin", Warn, false;
    /// Reports of undeliverable mail are not read.
    NoBounceAddress = "no_bounce_address", Warn, false;
    /// Readers cannot unsubscribe by mail.
    NoUnsubscribeAddress = "no_unsubscribe_address", Warn, false;
    /// DMARC does not count our signature.
    DkimUnaligned = "dkim_unaligned", Warn, false;
}

impl FindingKind {
    /// The kind named `word`; `None` for a word of another version.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// The kinds that the operator is told of by mail and webhook.
    pub fn alarms() -> impl Iterator<Item = FindingKind> {
        Self::ALL.iter().copied().filter(|kind| kind.is_alarm())
    }
}
