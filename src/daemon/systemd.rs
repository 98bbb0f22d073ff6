//! Notifies systemd (`sd_notify(3)`), if it started the service.

use super::driver::Heartbeat;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;

/// The service is ready.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The settings are being reloaded; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The service is stopping.
pub(super) fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("finishing running steps"),
    ]);
}

/// The interval of watchdog pings: half of systemd's limit.
pub(super) fn watchdog_wait() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// Pings the watchdog, if every loop gives a heartbeat.
pub(super) fn ping(heartbeats: &[Arc<Heartbeat>]) {
    match heartbeats.iter().find(|heartbeat| !heartbeat.is_alive()) {
        None => tell(&[NotifyState::Watchdog]),
        Some(silent) => {
            tracing::error!(
                loop_name = silent.name,
                "{}: no heartbeat, the watchdog is not pinged",
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
