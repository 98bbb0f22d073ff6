//! The values of an issue's templates, except for its papers: cleaned, cut and in the
//! reader's language. Pure.

use super::accent::Accent;
use super::clean::line;
use super::paper_view::{NAME_CHARS_MAX, title};
use super::placeholders::placeholder;
use super::{Branding, DayCovered, Issue, IssuePick, IssueSection, Note, Recipient};
use crate::language::{Language, TextDirection};
use crate::paper::PaperId;
use crate::pick::Section;
use crate::subscriber::{EVERY_DAY, Frequency, Preferences};
use crate::text::cut;
use chrono::{NaiveDate, Weekday};
use serde::Serialize;
use std::collections::HashSet;

const HEADING_CHARS_MAX: usize = 120;
const COVERED_SHOWN: usize = 4;

/// The root value of the templates of an issue.
#[derive(Debug, Serialize)]
pub(super) struct IssueView {
    pub(super) lang: String,
    pub(super) dir: &'static str,
    pub(super) site: SiteView,
    pub(super) accent: String,
    pub(super) accent_dark: String,
    /// `Fri 20 Nov`.
    pub(super) date_short: String,
    /// `Friday, 20 November 2026`.
    pub(super) date_long: String,
    /// Number of papers.
    pub(super) count: usize,
    /// Title of the first paper; empty without papers.
    pub(super) top_title: String,
    /// The default subject.
    pub(super) headline: String,
    /// A sentence about the number of papers and the days covered.
    pub(super) opening: String,
    /// Sentences about sources that were late.
    pub(super) late: Vec<String>,
    /// Paragraphs of a first issue.
    pub(super) welcome: Vec<String>,
    /// The reason for an issue without papers.
    pub(super) note: Option<String>,
    pub(super) sections: Vec<SectionView>,
    /// Sentences about papers that are not shown.
    pub(super) not_shown: Vec<String>,
    /// The reason for getting this mail: the subscription.
    pub(super) reason: String,
    pub(super) write_to: String,
    pub(super) view_url: String,
    pub(super) preferences_url: String,
    pub(super) unsubscribe_url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SiteView {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) contact: String,
    pub(super) logo: Option<String>,
}

impl SiteView {
    pub(super) fn new(branding: &Branding) -> Self {
        SiteView {
            name: cut(&line(&branding.name), NAME_CHARS_MAX),
            url: format!("{}/", branding.base_url),
            contact: line(&branding.contact),
            logo: branding.logo.as_deref().and_then(super::clean::web_url),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct SectionView {
    pub(super) heading: String,
    /// `interest`, `followed`, `trending`, `new`, `told` or `exploring`.
    pub(super) kind: &'static str,
    /// An explanation below the heading.
    pub(super) hint: Option<String>,
    pub(super) count: usize,
    pub(super) groups: Vec<GroupView>,
}

/// Picks of one day in a weekly issue; all picks of a section in a daily one.
#[derive(Debug, Serialize)]
pub(super) struct GroupView {
    pub(super) day: Option<String>,
    /// The rendered papers.
    pub(super) papers: Vec<String>,
}

/// The picks by score, best first; if an issue is too large, the last ones are left out.
/// Equal scores keep the order of the issue.
pub(super) fn by_rank(issue: &Issue) -> Vec<&IssuePick> {
    let mut picks: Vec<&IssuePick> = issue
        .sections
        .iter()
        .flat_map(|section| &section.picks)
        .collect();
    picks.sort_by(|a, b| b.score.total_cmp(&a.score));
    picks
}

/// Whether the papers are grouped by day.
fn is_by_day(issue: &Issue, preferences: &Preferences) -> bool {
    preferences.frequency == Frequency::Weekly && issue.covers.len() > 1
}

/// Whether a paper shows its own date, because no heading does.
pub(super) fn is_dated(pick: &IssuePick, issue: &Issue, preferences: &Preferences) -> bool {
    let day = pick.paper.announced;
    let is_the_only_day = matches!(issue.covers.as_slice(), [only] if day == Some(only.date));
    !is_the_only_day && (day.is_none() || !is_by_day(issue, preferences))
}

/// The picks of a section that are not left out, grouped by day if days are shown.
struct Grouped<'a> {
    section: &'a IssueSection,
    groups: Vec<(Option<NaiveDate>, Vec<&'a IssuePick>)>,
}

fn grouped<'a>(
    issue: &'a Issue,
    preferences: &Preferences,
    left_out: &HashSet<&PaperId>,
) -> Vec<Grouped<'a>> {
    let by_day = is_by_day(issue, preferences);
    let group = |section: &'a IssueSection| {
        let mut groups: Vec<(Option<NaiveDate>, Vec<&IssuePick>)> = Vec::new();
        for pick in section
            .picks
            .iter()
            .filter(|pick| !left_out.contains(&pick.paper.id))
        {
            let day = pick.paper.announced.filter(|_| by_day);
            match groups.iter_mut().find(|(known, _)| *known == day) {
                Some((_, picks)) => picks.push(pick),
                None => groups.push((day, vec![pick])),
            }
        }
        // The oldest day first, papers without a day last.
        groups.sort_by_key(|(day, _)| (day.is_none(), *day));
        Grouped { section, groups }
    };
    issue
        .sections
        .iter()
        .map(group)
        .filter(|grouped| !grouped.groups.is_empty())
        .collect()
}

