//! The machine: its disk, its clock, who may read the files.

use super::{Finding, Verdict, finding};
use crate::clock::Clock;
use crate::config::Config;
use crate::findings::rules::{CERTIFICATE_DAYS, CLOCK_OFF_SECONDS};
use crate::findings::{DISK_LOW_BYTES, certificate, facts, network};
use chrono::{DateTime, TimeDelta, Utc};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Below this much, it may stop within the next run.
const DISK_OUT_BYTES: u64 = 100 << 20;

/// Below so many seconds nobody notices.
const CLOCK_ODD_SECONDS: i64 = 30;

/// Room on the disk of `path`, in bytes.
pub(super) fn disk(path: &Path) -> Finding {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match crate::store::free_bytes(folder) {
        Err(error) => finding(
            "disk",
            Verdict::Warn,
            format!("cannot tell the room in {}: {error}", folder.display()),
        ),
        Ok(free) => {
            let room = format!("{} MiB are free in {}", free >> 20, folder.display());
            if free < DISK_OUT_BYTES {
                finding(
                    "disk",
                    Verdict::Fail,
                    format!("{room}: sending stops when it is full; make room"),
                )
            } else if free < DISK_LOW_BYTES {
                finding(
                    "disk",
                    Verdict::Warn,
                    format!("{room}: make room before it is full"),
                )
            } else {
                finding("disk", Verdict::Ok, room)
            }
        }
    }
}

/// That nobody else can read what holds addresses.
pub(super) fn rights(database: &Path) -> Option<Finding> {
    let mode = database.metadata().ok()?.permissions().mode();
    let path = database.display();
    (mode & 0o004 != 0).then(|| {
        let text = format!(
            "{path} holds your readers' addresses and everybody on this machine can read it: run `chmod o= {path}*`"
        );
        finding("rights", Verdict::Warn, text)
    })
}

/// That our clock agrees with that of the sources: dates in mails, due hours and TLS hang on it.
pub(super) async fn clock(config: &Config, clock: &dyn Clock) -> Finding {
    let Some(witness) = config.time_witness() else {
        let text = "no source to compare with: see to it that NTP runs (timedatectl)";
        return finding("clock", Verdict::Ok, text.to_owned());
    };
    match network::their_time(&witness).await {
        Err(why) => {
            let text = format!(
                "cannot be compared with that of {witness}: {why}; see to it that NTP runs (timedatectl)"
            );
            finding("clock", Verdict::Warn, text)
        }
        Ok(theirs) => {
            let off = (clock.now() - theirs).num_seconds();
            let side = if off < 0 { "behind" } else { "ahead of" };
            let text = format!("{} seconds {side} that of {witness}", off.abs());
            match off.abs() {
                CLOCK_OFF_SECONDS.. => finding(
                    "clock",
                    Verdict::Fail,
                    format!("{text}: issues go out at the wrong hour; set it, and let NTP keep it"),
                ),
                CLOCK_ODD_SECONDS.. => {
                    finding("clock", Verdict::Warn, format!("{text}: let NTP keep it"))
                }
                _ => finding("clock", Verdict::Ok, text),
            }
        }
    }
}

/// The certificates that readers' programs see: ours, and the one behind the site's address.
pub(super) async fn certificates(config: &Config, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(tls) = &config.web.tls {
        let what = tls.cert_file.display().to_string();
        found.push(match certificate::ends_in_file(&tls.cert_file) {
            Some(ends) => certificate(&what, ends, now),
            None => finding(
                "cert",
                Verdict::Fail,
                format!("{what} holds no certificate (PEM): look at web.tls_cert_file"),
            ),
        });
    }
    let site = &config.site.base_url;
    match network::site_certificate(site).await {
        Some(Ok(ends)) => found.push(certificate(site, ends, now)),
        // That the site cannot be reached at all is said where its link is tried.
        Some(Err(why)) if why.contains("certificate") => {
            found.push(finding(
                "cert",
                Verdict::Fail,
                format!("{site}: {why}; renew it, and see what serves it"),
            ));
        }
        None | Some(Err(_)) => {}
    }
    found
}

fn certificate(what: &str, ends: DateTime<Utc>, now: DateTime<Utc>) -> Finding {
    let date = ends.date_naive();
    if ends <= now {
        finding(
            "cert",
            Verdict::Fail,
            format!("that of {what} expired on {date}: renew it, and restart what serves it"),
        )
    } else if ends - now < TimeDelta::days(CERTIFICATE_DAYS) {
        finding(
            "cert",
            Verdict::Warn,
            format!("that of {what} expires on {date}: see why it was not renewed"),
        )
    } else {
        finding(
            "cert",
            Verdict::Ok,
            format!("that of {what} is good until {date}"),
        )
    }
}

/// The age of the last backup, if somebody is to look.
pub(super) fn backup(config: &Config, now: DateTime<Utc>) -> Option<Finding> {
    let folder = config.alarms.backup_folder.as_ref()?;
    let shown = folder.display();
    Some(match facts::newest_file(folder) {
        None => {
            let text = format!(
                "there is none in {shown}: `paperboy backup FILE` makes one while the service runs"
            );
            finding("backup", Verdict::Fail, text)
        }
        Some(made) if now - made > config.alarms.backup_age => {
            let text = format!(
                "the last one in {shown} is of {}: see why no other was made",
                made.date_naive()
            );
            finding("backup", Verdict::Fail, text)
        }
        Some(made) => finding(
            "backup",
            Verdict::Ok,
            format!("the last one is of {}", made.format("%Y-%m-%d %H:%M UTC")),
        ),
    })
}
