//! What templates see of an issue: plain values, already cleaned and cut.

use super::accent::Accent;
use super::clean::{cut, line, paragraphs, path_segment, web_url};
use super::summary::short;
use super::{DayCovered, Dress, Issue, IssuePick, LANGUAGE, Note, Recipient, Section, SectionKind};
use crate::paper::category_name;
use crate::paper::{Paper, PaperId, PaperNews};
use crate::subscriber::{AbstractLength, EVERY_DAY, Frequency, Preferences};
use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::HashSet;

const TITLE_CHARS_MAX: usize = 300;
const HEADING_CHARS_MAX: usize = 120;
const REASON_CHARS_MAX: usize = 300;
const NAME_CHARS_MAX: usize = 100;
/// The longest abstracts on arXiv have some 2,500 characters.
const ABSTRACT_CHARS_MAX: usize = 6_000;
/// Longer lists of authors are cut to [`AUTHORS_SHOWN`] names.
const AUTHORS_WHOLE: usize = 8;
const AUTHORS_SHOWN: usize = 6;
/// Followed authors are shown wherever they stand in the list, up to so many.
const FOLLOWED_SHOWN: usize = 6;
const CATEGORIES_SHOWN: usize = 3;
const COVERED_SHOWN: usize = 4;
/// Columns of the marker before a title in the text part.
const MARKER_COLUMNS: usize = 4;

