//! The database cannot be written: sending stops, logs it, and resumes later.

use crate::harness::environment::{missing, runs};
use crate::harness::fake_smtp::FakeRelay;
use crate::outbox::crash::{Place, judge};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tokio::task::spawn_blocking;

/// The ledger refuses every change after this many, as if the disk were full.
fn fills_up(place: &Place, changes: i64) {
    let db = rusqlite::Connection::open(place.path("paperboy.db")).unwrap();
    // A trigger does it: SQLite's own limit of size is that of one connection.
    db.execute_batch(&format!(
        "CREATE TABLE room (left INTEGER NOT NULL); INSERT INTO room VALUES ({changes});
         CREATE TRIGGER full_mark BEFORE UPDATE OF state ON deliveries BEGIN
             UPDATE room SET left = left - 1;
             SELECT RAISE(ABORT, 'database or disk is full') FROM room WHERE left < 0;
         END;"
    ))
    .unwrap();
}

fn is_emptied(place: &Place) {
    let db = rusqlite::Connection::open(place.path("paperboy.db")).unwrap();
    db.execute_batch("DROP TRIGGER full_mark; DROP TABLE room")
        .unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_write_fails_sending_stops_says_so_and_resumes() {
    const MAILS: usize = 6;
    let mut failures = 0;
    for writes in 0.. {
        let relay = FakeRelay::start().await;
        let place = Place::with_queue(&relay, MAILS);
        let (place, stopped) = spawn_blocking(move || {
            fills_up(&place, writes);
            let output = place.starts(0).wait_with_output().unwrap();
            is_emptied(&place);
            (place, (!output.status.success()).then(|| said(&output)))
        })
        .await
        .unwrap();
        let story = format!("write {writes} fails");
        let Some(words) = stopped else {
            judge(&place.outbox(), &relay.kept(), 0, &story);
            break;
        };
        failures += 1;
        assert!(
            words.contains("cannot record deliveries"),
            "{story}: {words}"
        );
        assert!(words.contains("full"), "{story}: {words}");
        // Sent mail is in the ledger: as accepted, or as a hand-over that did not end.
        for mail in relay.kept() {
            let row = place
                .outbox()
                .into_iter()
                .find(|row| row.address == mail.to)
                .unwrap();
            assert!(
                ["accepted", "handing_over"].contains(&row.state.as_str()),
                "{story}: {row:?}"
            );
        }
        let place = spawn_blocking(move || {
            assert!(place.delivers(0));
            place
        })
        .await
        .unwrap();
        judge(&place.outbox(), &relay.kept(), 1, &story);
    }
    assert!(failures >= 3 * MAILS as i64 - 2, "{failures}");
}

/// A disk of 2 MiB in memory. Only root can have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        runs(
            mount
                .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
                .arg(at),
        )
        .then(|| SmallDisk(at.to_owned()))
    }

    /// Fills it except for this many pages.
    fn fill(&self, pages: u64) {
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        let mut written = 0;
        while filler.write_all(&[1; 4096]).is_ok() {
            written += 4096;
        }
        filler.set_len(written - pages * 4096).unwrap();
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        assert!(runs(Command::new("umount").arg("-l").arg(&self.0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_no_mail() {
    const MAILS: usize = 30;
    let mut stopped = 0;
    // From too little to open the database to enough for everything.
    for pages in [0, 8, 12, 16, 24, 32, 48, 64, 96] {
        let folder = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(folder.path()) else {
            return missing("a small disk (mount -t tmpfs, as root)");
        };
        let relay = FakeRelay::start().await;
        let place = Place::in_folder(folder, &relay, MAILS);
        let (place, disk, ended) = spawn_blocking(move || {
            disk.fill(pages);
            let output = place.starts(0).wait_with_output().unwrap();
            disk.empty();
            (place, disk, output.status.success())
        })
        .await
        .unwrap();
        stopped += usize::from(!ended);
        let place = spawn_blocking(move || {
            assert!(place.delivers(0), "with {pages} pages left");
            place
        })
        .await
        .unwrap();
        judge(
            &place.outbox(),
            &relay.kept(),
            1,
            &format!("with {pages} pages left"),
        );
        drop(disk);
    }
    assert!(stopped >= 2, "the disk was never full: {stopped}");
}
