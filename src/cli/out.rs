//! Output: results on standard output, notes and progress on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use textwrap::core::display_width;

/// Prints one line.
pub(super) fn line(text: impl AsRef<str>) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", text.as_ref())
}

/// Prints bytes as they are.
pub(super) fn bytes(bytes: &[u8]) -> io::Result<()> {
    io::stdout().lock().write_all(bytes)
}

/// Prints a value as indented JSON.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, value).map_err(io::Error::from)?;
    Ok(writeln!(stdout)?)
}

/// Prints a note besides the result, on standard error.
pub(super) fn note(text: impl AsRef<str>) {
    // An unreadable note is not an error.
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Whether the reader of our output has closed the pipe.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints a table with headings, columns aligned.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = headings.map(display_width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(display_width(cell));
        }
    }
    let mut stdout = io::stdout().lock();
    let mut print = |cells: &[&str]| {
        let mut text = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            text.push_str(cell);
            if at + 1 < N {
                text.extend(std::iter::repeat_n(' ', width - display_width(cell) + 2));
            }
        }
        writeln!(stdout, "{}", text.trim_end())
    };
    print(&headings)?;
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        print(&cells)?;
    }
    Ok(())
}

/// Shows progress: a bar on a terminal, plain lines elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    said: std::cell::Cell<u64>,
    what: &'static str,
}

impl Progress {
    /// Starts with `total` steps; 0 if unknown.
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = if total == 0 {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::new(total)
        };
        bar.set_draw_target(if is_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        let form = if total == 0 {
            "{spinner} {msg} {pos}"
        } else {
            "{msg} {wide_bar} {pos}/{len} {eta}"
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_message(what);
        if is_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Progress {
            bar,
            is_terminal,
            said: std::cell::Cell::new(0),
            what,
        }
    }

    /// Starts with `total` bytes; without a terminal only the first line is printed.
    pub(super) fn bytes(what: &'static str, total: u64) -> Self {
        let progress = Self::new(what, total);
        let form = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if total > 0
            && let Ok(style) = ProgressStyle::with_template(form)
        {
            progress.bar.set_style(style);
        }
        progress.said.set(u64::MAX);
        progress
    }

    /// Sets the number of finished steps.
    pub(super) fn at(&self, done: u64) {
        self.bar.set_position(done);
        // Without a terminal, a line for every 10,000 steps is enough.
        if !self.is_terminal && done / 10_000 > self.said.get() {
            self.said.set(done / 10_000);
            note(format!("{}: {done}", self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