/// The root of every template of an issue.
#[derive(Debug, Serialize)]
pub(super) struct IssueView {
    pub(super) lang: &'static str,
    pub(super) dir: &'static str,
    pub(super) site: SiteView,
    pub(super) accent: String,
    pub(super) accent_dark: String,
    /// `Fri 20 Nov`.
    pub(super) date_short: String,
    /// `Friday, 20 November 2026`.
    pub(super) date_long: String,
    /// Papers in it.
    pub(super) count: usize,
    /// Title of the first paper in the order of the issue; empty without papers.
    pub(super) top_title: String,
    /// What is inside and what it covers, one sentence.
    pub(super) opening: String,
    /// Sentences on what had not arrived.
    pub(super) late: Vec<String>,
    /// Why there is nothing, if there is nothing.
    pub(super) note: Option<String>,
    pub(super) sections: Vec<SectionView>,
    pub(super) no_room: u32,
    pub(super) below_the_line: u32,
    /// Picks that did not fit into the mail.
    pub(super) left_out: usize,
    pub(super) address: String,
    /// `every day at 07:00 (UTC)`.
    pub(super) rhythm: String,
    pub(super) unsubscribe_url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SiteView {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) contact: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SectionView {
    pub(super) heading: String,
    /// `interest`, `followed`, `trending` or `exploring`.
    pub(super) kind: &'static str,
    pub(super) count: usize,
    pub(super) groups: Vec<GroupView>,
}

/// Picks of one day in a weekly issue; all picks of a section in a daily one.
#[derive(Debug, Serialize)]
pub(super) struct GroupView {
    pub(super) day: Option<String>,
    pub(super) picks: Vec<PickView>,
}

#[derive(Debug, Serialize)]
pub(super) struct PickView {
    /// `12. `, as wide as the indent of what follows it in the text part.
    pub(super) marker: String,
    pub(super) title: String,
    pub(super) url: String,
    pub(super) authors: Vec<AuthorView>,
    pub(super) authors_more: usize,
    pub(super) categories: Vec<String>,
    /// `announced Fri 20 Nov`.
    pub(super) dated: Option<String>,
    pub(super) reason: String,
    /// `Replaced: version 3`, for papers that the reader knows.
    pub(super) news: Option<String>,
    /// Paragraphs; none if none are wanted or known.
    pub(super) abstract_text: Vec<String>,
    pub(super) links: Vec<LinkView>,
    /// The addresses of `links` without that of the title, for the text part.
    pub(super) more_urls: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct AuthorView {
    pub(super) name: String,
    pub(super) followed: bool,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct LinkView {
    pub(super) label: &'static str,
    pub(super) url: String,
}

/// Papers in the order in which they are given up when an issue has to be
/// cut: the last goes first. Equal scores keep the order of the issue.
pub(super) fn by_rank(issue: &Issue) -> Vec<&IssuePick> {
    let mut picks: Vec<&IssuePick> = issue.sections.iter().flat_map(|section| &section.picks).collect();
    picks.sort_by(|a, b| b.score.total_cmp(&a.score));
    picks
}

/// `issue` for `recipient` without the papers in `left_out`.
pub(super) fn view(issue: &Issue, recipient: &Recipient<'_>, dress: &Dress, left_out: &HashSet<&PaperId>) -> IssueView {
    let mut number = 0;
    let sections: Vec<SectionView> = issue
        .sections
        .iter()
        .filter_map(|section| section_view(section, issue, recipient.preferences, dress, left_out, &mut number))
        .collect();
    let count = number;
    let mut kept = issue.sections.iter().flat_map(|section| &section.picks);
    let top = kept.find(|pick| !left_out.contains(&pick.paper.id));
    IssueView {
        lang: LANGUAGE,
        dir: "ltr",
        site: SiteView {
            name: cut(&line(&dress.name), NAME_CHARS_MAX),
            url: format!("{}/", dress.base_url),
            contact: line(&dress.contact),
        },
        accent: Accent::on_light(dress.accent),
        accent_dark: Accent::on_dark(dress.accent),
        date_short: day_short(issue.local_date, issue.local_date),
        date_long: issue.local_date.format("%A, %-d %B %Y").to_string(),
        count,
        top_title: top.map(|pick| title(&pick.paper)).unwrap_or_default(),
        opening: opening(count, issue),
        late: late(issue),
        note: (count == 0 && left_out.is_empty()).then(|| note(issue)),
        sections,
        no_room: issue.no_room,
        below_the_line: issue.below_the_line,
        left_out: left_out.len(),
        address: recipient.address.to_string(),
        rhythm: rhythm(recipient.preferences),
        unsubscribe_url: recipient.unsubscribe_url.clone(),
    }
}

fn section_view(
    section: &Section,
    issue: &Issue,
    preferences: &Preferences,
    dress: &Dress,
    left_out: &HashSet<&PaperId>,
    number: &mut usize,
) -> Option<SectionView> {
    let kept = section.picks.iter().filter(|pick| !left_out.contains(&pick.paper.id));
    let mut groups: Vec<(Option<NaiveDate>, Vec<&IssuePick>)> = Vec::new();
    for pick in kept {
        let day = if preferences.frequency == Frequency::Weekly { pick.paper.announced } else { None };
        match groups.iter_mut().find(|(known, _)| *known == day) {
            Some((_, picks)) => picks.push(pick),
            None => groups.push((day, vec![pick])),
        }
    }
    if groups.is_empty() {
        return None;
    }
    // The oldest day first, papers without one at the end; one day alone needs no heading.
    groups.sort_by_key(|(day, _)| (day.is_none(), *day));
    let several = groups.len() > 1;
    let groups: Vec<GroupView> = groups
        .into_iter()
        .map(|(day, picks)| GroupView {
            day: several
                .then(|| day.map_or_else(|| "Without a date".to_owned(), |day| day_long(day, issue.local_date))),
            picks: picks
                .into_iter()
                .map(|pick| {
                    *number += 1;
                    pick_view(pick, *number, &section.terms, issue.local_date, preferences.abstracts, dress)
                })
                .collect(),
        })
        .collect();
    let (kind, heading) = match section.kind {
        SectionKind::Interest => ("interest", "For you"),
        SectionKind::FollowedAuthors => ("followed", "From authors you follow"),
        SectionKind::Trending => ("trending", "Trending"),
        SectionKind::Exploring => ("exploring", "Exploring"),
    };
    let own = cut(&line(&section.heading), HEADING_CHARS_MAX);
    Some(SectionView {
        heading: if own.is_empty() { heading.to_owned() } else { own },
        kind,
        count: groups.iter().map(|group| group.picks.len()).sum(),
        groups,
    })
}

fn pick_view(
    pick: &IssuePick,
    number: usize,
    terms: &[String],
    today: NaiveDate,
    abstracts: AbstractLength,
    dress: &Dress,
) -> PickView {
    let paper = &*pick.paper;
    let url = title_url(paper, dress);
    let links = links(paper, &url);
    let (authors, authors_more) = authors(&paper.authors, &pick.followed);
    let whole = || paragraphs(&paper.abstract_text);
    let abstract_text = match abstracts {
        AbstractLength::Full => cut_paragraphs(whole(), ABSTRACT_CHARS_MAX),
        AbstractLength::Short => {
            Some(short(&whole().join(" "), terms)).filter(|text| !text.is_empty()).into_iter().collect()
        }
        AbstractLength::None => Vec::new(),
    };
    PickView {
        marker: format!("{:<MARKER_COLUMNS$}", format!("{number}.")),
        title: title(paper),
        more_urls: links.iter().map(|link| link.url.clone()).filter(|more| *more != url).collect(),
        links,
        url,
        authors,
        authors_more,
        categories: categories(paper),
        dated: dated(paper, today),
        reason: cut(&line(&pick.reason), REASON_CHARS_MAX),
        news: pick.news.as_ref().map(news),
        abstract_text,
    }
}

fn news(news: &PaperNews) -> String {
    let text = cut(&line(&news.to_string()), REASON_CHARS_MAX);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn cut_paragraphs(paragraphs: Vec<String>, chars_max: usize) -> Vec<String> {
    let mut room = chars_max;
    let mut kept = Vec::new();
    for paragraph in paragraphs {
        let chars = paragraph.chars().count();
        if chars > room {
            if room > 1 {
                kept.push(cut(&paragraph, room));
            }
            break;
        }
        room -= chars;
        kept.push(paragraph);
    }
    kept
}

fn title(paper: &Paper) -> String {
    let title = cut(&line(&paper.title), TITLE_CHARS_MAX);
    if title.is_empty() { paper.id.to_string() } else { title }
}

/// Where the title leads: the page of the paper, else ours of it.
fn title_url(paper: &Paper, dress: &Dress) -> String {
    paper
        .link()
        .and_then(|link| web_url(&link))
        .unwrap_or_else(|| format!("{}/papers/{}", dress.base_url, path_segment(paper.id.as_str())))
}

/// The other places where the paper can be read.
fn links(paper: &Paper, title_url: &str) -> Vec<LinkView> {
    let id = paper.id.as_str();
    let mut links = Vec::new();
    if paper.id.is_arxiv() {
        links.push(LinkView { label: "Abstract", url: format!("https://arxiv.org/abs/{id}") });
        links.push(LinkView { label: "PDF", url: format!("https://arxiv.org/pdf/{id}") });
        // arXiv makes HTML of papers since December 2023.
        if id.split_once('.').is_some_and(|(month, _)| ("2312".."9100").contains(&month)) {
            links.push(LinkView { label: "HTML", url: format!("https://arxiv.org/html/{id}") });
        }
    } else {
        links.push(LinkView { label: "Abstract", url: title_url.to_owned() });
    }
    if let Some(doi) = &paper.doi
        && let Some(url) = web_url(&format!("https://doi.org/{doi}"))
        && links.iter().all(|link| !link.url.eq_ignore_ascii_case(&url))
        && title_url != url
    {
        links.push(LinkView { label: "Published version", url });
    }
    links
}

/// The first authors and all followed ones, and how many more there are.
fn authors(names: &[String], followed: &[String]) -> (Vec<AuthorView>, usize) {
    let followed: HashSet<String> = followed.iter().map(|name| line(name).to_lowercase()).collect();
    let all: Vec<AuthorView> = names
        .iter()
        .map(|name| line(name))
        .filter(|name| !name.is_empty())
        .map(|name| AuthorView { followed: followed.contains(&name.to_lowercase()), name: cut(&name, NAME_CHARS_MAX) })
        .collect();
    if all.len() <= AUTHORS_WHOLE {
        return (all, 0);
    }
    let total = all.len();
    let mut followed_later = 0;
    let shown: Vec<AuthorView> = all
        .into_iter()
        .enumerate()
        .filter(|(at, author)| {
            let later = *at >= AUTHORS_SHOWN && author.followed;
            followed_later += usize::from(later);
            *at < AUTHORS_SHOWN || later && followed_later <= FOLLOWED_SHOWN
        })
        .map(|(_, author)| author)
        .collect();
    let more = total - shown.len();
    (shown, more)
}

fn categories(paper: &Paper) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for code in &paper.categories {
        // arXiv's feeds list ACM and MSC classes ("I.2.7", "68T50") among its own.
        if paper.id.is_arxiv() && !code.starts_with(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        let name = cut(&line(category_name(code)), NAME_CHARS_MAX);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(CATEGORIES_SHOWN);
    names
}

fn dated(paper: &Paper, today: NaiveDate) -> Option<String> {
    match (paper.announced, paper.published) {
        (Some(day), _) => Some(format!("announced {}", day_short(day, today))),
        (None, Some(instant)) => Some(format!("published {}", day_short(instant.date_naive(), today))),
        (None, None) => None,
    }
}

/// `Fri 20 Nov`, with the year if it is not that of `today`.
fn day_short(day: NaiveDate, today: NaiveDate) -> String {
    let format = if day.year() == today.year() { "%a %-d %b" } else { "%a %-d %b %Y" };
    day.format(format).to_string()
}

/// `Friday, 20 November`, with the year if it is not that of `today`.
fn day_long(day: NaiveDate, today: NaiveDate) -> String {
    let format = if day.year() == today.year() { "%A, %-d %B" } else { "%A, %-d %B %Y" };
    day.format(format).to_string()
}

/// `8 papers picked from 642: announcements of Fri 20 Nov for cs.CL and cs.LG, complete.`
fn opening(count: usize, issue: &Issue) -> String {
    let mut sentence = match (count, issue.considered) {
        (0, 0) => "No papers today".to_owned(),
        (0, from) => format!("Nothing picked from {}", thousands(from)),
        (1, from) => format!("1 paper picked from {}", thousands(from.max(1))),
        (_, from) => format!("{count} papers picked from {}", thousands(from.max(count as u32))),
    };
    if let Some(covered) = covered(&issue.covers, issue.local_date) {
        sentence.push_str(": ");
        sentence.push_str(&covered);
    }
    sentence.push('.');
    sentence
}

fn covered(covers: &[DayCovered], today: NaiveDate) -> Option<String> {
    let days: Vec<String> = covers.iter().map(|day| day_short(day.date, today)).collect();
    let days = match days.as_slice() {
        [] => return None,
        // A run of days reads better than a list of them.
        [first, .., last] if days.len() > 3 => format!("{first} to {last}"),
        few => list(few),
    };
    let mut arrived: Vec<String> = Vec::new();
    for name in covers.iter().flat_map(|day| &day.arrived) {
        let name = cut(&line(name), NAME_CHARS_MAX);
        if !name.is_empty() && !arrived.contains(&name) {
            arrived.push(name);
        }
    }
    let what = if arrived.is_empty() { String::new() } else { format!(" for {}", some(&arrived, COVERED_SHOWN)) };
    let state = if covers.iter().all(|day| day.awaited.is_empty()) { "complete" } else { "not yet complete" };
    Some(format!("announcements of {days}{what}, {state}"))
}

fn late(issue: &Issue) -> Vec<String> {
    issue
        .covers
        .iter()
        .filter(|day| !day.awaited.is_empty())
        .map(|day| {
            let names: Vec<String> = day.awaited.iter().map(|name| cut(&line(name), NAME_CHARS_MAX)).collect();
            format!(
                "{} of {} had not arrived when this issue was made; its papers come with the next one.",
                some(&names, COVERED_SHOWN),
                day_short(day.date, issue.local_date)
            )
        })
        .collect()
}

fn note(issue: &Issue) -> String {
    let papers = if issue.considered == 1 {
        "the 1 paper".to_owned()
    } else {
        format!("the {} papers", thousands(issue.considered))
    };
    match issue.note {
        Some(Note::BelowTheLine { best, line }) => format!(
            "None of {papers} reached your line of {line:.2}; the nearest scored {best:.2}. A lower line lets more through."
        ),
        Some(Note::AllSentBefore) => {
            "Everything above your line was in an earlier issue, and no paper comes twice.".to_owned()
        }
        Some(Note::NothingMatches) => format!("None of {papers} has anything to do with what you follow."),
        Some(Note::NothingAnnounced) => "Nothing new was announced in what you follow.".to_owned(),
        None if issue.considered == 0 => "Nothing new was announced in what you follow.".to_owned(),
        None => format!("None of {papers} was picked."),
    }
}

/// `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// At most `shown` of `names`, and how many more there are.
fn some(names: &[String], shown: usize) -> String {
    if names.len() <= shown {
        return list(names);
    }
    format!("{} and {} more", names[..shown].join(", "), names.len() - shown)
}

/// `12,345`.
fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `on weekdays at 07:00 (Europe/Berlin)`.
fn rhythm(preferences: &Preferences) -> String {
    const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    let mut days = preferences.days.clone();
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    let days = match preferences.frequency {
        Frequency::Weekly => format!("every {}", weekday(preferences.weekday)),
        Frequency::Daily if days == EVERY_DAY => "every day".to_owned(),
        Frequency::Daily if days == WORKDAYS => "on weekdays".to_owned(),
        Frequency::Daily => {
            format!("every {}", list(&days.iter().map(|&day| weekday(day).to_owned()).collect::<Vec<_>>()))
        }
    };
    format!("{days} at {}", clock_time(preferences.send_at, preferences.timezone))
}

fn clock_time(time: NaiveTime, zone: Tz) -> String {
    format!("{} ({})", time.format("%H:%M"), zone.name())
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|at| format!("Author {at}")).collect()
    }

    #[test]
    fn long_lists_of_authors_are_cut_but_keep_the_followed() {
        let (shown, more) = authors(&names(8), &[]);
        assert_eq!((shown.len(), more), (8, 0));
        let (shown, more) = authors(&names(50), &["AUTHOR 3".to_owned(), " author 44".to_owned()]);
        assert_eq!((shown.len(), more), (7, 43));
        let followed: Vec<&str> = shown.iter().filter(|author| author.followed).map(|author| &*author.name).collect();
        assert_eq!(followed, ["Author 3", "Author 44"]);
        let (shown, more) = authors(&names(3_000), &names(3_000));
        assert_eq!((shown.len(), more), (12, 2_988));
    }

    #[track_caller]
    fn check_opening(count: usize, considered: u32, covers: Vec<DayCovered>, expected: &str) {
        let issue = Issue {
            local_date: day(20),
            covers,
            sections: Vec::new(),
            no_room: 0,
            below_the_line: 0,
            considered,
            note: None,
        };
        assert_eq!(opening(count, &issue), expected);
    }

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn covered_day(at: u32, arrived: &[&str], awaited: &[&str]) -> DayCovered {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        DayCovered { date: day(at), papers: 1, arrived: own(arrived), awaited: own(awaited) }
    }

    #[test]
    fn the_opening_says_what_is_inside_and_what_it_covers() {
        check_opening(
            8,
            1642,
            vec![covered_day(20, &["cs.CL", "cs.LG"], &[])],
            "8 papers picked from 1,642: announcements of Fri 20 Nov for cs.CL and cs.LG, complete.",
        );
        check_opening(
            1,
            9,
            vec![covered_day(19, &["cs.CL"], &[]), covered_day(20, &["cs.LG"], &["cs.CL"])],
            "1 paper picked from 9: announcements of Thu 19 Nov and Fri 20 Nov for cs.CL and cs.LG, not yet complete.",
        );
        check_opening(
            2,
            9,
            (16..=20).map(|at| covered_day(at, &["a", "b", "c", "d", "e", "f"], &[])).collect(),
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
    fn what_is_late_is_said() {
        let mut issue = sample::issue();
        issue.covers = vec![covered_day(20, &["cs.LG"], &["cs.CL", "q-bio.NC"])];
        assert_eq!(
            late(&issue),
            [
                "cs.CL and q-bio.NC of Fri 20 Nov had not arrived when this issue was made; its papers come with the next one."
            ]
        );
    }

    #[test]
    fn the_rhythm_is_said_in_words() {
        let mut preferences = Preferences::default();
        assert_eq!(rhythm(&preferences), "every day at 07:00 (UTC)");
        preferences.days = vec![Weekday::Fri, Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu];
        preferences.timezone = Tz::Europe__Berlin;
        assert_eq!(rhythm(&preferences), "on weekdays at 07:00 (Europe/Berlin)");
        preferences.days = vec![Weekday::Sat, Weekday::Mon];
        assert_eq!(rhythm(&preferences), "every Monday and Saturday at 07:00 (Europe/Berlin)");
        preferences.frequency = Frequency::Weekly;
        preferences.weekday = Weekday::Sun;
        assert_eq!(rhythm(&preferences), "every Sunday at 07:00 (Europe/Berlin)");
    }

    fn paper(id: &str) -> Paper {
        Paper { id: id.parse().unwrap(), ..(*sample::issue().sections[0].picks[0].paper).clone() }
    }

    #[test]
    fn links_lead_somewhere() {
        let labels = |paper: &Paper| -> Vec<&'static str> {
            links(paper, &title_url(paper, &sample::dress())).iter().map(|link| link.label).collect()
        };
        assert_eq!(labels(&paper("2611.01234")), ["Abstract", "PDF", "HTML"]);
        assert_eq!(labels(&paper("2311.01234")), ["Abstract", "PDF"]);
        assert_eq!(labels(&paper("9912.1234")), ["Abstract", "PDF"]);
        assert_eq!(labels(&paper("hep-th/9901001")), ["Abstract", "PDF"]);
        assert_eq!(labels(&paper("10.1101/2026.1")), ["Abstract"]);
        let published = Paper { doi: Some("10.5555/towers.7".to_owned()), ..paper("2611.01234") };
        assert_eq!(labels(&published), ["Abstract", "PDF", "HTML", "Published version"]);
        let bad = Paper { url: Some("javascript:alert(1)".to_owned()), doi: None, ..paper("日本語/1") };
        assert_eq!(
            title_url(&bad, &sample::dress()),
            "https://digest.example.org/papers/%E6%97%A5%E6%9C%AC%E8%AA%9E%2F1"
        );
    }

    #[test]
    fn categories_are_words() {
        let mut paper = paper("2611.01234");
        paper.categories = ["cs.SY", "eess.SY", "I.2.7; H.3.3", "68T50", "cs.XX"].map(str::to_owned).to_vec();
        assert_eq!(categories(&paper), ["Systems and Control", "cs.XX"]);
        paper.id = "sample.1".parse().unwrap();
        paper.categories = vec!["Ornithology".to_owned()];
        assert_eq!(categories(&paper), ["Ornithology"]);
    }

    #[test]
    fn a_weekly_issue_is_grouped_by_day() {
        let (address, mut preferences) = sample::subscriber();
        preferences.frequency = Frequency::Weekly;
        let mut issue = sample::issue();
        let mut first = issue.sections[0].picks[0].clone();
        let mut earlier = paper("2611.09999");
        earlier.announced = Some(day(18));
        first.paper = std::sync::Arc::new(earlier);
        issue.sections[0].picks.push(first);
        let found = view(&issue, &sample::recipient(&address, &preferences), &sample::dress(), &HashSet::new());
        let days: Vec<Option<&str>> = found.sections[0].groups.iter().map(|group| group.day.as_deref()).collect();
        assert_eq!(days, [Some("Wednesday, 18 November"), Some("Friday, 20 November")]);
        assert_eq!(found.sections[0].groups[0].picks[0].marker, "1.  ");
    }
}