/// The view of `issue` for `recipient` without the papers in `left_out`, and the remaining
/// picks in the order of their placeholders.
pub(super) fn view<'a>(
    issue: &'a Issue,
    recipient: &Recipient<'_>,
    branding: &Branding,
    language: &Language,
    left_out: &HashSet<&PaperId>,
) -> (IssueView, Vec<&'a IssuePick>) {
    let words = &language.digest;
    let preferences = recipient.preferences;
    let by_day = is_by_day(issue, preferences);
    let mut printed: Vec<&IssuePick> = Vec::new();
    let mut sections = Vec::new();
    for Grouped { section, groups } in grouped(issue, preferences, left_out) {
        let before = printed.len();
        let mut views = Vec::with_capacity(groups.len());
        for (day, picks) in groups {
            let day = by_day.then(|| match day {
                Some(day) => language.day_long(day, issue.local_date),
                None => words.without_date.as_str().to_owned(),
            });
            let papers = (printed.len()..printed.len() + picks.len())
                .map(placeholder)
                .collect();
            printed.extend(picks);
            views.push(GroupView { day, papers });
        }
        sections.push(SectionView {
            heading: heading(&section.section, language),
            kind: kind(&section.section),
            hint: (section.section == Section::Exploring)
                .then(|| words.exploring_hint.as_str().to_owned()),
            count: printed.len() - before,
            groups: views,
        });
    }
    let count = printed.len();
    let top_title = printed
        .first()
        .map(|pick| title(&pick.paper))
        .unwrap_or_default();
    let site = SiteView::new(branding);
    let note = (count == 0 && left_out.is_empty()).then(|| note(issue, language));
    let date_short = language.day_short(issue.local_date, issue.local_date);
    let headline = match count {
        0 => words.subject_empty.with(&[("date", &date_short)]),
        _ => language.count(
            &words.subject,
            count as u64,
            &[("date", &date_short), ("title", &top_title)],
        ),
    };
    let texts = |texts: &[crate::language::Text]| {
        texts.iter().map(|text| text.as_str().to_owned()).collect()
    };
    let view = IssueView {
        lang: language.code.clone(),
        dir: TextDirection::word(language.dir),
        accent: Accent::on_light(branding.accent),
        accent_dark: Accent::on_dark(branding.accent),
        date_short,
        date_long: language.day_whole(issue.local_date),
        count,
        top_title,
        headline,
        opening: opening(count, issue, language),
        late: late(issue, language),
        welcome: if issue.is_first {
            texts(&words.welcome)
        } else {
            Vec::new()
        },
        sections,
        not_shown: not_shown(issue, left_out.len(), note.is_some(), language),
        note,
        reason: words.you_get_this.with(&[
            ("address", &recipient.address.to_string()),
            ("site", &site.name),
            ("rhythm", &rhythm(preferences, language)),
        ]),
        write_to: words.write_to.with(&[("contact", &site.contact)]),
        site,
        view_url: recipient.view_url.clone(),
        preferences_url: recipient.preferences_url.clone(),
        unsubscribe_url: recipient.unsubscribe_url.clone(),
    };
    (view, printed)
}

fn not_shown(issue: &Issue, left_out: usize, has_note: bool, language: &Language) -> Vec<String> {
    let words = &language.digest;
    let below = if has_note { 0 } else { issue.below_the_line };
    [
        (&words.left_out, left_out as u64),
        (&words.no_room, issue.no_room.into()),
        (&words.below_the_line, below.into()),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(text, count)| language.count(text, count, &[]))
    .collect()
}

/// `8 papers picked from 642: announcements of Fri 20 Nov for cs.CL and cs.LG, complete.`
/// The heading of a section: the name of its interest, else words of the language.
pub(super) fn heading(section: &Section, language: &Language) -> String {
    let words = &language.digest;
    let text = match section {
        Section::Interest(name) => {
            let own = cut(&line(name), HEADING_CHARS_MAX);
            if !own.is_empty() {
                return own;
            }
            &words.for_you
        }
        Section::FollowedAuthors => &words.followed,
        Section::Trending => &words.trending,
        Section::New => &words.new,
        Section::News => &words.told,
        Section::Exploring => &words.exploring,
    };
    text.as_str().to_owned()
}

