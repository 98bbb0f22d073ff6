use super::settings::{MailTarget, Reach, SettingsFacts};
use super::*;
use crate::coverage::{Coverage, CoverageState};
use crate::findings::facts::LoopFailure;
use crate::findings::kind::FindingKind::{
    self, BackupOld, CertificateExpiring, ClockOff, CoverageMissing, DatabaseDamaged,
    DatabaseNotWritable, DiskLow, DkimUnaligned, ExampleSetting, InsecureLinks, IssuesExpired,
    IssuesSkipped, LoopSilent, MailHeld, MailSlow, MailWaits, NoIssues, PartFailing, PolicyRefused,
    PublishingLate, RelayDown, RelayRefusesUs, SecretReadable, SetAsideBurst, SourceFailing,
    SourceUnpolled, SuppressionBurst, UpkeepOverdue,
};
use crate::findings::kind::Severity;
use crate::store::{FailingSource, IncidentCounts, PolicyReports, RelayPause, SourceStatus};

fn at(minute: i64) -> DateTime<Utc> {
    "2026-03-26T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

fn relay(until: i64, refuses_us: bool) -> (String, RelayPause) {
    let pause = RelayPause {
        until: at(until),
        failures: 4,
        refuses_us,
        reason: "rcpt: 550 no".to_owned(),
    };
    ("mail:25".to_owned(), pause)
}

fn coverage(state: CoverageState) -> Vec<Coverage> {
    vec![Coverage {
        source: "arxiv".to_owned(),
        category: "cs.LG".to_owned(),
        date: "2026-03-26".parse().unwrap(),
        state,
        declared: None,
        papers: 0,
        announced_at: None,
        checked_at: at(0),
        completed_at: None,
        note: "503".to_owned(),
    }]
}

#[track_caller]
fn check(change: impl FnOnce(&mut Facts), expected: &[FindingKind]) {
    let mut facts = Facts {
        relay: "mail:25".to_owned(),
        due: 3,
        readers: 100,
        backup_age: TimeDelta::days(2),
        ..Facts::default()
    };
    change(&mut facts);
    let found = decide(&facts, at(0));
    let kinds: Vec<FindingKind> = found.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, expected);
    check_words(&found);
}

#[track_caller]
fn check_words(found: &[Finding]) {
    for text in found
        .iter()
        .flat_map(|finding| [&finding.what, &finding.remedy])
    {
        assert!(
            !text.is_empty() && !text.contains(['@', '\n']) && !text.contains("  "),
            "{text:?}"
        );
    }
}

#[track_caller]
fn check_incidents(change: impl FnOnce(&mut IncidentCounts), expected: &[FindingKind]) {
    check(|facts| change(&mut facts.incidents), expected);
}

