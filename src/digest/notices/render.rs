//! Renders notices as messages. Pure.

use super::notice::{Notice, NoticeContext};
use crate::digest::clean::line;
use crate::digest::issue_view::{SiteView, rhythm};
use crate::digest::message::{self, MessageError, NoticeHeaders, crlf, notice_message};
use crate::digest::templates::subject_line;
use crate::digest::{Accent, Branding, TemplateError, Templates};
use crate::language::{Language, NoticeText, NoticeWords, Text};
use crate::run_figures::RunFigures;
use crate::subscriber::Address;
use crate::text::cut;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretSlice;
use serde::Serialize;

/// A rendered notice, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedNotice {
    /// One line.
    pub subject: String,
    /// The text part. Lines end in CRLF.
    pub text: String,
    /// The HTML part. Lines end in CRLF.
    pub html: String,
    /// The whole message, not signed.
    pub message: Vec<u8>,
}

/// A notice that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A value is not valid in its header.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// The Message-ID of a notice, without angle brackets. `about` distinguishes it from all
/// other notices.
pub fn message_id(
    secret: &SecretSlice<u8>,
    domain: &str,
    about: &str,
    now: DateTime<Utc>,
) -> String {
    message::notice_id(secret, domain, about, now.date_naive())
}

/// Renders `notice` as a message. Equal input gives equal bytes.
pub fn render(
    templates: &Templates,
    notice: &Notice,
    context: &NoticeContext<'_>,
) -> Result<RenderedNotice, NoticeError> {
    let language = templates.language(context.language);
    let view = view(notice, language, context.to, context.branding, context.zone);
    let (text, html) = templates.notice(&view, language)?;
    let (text, html) = (crlf(&text), crlf(&html));
    let headers = NoticeHeaders {
        context,
        kind: notice.word(),
        language: &language.code,
        subject: &view.subject,
        unsubscribe_url: notice.unsubscribe_url(),
    };
    let message = notice_message(&text, &html, &headers)?;
    Ok(RenderedNotice {
        subject: view.subject,
        text,
        html,
        message,
    })
}

/// Fills the templates of `notice`, to find mistakes in them.
pub(in crate::digest) fn check(
    templates: &Templates,
    notice: &Notice,
    language: &Language,
    to: &Address,
    branding: &Branding,
) -> Result<(), TemplateError> {
    let view = view(notice, language, to, branding, Tz::UTC);
    templates.notice(&view, language).map(drop)
}

/// The root of the templates of a notice.
#[derive(Debug, Serialize)]
struct NoticeView {
    lang: String,
    dir: &'static str,
    site: SiteView,
    accent: String,
    accent_dark: String,
    /// See [`Notice::word`].
    kind: &'static str,
    subject: String,
    heading: String,
    /// Paragraphs of the body.
    text: Vec<String>,
    /// Names and values.
    facts: Vec<FactView>,
    action: Option<ActionView>,
    /// Paragraphs below the link.
    after: Vec<String>,
    write_to: String,
}

#[derive(Debug, Serialize)]
struct FactView {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct ActionView {
    label: String,
    url: String,
}

const PROBLEM_CHARS_MAX: usize = 500;
const DETAILS_MAX: usize = 20;

fn view(
    notice: &Notice,
    language: &Language,
    to: &Address,
    branding: &Branding,
    zone: Tz,
) -> NoticeView {
    let site = SiteView::new(branding);
    let mut values: Vec<(&str, String)> = vec![
        ("site", site.name.clone()),
        ("address", to.to_string()),
        ("contact", site.contact.clone()),
    ];
    if let Some(until) = notice.until() {
        values.push(("until", instant(until, zone, language)));
    }
    values.extend(match notice {
        Notice::Welcome { preferences, .. } => Some(("rhythm", rhythm(preferences, language))),
        Notice::NewAddress { old, .. } => Some(("old", old.to_string())),
        Notice::OldAddress { new, .. } => Some(("new", new.to_string())),
        Notice::Alarm { problem, .. } => Some(("problem", fact_line(problem))),
        Notice::Run { date, .. } => Some(("date", language.day_whole(*date))),
        _ => None,
    });
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let words = &language.notices;
    if let Notice::Run { figures, .. } = notice {
        let subject = language.count(&words.run.subject, figures.accepted, &values);
        filled(
            notice, &words.run, &subject, &values, language, branding, zone,
        )
    } else {
        let text = text_of(notice, words);
        let subject = text.subject.with(&values);
        filled(notice, text, &subject, &values, language, branding, zone)
    }
}

fn text_of<'a>(notice: &Notice, words: &'a NoticeWords) -> &'a NoticeText {
    match notice {
        Notice::Confirm { .. } => &words.confirm,
        Notice::Welcome { .. } => &words.welcome,
        Notice::Preferences { .. } => &words.preferences,
        Notice::Goodbye { .. } => &words.goodbye,
        Notice::Leave { .. } => &words.leave,
        Notice::Export { .. } => &words.export,
        Notice::Erase { .. } => &words.erase,
        Notice::NewAddress { .. } => &words.new_address,
        Notice::OldAddress { .. } => &words.old_address,
        Notice::Alarm { .. } | Notice::Run { .. } => &words.alarm,
    }
}