/// The kind of a section, as templates see it.
fn kind(section: &Section) -> &'static str {
    match section {
        Section::Interest(_) => "interest",
        Section::FollowedAuthors => "followed",
        Section::Trending => "trending",
        Section::New => "new",
        Section::News => "told",
        Section::Exploring => "exploring",
    }
}

fn opening(count: usize, issue: &Issue, language: &Language) -> String {
    let words = &language.digest;
    let from = language.number(u64::from(issue.considered).max(count as u64));
    let picked = match (count, issue.considered) {
        (0, 0) => words.no_papers.as_str().to_owned(),
        (0, _) => words.picked_none.with(&[("from", &from)]),
        _ => language.count(&words.picked, count as u64, &[("from", &from)]),
    };
    let Some(days) = days(&issue.covers, issue.local_date, language) else {
        return words.opening.with(&[("picked", &picked)]);
    };
    let mut arrived: Vec<String> = Vec::new();
    for name in issue.covers.iter().flat_map(|day| &day.arrived) {
        let name = cut(&line(name), NAME_CHARS_MAX);
        if !name.is_empty() && !arrived.contains(&name) {
            arrived.push(name);
        }
    }
    let is_complete = issue.covers.iter().all(|day| day.awaited.is_empty());
    let state = if is_complete {
        &words.complete
    } else {
        &words.incomplete
    };
    let text = if arrived.is_empty() {
        &words.opening_covers
    } else {
        &words.opening_covers_names
    };
    let names = language.some(&arrived, COVERED_SHOWN);
    text.with(&[
        ("picked", &picked),
        ("days", &days),
        ("names", &names),
        ("state", state.as_str()),
    ])
}

fn days(covers: &[DayCovered], today: NaiveDate, language: &Language) -> Option<String> {
    let days: Vec<String> = covers
        .iter()
        .map(|day| language.day_short(day.date, today))
        .collect();
    match days.as_slice() {
        [] => None,
        // A range is easier to read than a long list.
        [first, .., last] if days.len() > 3 => Some(language.span(first, last)),
        few => Some(language.list(few)),
    }
}

fn late(issue: &Issue, language: &Language) -> Vec<String> {
    let said = |day: &DayCovered| {
        let names: Vec<String> = day
            .awaited
            .iter()
            .map(|name| cut(&line(name), NAME_CHARS_MAX))
            .collect();
        let (names, day) = (
            language.some(&names, COVERED_SHOWN),
            language.day_short(day.date, issue.local_date),
        );
        language
            .digest
            .late
            .with(&[("names", &names), ("day", &day)])
    };
    issue
        .covers
        .iter()
        .filter(|day| !day.awaited.is_empty())
        .map(said)
        .collect()
}

fn note(issue: &Issue, language: &Language) -> String {
    let words = &language.digest;
    let considered = u64::from(issue.considered);
    match issue.note {
        Some(Note::BelowTheLine { best, line }) => {
            let (best, line) = (language.score(best), language.score(line));
            language.count(
                &words.nothing_below,
                considered,
                &[("best", &best), ("line", &line)],
            )
        }
        Some(Note::AllSentBefore) => words.nothing_before.as_str().to_owned(),
        Some(Note::NothingMatches) => language.count(&words.nothing_matches, considered, &[]),
        None if considered > 0 => language.count(&words.nothing_picked, considered, &[]),
        Some(Note::NothingAnnounced) | None => words.nothing_announced.as_str().to_owned(),
    }
}

