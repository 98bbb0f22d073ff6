//! What systemd is told (`sd_notify(3)`). Without it, nothing is said.

use super::driver::Heartbeat;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;

/// The program does its work.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The settings are read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The program finishes what is under way.
pub(super) fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("finishing what is under way"),
    ]);
}

/// How often systemd wants a sign of life: twice as often as it loses patience.
pub(super) fn watchdog_wait() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// Gives a sign of life, if every loop does.
pub(super) fn ping(heartbeats: &[Arc<Heartbeat>]) {
    match heartbeats.iter().find(|heartbeat| !heartbeat.is_alive()) {
        None => tell(&[NotifyState::Watchdog]),
        Some(silent) => {
            tracing::error!(
                loop_name = silent.name,
                "{}: no sign of life, the watchdog is not told otherwise",
                silent.name
            );
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd cannot be told: {error}");
    }
}