fn filled<S>(
    notice: &Notice,
    words: &NoticeText<S>,
    subject: &str,
    values: &[(&str, &str)],
    language: &Language,
    branding: &Branding,
    zone: Tz,
) -> NoticeView {
    let paragraphs = |texts: &[Text]| texts.iter().map(|text| text.with(values)).collect();
    let site = SiteView::new(branding);
    NoticeView {
        lang: language.code.clone(),
        dir: language.dir.word(),
        accent: Accent::on_light(branding.accent),
        accent_dark: Accent::on_dark(branding.accent),
        kind: notice.word(),
        subject: subject_line(subject),
        heading: words.heading.with(values),
        text: paragraphs(&words.text),
        facts: facts(notice, language, zone),
        action: notice.url().map(|url| ActionView {
            label: words.action.with(values),
            url: url.clone(),
        }),
        after: paragraphs(&words.after),
        write_to: language.digest.write_to.with(&[("contact", &site.contact)]),
        site,
    }
}

/// `Fri 20 Nov 07:00 (Europe/Berlin)`.
fn instant(at: DateTime<Utc>, zone: Tz, language: &Language) -> String {
    let local = at.with_timezone(&zone);
    let (day, time) = (local.date_naive(), local.format("%H:%M").to_string());
    let clock = &language.digest.clock;
    let clock = clock.with(&[("time", &time), ("zone", zone.name())]);
    format!("{} {clock}", language.day_short(day, day))
}

fn fact_line(text: &str) -> String {
    cut(&line(text), PROBLEM_CHARS_MAX)
}

fn fact(name: &Text, value: String) -> FactView {
    FactView {
        name: name.as_str().to_owned(),
        value,
    }
}

fn facts(notice: &Notice, language: &Language, zone: Tz) -> Vec<FactView> {
    let words = &language.facts;
    match notice {
        Notice::Alarm {
            details,
            remedy,
            since,
            ..
        } => {
            let details = details
                .iter()
                .take(DETAILS_MAX)
                .map(|detail| fact_line(detail));
            let details = details.filter(|detail| !detail.is_empty());
            let remedy = remedy.iter().map(|remedy| fact_line(remedy));
            std::iter::once(fact(&words.since, instant(*since, zone, language)))
                .chain(details.map(|detail| fact(&words.what, detail)))
                .chain(remedy.map(|remedy| fact(&words.remedy, remedy)))
                .collect()
        }
        Notice::Run { figures, .. } => figure_facts(figures, language, zone),
        _ => Vec::new(),
    }
}

fn figure_facts(figures: &RunFigures, language: &Language, zone: Tz) -> Vec<FactView> {
    let words = &language.facts;
    let late: Vec<String> = figures
        .sources_late
        .iter()
        .map(|name| cut(&line(name), 100))
        .collect();
    let mut facts = vec![fact(&words.papers, language.number(figures.papers))];
    if !late.is_empty() {
        facts.push(fact(&words.sources_late, language.some(&late, DETAILS_MAX)));
    }
    let counts = [
        (&words.due, figures.composed),
        (&words.sent, figures.accepted),
        (&words.deferred, figures.deferred),
        (&words.rejected, figures.rejected),
        (&words.expired, figures.expired),
        (&words.uncertain, figures.uncertain),
        (&words.empty, figures.empty),
        (&words.bounces, figures.bounces),
        (&words.complaints, figures.complaints),
        (&words.joined, figures.joined),
        (&words.left, figures.left),
        (&words.readers, figures.readers),
    ];
    facts.extend(counts.map(|(name, count)| fact(name, language.number(count))));
    let next = figures.next.map(|next| instant(next, zone, language));
    facts.extend(next.map(|next| fact(&words.next, next)));
    facts
}
