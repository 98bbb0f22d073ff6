//! Sudden ends, for tests of what survives them.
//!
//! In development builds every commit and every write to a relay passes a
//! point; the process aborts at point number `PAPERBOY_DIE_AT`, as if the power
//! had gone. Release builds have no points.

/// Passes a point. Does not return if it is the one.
pub fn pass() {
    #[cfg(debug_assertions)]
    counted::pass();
}

/// The most bytes that one write may take, so that points lie within a text; `None` for any.
pub fn write_bytes_max() -> Option<usize> {
    #[cfg(debug_assertions)]
    return counted::write_bytes_max();
    #[cfg(not(debug_assertions))]
    None
}

#[cfg(debug_assertions)]
mod counted {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// 0 for never.
    static DIE_AT: OnceLock<u64> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn die_at() -> u64 {
        *DIE_AT.get_or_init(|| {
            std::env::var("PAPERBOY_DIE_AT")
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0)
        })
    }

    pub(super) fn pass() {
        if die_at() > 0 && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == die_at() {
            std::process::abort();
        }
    }

    pub(super) fn write_bytes_max() -> Option<usize> {
        (die_at() > 0).then_some(1000)
    }
}
