//! How findings become alarms: when one is raised, repeated and over. Pure.

use super::LOOK_BACK;
use super::finding::Finding;
use super::kind::{FindingKind, Severity};
use crate::store::AlarmRow;
use chrono::{DateTime, TimeDelta, Utc};

/// A finding that is gone for this long is over: one that comes and goes is one alarm.
const CALM: TimeDelta = TimeDelta::minutes(5);

/// How often it is stored that an alarm still stands.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The least time between two alarm mails.
const MAIL_GAP: TimeDelta = TimeDelta::minutes(10);

/// The rows to store: how the `known` alarms that are not over change, and new ones.
pub(super) fn follow(known: &[AlarmRow], found: &[Finding], now: DateTime<Utc>) -> Vec<AlarmRow> {
    let mut changed = Vec::new();
    for finding in found {
        let before = known
            .iter()
            .find(|row| row.over_at.is_none() && finding.is_of(row));
        let mut row = before.cloned().unwrap_or_else(|| new_row(finding, now));
        // A clock that was set back must not delay an alarm until it has caught up.
        row.since = row.since.min(now);
        if now - row.seen_at >= SEEN_EVERY || row.seen_at > now {
            row.seen_at = now;
        }
        if row.raised_at.is_none() && now - row.since >= finding.patience {
            row.raised_at = Some(now);
            row.seen_at = now;
        }
        if row.raised_at.is_none() || row.seen_at == now {
            row.text.clone_from(&finding.what);
            row.remedy.clone_from(&finding.remedy);
            row.detail.clone_from(&finding.detail);
        }
        if before != Some(&row) {
            changed.push(row);
        }
    }
    for row in known.iter().filter(|row| row.over_at.is_none()) {
        let is_found = found.iter().any(|finding| finding.is_of(row));
        // A relay's pause has its own patience: it ends when a mail was taken.
        let is_relay = [FindingKind::RelayDown, FindingKind::RelayRefusesUs]
            .iter()
            .any(|kind| kind.word() == row.name);
        let calm = if is_relay { TimeDelta::zero() } else { CALM };
        if !is_found && (now - row.seen_at >= calm || row.raised_at.is_none()) {
            changed.push(AlarmRow {
                over_at: Some(now),
                ..row.clone()
            });
        }
    }
    changed
}

/// The row of an alarm that is not raised yet.
pub(super) fn new_row(finding: &Finding, now: DateTime<Utc>) -> AlarmRow {
    AlarmRow {
        id: 0,
        name: finding.kind.word().to_owned(),
        about: finding.about.clone(),
        text: finding.what.clone(),
        remedy: finding.remedy.clone(),
        detail: finding.detail.clone(),
        since: now,
        seen_at: now,
        raised_at: None,
        over_at: None,
        mailed_at: None,
        mail_done: false,
        posted_at: None,
        post_done: false,
    }
}

/// A finding as it is shown, and since when its alarm stands, if one does.
pub type Current = (Finding, Option<DateTime<Utc>>);

/// Merges `found` with the standing `alarms` of other processes and earlier looks: each once, the
/// worst first.
pub fn current(found: Vec<Finding>, alarms: &[AlarmRow]) -> Vec<Current> {
    let standing: Vec<&AlarmRow> = alarms.iter().filter(|alarm| alarm.stands()).collect();
    let mut all: Vec<Current> = Vec::new();
    for alarm in &standing {
        let is_found = found.iter().any(|finding| finding.is_of(alarm));
        let kind = FindingKind::from_word(&alarm.name).filter(|_| !is_found);
        all.extend(kind.map(|kind| {
            let stored = Finding::new(kind, alarm.text.as_str(), &alarm.remedy);
            let stored = stored.about(&alarm.about).detail(&alarm.detail);
            (stored, Some(alarm.since))
        }));
    }
    all.extend(found.into_iter().map(|finding| {
        let alarm = standing.iter().find(|alarm| finding.is_of(alarm));
        let since = alarm.map(|alarm| alarm.since);
        (finding, since)
    }));
    all.sort_by_key(|(finding, _): &Current| -> Severity { finding.severity });
    all
}

/// The news about an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The alarm was raised.
    Raised,
    /// The alarm still stands, some time after the last mail about it.
    Lasts,
    /// An alarm that was mailed is over.
    Over,
    /// The alarm was raised and is over, and no mail was sent meanwhile.
    Passed,
}

