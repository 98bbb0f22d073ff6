//! How many reports are read and judged in a second, on one core:
//! `cargo bench --bench inbound`, with the collection in `PAPERBOY_SHARED_DATA`.

use paperboy::inbound::reading::read;
use paperboy::inbound::verdict::verdicts;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

const SECONDS: f64 = 3.0;

fn main() {
    let Some(folder) =
        std::env::var_os("PAPERBOY_SHARED_DATA").map(|data| PathBuf::from(data).join("bounces_sisimai/maildir/bsd"))
    else {
        eprintln!("skipped: PAPERBOY_SHARED_DATA is not set");
        return;
    };
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there are no reports in {}", folder.display());
        return;
    };
    let mails: Vec<Vec<u8>> = entries.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok()).collect();
    let (mut count, began) = (0_u64, Instant::now());
    while began.elapsed().as_secs_f64() < SECONDS {
        for mail in &mails {
            black_box(verdicts(&read(black_box(mail))));
            count += 1;
        }
    }
    eprintln!("{} reports: {:.0} a second", mails.len(), count as f64 / began.elapsed().as_secs_f64());
}