/// `on weekdays at 07:00 (Europe/Berlin)`.
pub(super) fn rhythm(preferences: &Preferences, language: &Language) -> String {
    const WORKDAYS: [Weekday; 5] = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
    ];
    let words = &language.digest;
    let (time, zone) = (
        preferences.send_at.format("%H:%M").to_string(),
        preferences.timezone.name(),
    );
    let time = words.clock.with(&[("time", &time), ("zone", zone)]);
    let mut days = preferences.days.clone();
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    if preferences.frequency == Frequency::Weekly {
        days = vec![preferences.weekday];
    }
    let text = match preferences.frequency {
        Frequency::Daily if days == EVERY_DAY => &words.every_day,
        Frequency::Daily if days == WORKDAYS => &words.weekdays,
        Frequency::Daily | Frequency::Weekly => &words.every,
    };
    let days: Vec<String> = days
        .into_iter()
        .map(|day| language.weekday(day).to_owned())
        .collect();
    text.with(&[("time", &time), ("days", &language.list(&days))])
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::language;
    use chrono_tz::Tz;
    use std::sync::Arc;

    fn in_language(code: &str) -> Arc<Language> {
        language::load(None).unwrap().best(code).clone()
    }

    #[track_caller]
    fn check_opening(count: usize, considered: u32, covers: Vec<DayCovered>, expected: &str) {
        let issue = Issue {
            covers,
            considered,
            ..sample::issue()
        };
        assert_eq!(opening(count, &issue, &in_language("en")), expected);
    }

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn covered_day(at: u32, arrived: &[&str], awaited: &[&str]) -> DayCovered {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        DayCovered {
            date: day(at),
            papers: 1,
            arrived: own(arrived),
            awaited: own(awaited),
        }
    }

    #[test]
    fn the_opening_gives_the_number_of_papers_and_the_days_covered() {
        check_opening(
            8,
            1642,
            vec![covered_day(20, &["cs.CL", "cs.LG"], &[])],
            "8 papers picked from 1,642: announcements of Fri 20 Nov for cs.CL and cs.LG, complete.",
        );
        check_opening(
            1,
            9,
            vec![
                covered_day(19, &["cs.CL"], &[]),
                covered_day(20, &["cs.LG"], &["cs.CL"]),
            ],
            "1 paper picked from 9: announcements of Thu 19 Nov and Fri 20 Nov for cs.CL and cs.LG, not yet complete.",
        );
        check_opening(
            2,
            9,
            (16..=20)
                .map(|at| covered_day(at, &["a", "b", "c", "d", "e", "f"], &[]))
                .collect(),
            "2 papers picked from 9: announcements of Mon 16 Nov to Fri 20 Nov for a, b, c, d and 2 more, complete.",
        );
        check_opening(0, 0, Vec::new(), "No papers today.");
        check_opening(
            0,
            12,
            vec![covered_day(20, &[], &[])],
            "Nothing picked from 12: announcements of Fri 20 Nov, complete.",
        );
    }

    #[test]
    fn late_sources_are_reported() {
        let mut issue = sample::issue();
        issue.covers = vec![covered_day(20, &["cs.LG"], &["cs.CL", "q-bio.NC"])];
        assert_eq!(
            late(&issue, &in_language("en")),
            [
                "cs.CL and q-bio.NC of Fri 20 Nov had not arrived when this issue was made; the papers will come with the next one."
            ]
        );
        assert_eq!(
            late(&issue, &in_language("ja")),
            [
                "11月20日（金）の cs.CL、q-bio.NC は、この号の作成時にまだ届いていませんでした。次の号でお届けします。"
            ]
        );
    }

    #[test]
    fn the_rhythm_is_worded() {
        let mut preferences = Preferences::default();
        let english = in_language("en");
        assert_eq!(rhythm(&preferences, &english), "every day at 07:00 (UTC)");
        preferences.days = vec![
            Weekday::Fri,
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
        ];
        preferences.timezone = Tz::Europe__Berlin;
        assert_eq!(
            rhythm(&preferences, &english),
            "on weekdays at 07:00 (Europe/Berlin)"
        );
        preferences.days = vec![Weekday::Sat, Weekday::Mon];
        assert_eq!(
            rhythm(&preferences, &english),
            "every Monday and Saturday at 07:00 (Europe/Berlin)"
        );
        assert_eq!(
            rhythm(&preferences, &in_language("de")),
            "jeden Montag und Samstag um 07:00 Uhr (Europe/Berlin)"
        );
        preferences.frequency = Frequency::Weekly;
        preferences.weekday = Weekday::Sun;
        assert_eq!(
            rhythm(&preferences, &english),
            "every Sunday at 07:00 (Europe/Berlin)"
        );
    }

    #[test]
    fn a_weekly_issue_is_grouped_by_day() {
        let (address, mut preferences) = sample::subscriber();
        preferences.frequency = Frequency::Weekly;
        let mut issue = sample::issue();
        issue.covers = vec![covered_day(18, &[], &[]), covered_day(20, &[], &[])];
        let mut earlier = issue.sections[0].picks[0].clone();
        Arc::make_mut(&mut earlier.paper).id = "2611.09999".parse().unwrap();
        Arc::make_mut(&mut earlier.paper).announced = Some(day(18));
        issue.sections[0].picks.push(earlier);
        let recipient = sample::recipient(&address, &preferences);
        let (found, printed) = view(
            &issue,
            &recipient,
            &sample::branding(),
            &in_language("en"),
            &HashSet::new(),
        );
        let days: Vec<Option<&str>> = found.sections[0]
            .groups
            .iter()
            .map(|group| group.day.as_deref())
            .collect();
        assert_eq!(
            days,
            [Some("Wednesday, 18 November"), Some("Friday, 20 November")]
        );
        assert_eq!(printed[0].paper.id.as_str(), "2611.09999");
        assert_eq!(found.sections[0].groups[0].papers, [placeholder(0)]);
        assert!(!is_dated(printed[0], &issue, &preferences));
        preferences.frequency = Frequency::Daily;
        assert!(is_dated(printed[0], &issue, &preferences));
    }
}