#[test]
fn each_kind_of_finding_has_one_threshold() {
    check(|_| {}, &[]);
    check_incidents(|counts| counts.refused_for_policy = 3, &[PolicyRefused]);
    check_incidents(|counts| counts.refused_for_policy = 2, &[]);
    check(
        |facts| {
            facts.policy_reports = PolicyReports {
                count: 1,
                ..PolicyReports::default()
            }
        },
        &[PolicyRefused],
    );
    check_incidents(|counts| counts.held = 1, &[MailHeld]);
    check_incidents(|counts| counts.expired = 2, &[IssuesExpired]);
    check_incidents(|counts| counts.suppressed = 10, &[SuppressionBurst]);
    check(
        |facts| (facts.readers, facts.incidents.suppressed) = (1_000, 19),
        &[],
    );
    check(|facts| facts.overdue_readers = 1, &[PublishingLate]);
    check_incidents(|counts| counts.skipped_late = 1, &[IssuesSkipped]);
    check(
        |facts| (facts.due_readers, facts.incidents.papers_complete) = (3, 600),
        &[NoIssues],
    );
    check_incidents(|counts| counts.papers_complete = 600, &[]);
    check(
        |facts| {
            (facts.due_readers, facts.incidents.papers_complete) = (3, 600);
            facts.incidents.composed = 1;
        },
        &[],
    );
    let records = vec![("arxiv".to_owned(), 20), ("feed".to_owned(), 19)];
    check_incidents(|counts| counts.set_aside = records, &[SetAsideBurst]);
    check(|facts| facts.free_bytes = Some((1 << 30) - 1), &[DiskLow]);
    check(|facts| facts.free_bytes = Some(1 << 30), &[]);
    check(
        |facts| facts.damage = "page 3".to_owned(),
        &[DatabaseDamaged],
    );
    check(
        |facts| facts.unwritable = Some("disk full".to_owned()),
        &[DatabaseNotWritable],
    );
    check(|facts| facts.newest_backup = Some(None), &[BackupOld]);
    check(
        |facts| facts.newest_backup = Some(Some(at(-3 * 24 * 60))),
        &[BackupOld],
    );
    check(|facts| facts.newest_backup = Some(Some(at(-60))), &[]);
    check(|facts| facts.clock_off_seconds = Some(-300), &[ClockOff]);
    check(|facts| facts.clock_off_seconds = Some(299), &[]);
    let ends = |days: i64| vec![("a".to_owned(), at(days * 24 * 60))];
    check(
        |facts| facts.certificates = ends(13),
        &[CertificateExpiring],
    );
    check(|facts| facts.certificates = ends(15), &[]);
    let failing = LoopFailure {
        name: "publish".to_owned(),
        since: at(-1),
        error: "a template".to_owned(),
    };
    check(|facts| facts.failing_loops = vec![failing], &[PartFailing]);
    check(
        |facts| facts.silent_loops = vec!["publish".to_owned()],
        &[LoopSilent],
    );
    check(
        |facts| facts.tended_at = Some(at(-3 * 24 * 60 - 1)),
        &[UpkeepOverdue],
    );
}

#[test]
fn a_paused_relay_is_a_finding_until_it_takes_mail_again() {
    check(|facts| facts.relays = vec![relay(30, false)], &[RelayDown]);
    check(
        |facts| facts.relays = vec![relay(30, true)],
        &[RelayRefusesUs],
    );
    check(|facts| facts.relays = vec![relay(-1, false)], &[]);
    let needed = |facts: &mut Facts| {
        facts.relays = vec![relay(-1, false)];
        facts.oldest_due = Some(at(-1));
    };
    check(needed, &[RelayDown]);
    let former = |facts: &mut Facts| {
        needed(facts);
        "other:25".clone_into(&mut facts.relay);
    };
    check(former, &[]);
}

#[test]
fn due_mail_waits_if_nothing_was_tried_for_15_minutes() {
    check(|facts| facts.oldest_due = Some(at(-16)), &[MailWaits]);
    check(|facts| facts.oldest_due = Some(at(-15)), &[]);
    let tried = |due: i64, tried: i64| {
        move |facts: &mut Facts| {
            facts.oldest_due = Some(at(due));
            facts.incidents.last_try = Some(at(tried));
        }
    };
    check(tried(-59, -15), &[]);
    check(tried(-61, -15), &[MailSlow]);
    check(tried(-61, -16), &[MailWaits]);
    let paused = |facts: &mut Facts| {
        facts.oldest_due = Some(at(-300));
        facts.relays = vec![relay(30, false)];
    };
    check(paused, &[RelayDown]);
}

