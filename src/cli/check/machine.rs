//! The machine: its disk, its clock, who may read the files.

use super::{Finding, Verdict, finding};
use crate::clock::Clock;
use crate::config::Config;
use crate::source::SourceKind;
use crate::source::http::one_time_client;
use chrono::DateTime;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// Below this much room mail is about to stop.
pub(super) const DISK_LOW_BYTES: u64 = 1 << 30;

/// Below this much, it may stop within the next run.
const DISK_OUT_BYTES: u64 = 100 << 20;

/// How long the clock's witness may take.
const WAIT: Duration = Duration::from_secs(10);

/// Signatures and certificates bear so much, in seconds; below it nobody notices.
const CLOCK_OFF_SECONDS: i64 = 300;
const CLOCK_ODD_SECONDS: i64 = 30;

/// Room on the disk of `path`, in bytes.
pub(super) fn disk(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match crate::store::free_bytes(folder) {
        Err(error) => finding("disk", Verdict::Warn, format!("cannot tell the room in {}: {error}", folder.display())),
        Ok(free) => {
            let room = format!("{} MiB are free in {}", free >> 20, folder.display());
            if free < DISK_OUT_BYTES {
                finding("disk", Verdict::Fail, format!("{room}: sending stops when it is full; make room"))
            } else if free < DISK_LOW_BYTES {
                finding("disk", Verdict::Warn, format!("{room}: make room before it is full"))
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
    let distant = config.sources.iter().filter(|source| source.kind != SourceKind::Jsonl);
    if distant.count() == 0 {
        let text = "no source to compare with: see to it that NTP runs (timedatectl)";
        return finding("clock", Verdict::Ok, text.to_owned());
    }
    let own = config.sources.iter().find_map(|source| source.endpoint.clone());
    let witness = own.unwrap_or_else(|| "https://arxiv.org".to_owned());
    let told = async {
        let client = one_time_client().map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        let answer =
            client.head(&witness).timeout(WAIT).send().await.map_err(|error| error.without_url().to_string())?;
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok()).unwrap_or_default();
        DateTime::parse_from_rfc2822(date).map_err(|_| "its answer has no date".to_owned())
    };
    match told.await {
        Err(why) => {
            let text =
                format!("cannot be compared with that of {witness}: {why}; see to it that NTP runs (timedatectl)");
            finding("clock", Verdict::Warn, text)
        }
        Ok(theirs) => {
            let off = (clock.now() - theirs.to_utc()).num_seconds();
            let side = if off < 0 { "behind" } else { "ahead of" };
            let text = format!("{} seconds {side} that of {witness}", off.abs());
            match off.abs() {
                CLOCK_OFF_SECONDS.. => finding(
                    "clock",
                    Verdict::Fail,
                    format!("{text}: issues go out at the wrong hour; set it, and let NTP keep it"),
                ),
                CLOCK_ODD_SECONDS.. => finding("clock", Verdict::Warn, format!("{text}: let NTP keep it")),
                _ => finding("clock", Verdict::Ok, text),
            }
        }
    }
}
