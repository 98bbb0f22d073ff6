//! The findings of the whole service, each under its topic, with an ok line where there is none.

use super::{CheckLine, Level, line};
use crate::cli::context::{CliContext, now};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::findings::{
    Current, FactSettings, Facts, FindingKind, certificate, current, decide, network, relay_name,
};
use crate::store::{AlarmRow, Db, StoreError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The facts that `check` gathers, and the findings in them.
pub(super) struct Findings {
    facts: Facts,
    current: Vec<Current>,
    /// Whether the database could be read.
    is_read: bool,
    /// Lines about facts that could not be gathered.
    unknown: Vec<CheckLine>,
    witness: Option<String>,
}

impl Findings {
    /// Gathers the facts; `damage` is the damage found in the database file.
    pub(super) async fn gather(config: &Config, damage: String) -> Self {
        let db = CliContext::db(config).ok();
        let (mut facts, alarms, is_read) = match db.as_ref().map(|db| read(db, config)) {
            Some(Ok((facts, alarms))) => (facts, alarms, true),
            _ => (Facts::default(), Vec::new(), false),
        };
        if let Ok(path) = config.database_path() {
            facts = facts.on_machine(path, &config.alarms);
        }
        facts.damage = damage;
        let mut unknown = Vec::new();
        let witness = config.time_witness();
        if let Some(witness) = &witness {
            match network::their_time(witness).await {
                Ok(theirs) => {
                    facts.clock_off_seconds = Some((SystemClock.now() - theirs).num_seconds());
                }
                Err(why) => {
                    let text = format!(
                        "cannot be compared with that of {witness}: {why}; make sure that NTP runs \
                         (timedatectl)"
                    );
                    unknown.push(line("clock", Level::Warn, text));
                }
            }
        }
        unknown.extend(certificates(config, &mut facts).await);
        Findings {
            current: current(decide(&facts, now()), &alarms),
            facts,
            is_read,
            unknown,
            witness,
        }
    }

    /// The lines of `topic`.
    pub(super) fn lines(&mut self, topic: &'static str) -> Vec<CheckLine> {
        let mut lines = Vec::new();
        for (finding, since) in self.current.extract_if(.., |one| topic_of(one) == topic) {
            let text = match since {
                None => finding.line(),
                Some(since) => format!(
                    "{}, since {}: {}",
                    finding.kind.word(),
                    since.format("%Y-%m-%d %H:%M UTC"),
                    finding.line()
                ),
            };
            lines.push(line(topic, finding.severity.into(), text));
        }
        let unknown = self.unknown.extract_if(.., |unknown| unknown.what == topic);
        lines.extend(unknown);
        if lines.is_empty() {
            lines.extend(
                self.all_well(topic)
                    .map(|text| line(topic, Level::Ok, text)),
            );
        }
        lines
    }

    /// The text of the ok line of a topic without findings.
    fn all_well(&self, topic: &str) -> Option<String> {
        let facts = &self.facts;
        match topic {
            "disk" => facts
                .free_bytes
                .map(|free| format!("{} MiB are free", free >> 20)),
            "backup" => {
                let made = facts.newest_backup.flatten()?;
                Some(format!(
                    "the last one is of {}",
                    made.format("%Y-%m-%d %H:%M UTC")
                ))
            }
            "alarm" if self.is_read => {
                Some(format!("none of {} stands", FindingKind::alarms().count()))
            }
            "outbox" if self.is_read => Some(format!("{} mails are due, none is late", facts.due)),
            "clock" => Some(match (&self.witness, facts.clock_off_seconds) {
                (Some(witness), Some(off)) => {
                    let side = if off < 0 { "behind" } else { "ahead of" };
                    format!("{} seconds {side} that of {witness}", off.abs())
                }
                _ => "no source to compare with: make sure that NTP runs (timedatectl)".to_owned(),
            }),
            "cert" if !facts.certificates.is_empty() => {
                let ends = facts.certificates.iter();
                let ends = ends.map(|(what, ends)| format!("{what} until {}", ends.date_naive()));
                Some(format!("valid: {}", ends.collect::<Vec<_>>().join(", ")))
            }
            _ => None,
        }
    }
}

fn read(db: &Db, config: &Config) -> Result<(Facts, Vec<AlarmRow>), StoreError> {
    let settings = FactSettings {
        relay: relay_name(&config.transport),
        latest_send: config.schedule.latest_send,
        sources: config
            .sources
            .iter()
            .map(|source| source.name.clone())
            .collect(),
    };
    let now = now();
    db.run_here(|store| Ok((Facts::read(store, settings, now)?, store.alarms(now)?)))
}

/// The label of the line about a finding: `alarm` if the service has raised one.
fn topic_of((finding, since): &Current) -> &'static str {
    if since.is_some() {
        return "alarm";
    }
    match finding.kind {
        FindingKind::RelayDown
        | FindingKind::RelayRefusesUs
        | FindingKind::MailWaits
        | FindingKind::MailSlow
        | FindingKind::MailHeld
        | FindingKind::IssuesExpired
        | FindingKind::SuppressionBurst => "outbox",
        FindingKind::PolicyRefused => "reports",
        FindingKind::DiskLow => "disk",
        FindingKind::DatabaseNotWritable | FindingKind::DatabaseDamaged => "database",
        FindingKind::BackupOld => "backup",
        FindingKind::ClockOff => "clock",
        FindingKind::CertificateExpiring => "cert",
        FindingKind::UpkeepOverdue => "upkeep",
        FindingKind::CoverageMissing
        | FindingKind::SourceFailing
        | FindingKind::SourceUnpolled
        | FindingKind::SetAsideBurst => "source",
        _ => "service",
    }
}

/// Looks at the certificates that readers' programs see: ours, and that of the site's address.
async fn certificates(config: &Config, facts: &mut Facts) -> Vec<CheckLine> {
    let mut unknown = Vec::new();
    if let Some(tls) = &config.web.tls {
        let what = tls.cert_file.display().to_string();
        if let Some(ends) = certificate::ends_in_file(&tls.cert_file) {
            facts.certificates.push((what, ends));
        } else {
            let text = format!("{what} holds no certificate (PEM): look at web.tls_cert_file");
            unknown.push(line("cert", Level::Fail, text));
        }
    }
    let site = &config.site.base_url;
    match network::site_certificate(site).await {
        Some(Ok(ends)) => facts.certificates.push((site.clone(), ends)),
        // A site that cannot be reached at all has a line where its link is tried.
        Some(Err(why)) if why.contains("certificate") => {
            let text = format!("{site}: {why}; renew it, and see which program serves it");
            unknown.push(line("cert", Level::Fail, text));
        }
        None | Some(Err(_)) => {}
    }
    unknown
}

/// Warns if every user can read the database, which holds addresses.
pub(super) fn rights(database: &Path) -> Option<CheckLine> {
    let mode = database.metadata().ok()?.permissions().mode();
    let path = database.display();
    (mode & 0o004 != 0).then(|| {
        let text = format!(
            "{path} holds your readers' addresses and every user of this machine can read it: run \
             `chmod o= {path}*`"
        );
        line("rights", Level::Warn, text)
    })
}