#[test]
fn a_failing_source_is_one_finding() {
    let failing = |minute| FailingSource {
        source: "feed".to_owned(),
        since: at(minute),
        why: "404".to_owned(),
    };
    check(
        |facts| facts.failing_sources = vec![failing(-60)],
        &[SourceFailing],
    );
    check(|facts| facts.failing_sources = vec![failing(-59)], &[]);
    check(
        |facts| {
            facts.coverage = coverage(CoverageState::Stalled);
            facts.coverage.extend(coverage(CoverageState::Failed));
            facts.failing_sources = vec![FailingSource {
                source: "arxiv".to_owned(),
                ..failing(-60)
            }];
        },
        &[SourceFailing],
    );
    check(
        |facts| facts.coverage = coverage(CoverageState::Waiting),
        &[],
    );
    check(
        |facts| {
            facts.coverage = coverage(CoverageState::Waiting);
            facts.issues_after = vec![(at(-12 * 60), 7)];
        },
        &[CoverageMissing],
    );
    check(
        |facts| {
            facts.latest_send = TimeDelta::hours(13);
            facts.coverage = coverage(CoverageState::Waiting);
            facts.issues_after = vec![(at(60), 7)];
        },
        &[],
    );
    let polled = |hours: i64| {
        move |facts: &mut Facts| {
            facts.sources = vec!["feed".to_owned()];
            facts.standings = vec![SourceStatus {
                source: "feed".to_owned(),
                checked_at: at(-60 * hours),
                settled_at: None,
            }];
        }
    };
    check(polled(26), &[]);
    check(polled(27), &[SourceUnpolled]);
    check(
        |facts| facts.sources = vec!["feed".to_owned()],
        &[SourceUnpolled],
    );
}

#[test]
fn the_words_of_kinds_are_unique_and_those_of_alarms_stay() {
    let mut words: Vec<&str> = FindingKind::ALL.iter().map(|kind| kind.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), FindingKind::ALL.len());
    for kind in FindingKind::ALL {
        assert_eq!(FindingKind::from_word(kind.word()), Some(*kind));
    }
    // Alert rules, webhooks and stored rows name them.
    let alarms: Vec<&str> = FindingKind::alarms().map(FindingKind::word).collect();
    insta::assert_snapshot!(alarms.join(" "), @"relay_down relay_refuses_us policy_refused mail_waits mail_held issues_expired issues_skipped no_issues publishing_late coverage_missing source_failing set_aside_burst suppression_burst disk_low database_not_writable database_damaged backup_old clock_off certificate_expiring part_failing");
}

#[test]
fn settings_that_lose_or_leak_mail_are_failures() {
    let safe = SettingsFacts {
        base_url: "https://papers.uni.edu".to_owned(),
        host: "papers.uni.edu".to_owned(),
        reach: Reach::Public,
        allow_http: false,
        from_domain: "uni.edu".to_owned(),
        contact_domain: "uni.edu".to_owned(),
        mail: MailTarget::Relay,
        has_source: true,
        readable_secrets: Vec::new(),
        plaintext_admin: None,
        has_bounce_address: true,
        has_unsubscribe_address: true,
        dkim_domain: Some("UNI.edu".to_owned()),
    };
    let check = |change: &dyn Fn(&mut SettingsFacts), expected: &[(FindingKind, Severity)]| {
        let mut facts = safe.clone();
        change(&mut facts);
        let found = settings::decide(&facts);
        check_words(&found);
        let found: Vec<_> = found
            .iter()
            .map(|finding| (finding.kind, finding.severity))
            .collect();
        assert_eq!(found, expected);
    };
    let http = |facts: &mut SettingsFacts| facts.base_url = "http://papers.uni.edu".to_owned();
    check(&|_| {}, &[]);
    check(&http, &[(InsecureLinks, Severity::Fail)]);
    let private = |facts: &mut SettingsFacts| {
        http(facts);
        facts.reach = Reach::Private;
    };
    check(&private, &[(InsecureLinks, Severity::Warn)]);
    let permitted = |facts: &mut SettingsFacts| {
        http(facts);
        facts.allow_http = true;
    };
    check(&permitted, &[(InsecureLinks, Severity::Warn)]);
    let exposed = |facts: &mut SettingsFacts| {
        facts.readable_secrets = vec![("a".into(), false), ("b".into(), true)];
    };
    check(
        &exposed,
        &[
            (SecretReadable, Severity::Fail),
            (SecretReadable, Severity::Warn),
        ],
    );
    let unaligned = |facts: &mut SettingsFacts| facts.dkim_domain = Some("esp.net".to_owned());
    check(&unaligned, &[(DkimUnaligned, Severity::Warn)]);
    let example = |facts: &mut SettingsFacts| facts.from_domain = "mail.example.org".to_owned();
    check(
        &|facts| {
            example(facts);
            facts.dkim_domain = None;
        },
        &[(ExampleSetting, Severity::Warn)],
    );
}