/// The alarms to mail about, by index, with the news. Empty within [`MAIL_GAP`] of the last mail.
pub(super) fn to_mail(
    alarms: &[AlarmRow],
    now: DateTime<Utc>,
    repeat: TimeDelta,
) -> Vec<(usize, News)> {
    let last = alarms
        .iter()
        .filter_map(|row| row.mailed_at)
        .filter(|last| *last <= now)
        .max();
    if last.is_some_and(|last| now - last < MAIL_GAP) {
        return Vec::new();
    }
    let news = |row: &AlarmRow| {
        row.raised_at?;
        match (row.over_at, row.mailed_at) {
            (None, None) => Some(News::Raised),
            (None, Some(mailed)) => (now - mailed >= repeat).then_some(News::Lasts),
            (Some(_), _) if row.mail_done => None,
            (Some(_), Some(_)) => Some(News::Over),
            (Some(over), None) => (now - over < LOOK_BACK * 7).then_some(News::Passed),
        }
    };
    alarms
        .iter()
        .enumerate()
        .filter_map(|(at, row)| Some((at, news(row)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-03-26T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn disk_low() -> Finding {
        Finding::new(FindingKind::DiskLow, "low", "make room")
    }

    fn relay_down() -> Finding {
        Finding::new(FindingKind::RelayDown, "down", "look").patience(TimeDelta::minutes(15))
    }

    /// Stores how the alarms change when `found` is found, and returns the news that are mailed.
    fn step(known: &mut Vec<AlarmRow>, found: &[Finding], now: DateTime<Utc>) -> Vec<News> {
        for row in follow(known, found, now) {
            match known
                .iter_mut()
                .find(|other| other.id == row.id && row.id != 0)
            {
                Some(other) => *other = row,
                None => known.push(AlarmRow {
                    id: known.len() as i64 + 1,
                    ..row
                }),
            }
        }
        known.retain(|row| row.raised_at.is_some() || row.over_at.is_none());
        let news = to_mail(known, now, TimeDelta::hours(24));
        for (at, _) in &news {
            known[*at].mailed_at = Some(now);
            known[*at].mail_done = known[*at].over_at.is_some();
        }
        news.into_iter().map(|(_, news)| news).collect()
    }

    #[test]
    fn an_alarm_is_mailed_once_again_after_a_day_and_when_it_is_over() {
        let down = relay_down();
        let (mut known, mut told) = (Vec::new(), Vec::new());
        for minute in 0..3 * 24 * 60 {
            let is_down = minute < 2 * 24 * 60;
            let found = if is_down {
                vec![down.clone()]
            } else {
                Vec::new()
            };
            told.extend(
                step(&mut known, &found, at(minute))
                    .into_iter()
                    .map(|news| (minute, news)),
            );
        }
        assert_eq!(
            told,
            [
                (15, News::Raised),
                (15 + 24 * 60, News::Lasts),
                (2 * 24 * 60, News::Over)
            ],
            "after its patience, after a day, and at its end"
        );
    }

    #[test]
    fn a_finding_that_comes_and_goes_is_one_alarm_and_a_short_one_is_none() {
        let low = disk_low();
        let down = relay_down();
        let (mut known, mut told) = (Vec::new(), Vec::new());
        for minute in 0..60 {
            let mut found = if minute % 2 == 0 {
                vec![low.clone()]
            } else {
                Vec::new()
            };
            found.extend((minute % 10 < 5).then(|| down.clone()));
            told.extend(
                step(&mut known, &found, at(minute))
                    .into_iter()
                    .map(|news| (minute, news)),
            );
        }
        assert_eq!(told, [(0, News::Raised)]);
    }

    #[test]
    fn many_alarms_are_few_mails() {
        let (mut known, mut mails) = (Vec::new(), 0);
        for minute in 0..60 {
            let found: Vec<Finding> = (0..=minute)
                .map(|part| {
                    Finding::new(FindingKind::PartFailing, "fails", "see").about(&part.to_string())
                })
                .collect();
            mails += u32::from(!step(&mut known, &found, at(minute)).is_empty());
        }
        assert_eq!(mails, 6, "one in ten minutes");
    }

    #[test]
    fn a_clock_that_is_set_back_silences_no_alarm() {
        let low = disk_low();
        let mut known = Vec::new();
        assert_eq!(
            step(&mut known, std::slice::from_ref(&low), at(0)),
            [News::Raised]
        );
        let earlier = at(-3 * 24 * 60);
        let other = Finding::new(FindingKind::ClockOff, "off", "set it");
        assert_eq!(step(&mut known, &[low, other], earlier), [News::Raised]);
    }

    #[test]
    fn a_finding_and_its_alarm_are_shown_once_with_the_time_of_the_alarm() {
        let raised = AlarmRow {
            raised_at: Some(at(0)),
            ..new_row(&disk_low(), at(0))
        };
        let other = AlarmRow {
            raised_at: Some(at(1)),
            ..new_row(&relay_down().about("mx:25"), at(1))
        };
        let unknown = AlarmRow {
            name: "of_another_version".to_owned(),
            ..other.clone()
        };
        let shown = current(vec![disk_low()], &[raised, other, unknown]);
        let shown: Vec<_> = shown
            .iter()
            .map(|(finding, since)| (finding.kind, *since))
            .collect();
        assert_eq!(
            shown,
            [
                (FindingKind::RelayDown, Some(at(1))),
                (FindingKind::DiskLow, Some(at(0)))
            ]
        );
    }
}
