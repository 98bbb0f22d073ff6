//! All mails that are no issues: confirm, welcome, goodbye and the like, and
//! what the operator gets. Each is a heading, what is said, at most one link,
//! and what is said below it, in the reader's language.

use super::clean::line;
use super::issue_view::{SiteView, rhythm};
use super::language::{Language, NoticeText, Text};
use super::message::{self, MessageError, NoticeHeaders, crlf, notice_message};
use super::render::subject_line;
use super::{Accent, Branding, TemplateError, Templates};
use crate::subscriber::{Address, Preferences};
use crate::text::cut;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use lettre::message::Mailbox;
use secrecy::SecretSlice;
use serde::Serialize;

/// A mail that is no issue. Links are whole addresses with their token.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Asks the address itself whether it wants the subscription. Nothing that
    /// whoever filled in the form typed stands in it, so that it cannot be used
    /// to write to others.
    Confirm {
        /// Confirms.
        url: String,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// After the confirmation.
    Welcome {
        /// Their preferences.
        preferences_url: String,
        /// Leaves (RFC 8058).
        unsubscribe_url: String,
        /// What they chose.
        preferences: Preferences,
    },
    /// The link to the preferences, asked for on the web.
    Preferences {
        /// The link.
        url: String,
    },
    /// The last mail.
    Goodbye {
        /// Where they can subscribe again.
        url: String,
    },
    /// Asks whether they want to leave, after a mail that only its sender's address speaks for.
    Leave {
        /// Shows the button that does it.
        url: String,
    },
    /// Their data can be fetched.
    Export {
        /// From there.
        url: String,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// Asks whether all their data is really to be erased.
    Erase {
        /// Shows the button that does it.
        url: String,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// To a new address: whether issues are to go there.
    NewAddress {
        /// The address that asked.
        old: Address,
        /// Says yes.
        url: String,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// To the address of before: whether issues are to go to another one.
    OldAddress {
        /// There.
        new: Address,
        /// Says yes.
        url: String,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// To the operator: something does not work.
    Alarm {
        /// One line.
        problem: String,
        /// What is known, a line each.
        details: Vec<String>,
        /// What to do about it, if there is something to do.
        remedy: Option<String>,
        /// Since when.
        since: DateTime<Utc>,
        /// Where to look.
        url: Option<String>,
    },
    /// To the operator: what the day came to.
    Run {
        /// Which day.
        date: NaiveDate,
        /// What it came to.
        summary: RunSummary,
        /// Where there is more.
        url: Option<String>,
    },
}

/// What one day came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names say it; they are those of `publish` and `deliver`"
)]
pub struct RunSummary {
    pub papers: u64,
    /// Sources or categories that had not arrived.
    pub sources_late: Vec<String>,
    pub due: u64,
    pub sent: u64,
    pub deferred: u64,
    pub rejected: u64,
    /// Given up undelivered.
    pub expired: u64,
    /// Uncertain or held.
    pub uncertain: u64,
    /// Nothing above the line, and no note wanted.
    pub empty: u64,
    /// Reports of undeliverable mail that came back.
    pub bounces: u64,
    pub complaints: u64,
    pub joined: u64,
    pub left: u64,
    pub readers: u64,
    /// When somebody's issue is due next.
    pub next: Option<DateTime<Utc>>,
}

/// To whom a notice goes, and in which branding.
#[derive(Debug, Clone, Copy)]
pub struct NoticeContext<'a> {
    /// Sender.
    pub from: &'a Mailbox,
    /// Where it goes.
    pub to: &'a Address,
    /// Code of the language.
    pub language: &'a str,
    /// The site.
    pub branding: &'a Branding,
    /// Its Date; times in it are those of `zone`.
    pub date: DateTime<Utc>,
    /// Where the reader's clock hangs.
    pub zone: Tz,
    /// Without angle brackets; unique, and the same if the same notice is made again.
    pub message_id: &'a str,
}

/// A notice, ready to be sent.
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

/// Why there is no notice.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A value cannot stand in a header.
    #[error(transparent)]
    Message(#[from] MessageError),
}

impl Notice {
    /// Its word in `Feedback-ID`.
    pub fn word(&self) -> &'static str {
        match self {
            Notice::Confirm { .. } => "confirm",
            Notice::Welcome { .. } => "welcome",
            Notice::Preferences { .. } => "preferences",
            Notice::Goodbye { .. } => "goodbye",
            Notice::Leave { .. } => "leave",
            Notice::Export { .. } => "export",
            Notice::Erase { .. } => "erase",
            Notice::NewAddress { .. } => "new-address",
            Notice::OldAddress { .. } => "old-address",
            Notice::Alarm { .. } => "alarm",
            Notice::Run { .. } => "run",
        }
    }

    /// Who is subscribed and reads this can leave from the mail program.
    fn unsubscribe_url(&self) -> Option<&str> {
        match self {
            Notice::Welcome {
                unsubscribe_url: url,
                ..
            }
            | Notice::Leave { url } => Some(url),
            _ => None,
        }
    }
}

/// The Message-ID of a notice, without angle brackets: `about` says which one it is.
pub fn message_id(
    secret: &SecretSlice<u8>,
    domain: &str,
    about: &str,
    now: DateTime<Utc>,
) -> String {
    message::notice_id(secret, domain, about, now.date_naive())
}

/// `notice` as a message: equal input gives equal bytes.
pub fn render(
    templates: &Templates,
    notice: &Notice,
    letter: &NoticeContext<'_>,
) -> Result<RenderedNotice, NoticeError> {
    let words = parts_at(
        templates,
        notice,
        letter.language,
        letter.to,
        letter.branding,
        letter.zone,
    )?;
    let headers = NoticeHeaders {
        letter,
        kind: notice.word(),
        language: &words.language,
        subject: &words.subject,
        unsubscribe_url: notice.unsubscribe_url(),
    };
    let message = notice_message(&words.text, &words.html, &headers)?;
    Ok(RenderedNotice {
        subject: words.subject,
        text: words.text,
        html: words.html,
        message,
    })
}

pub(super) struct NoticeParts {
    subject: String,
    text: String,
    html: String,
    language: String,
}

/// The parts of `notice` alone, for checking templates.
pub(super) fn parts(
    templates: &Templates,
    notice: &Notice,
    language: &str,
    to: &Address,
    branding: &Branding,
) -> Result<NoticeParts, TemplateError> {
    parts_at(templates, notice, language, to, branding, Tz::UTC)
}

fn parts_at(
    templates: &Templates,
    notice: &Notice,
    language: &str,
    to: &Address,
    branding: &Branding,
    zone: Tz,
) -> Result<NoticeParts, TemplateError> {
    let language = templates.language(language);
    let view = view(notice, language, to, branding, zone);
    let (text, html) = templates.notice(&view, language)?;
    Ok(NoticeParts {
        text: crlf(&text),
        html: crlf(&html),
        language: language.code.clone(),
        subject: view.subject,
    })
}

/// The root of the templates of a notice.
#[derive(Debug, Serialize)]
struct NoticeView {
    lang: String,
    dir: &'static str,
    site: SiteView,
    accent: String,
    accent_dark: String,
    /// As [`Notice::word`].
    kind: &'static str,
    subject: String,
    heading: String,
    /// Paragraphs.
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
    let all = &language.notices;
    let instant = |at: &DateTime<Utc>| {
        let local = at.with_timezone(&zone);
        let time = local.format("%H:%M").to_string();
        let clock = language
            .digest
            .clock
            .with(&[("time", &time), ("zone", zone.name())]);
        format!(
            "{} {clock}",
            language.day_short(local.date_naive(), local.date_naive())
        )
    };
    let site = SiteView::new(branding);
    let address = to.to_string();
    let mut values: Vec<(&str, String)> = vec![
        ("site", site.name.clone()),
        ("address", address),
        ("contact", site.contact.clone()),
    ];
    let (wording, url) = match notice {
        Notice::Confirm { url, until } => (&all.confirm, (Some(url), Some(until))),
        Notice::Welcome {
            preferences_url,
            preferences,
            ..
        } => {
            values.push(("rhythm", rhythm(preferences, language)));
            (&all.welcome, (Some(preferences_url), None))
        }
        Notice::Preferences { url } => (&all.preferences, (Some(url), None)),
        Notice::Goodbye { url } => (&all.goodbye, (Some(url), None)),
        Notice::Leave { url } => (&all.leave, (Some(url), None)),
        Notice::Export { url, until } => (&all.export, (Some(url), Some(until))),
        Notice::Erase { url, until } => (&all.erase, (Some(url), Some(until))),
        Notice::NewAddress { old, url, until } => {
            values.push(("old", old.to_string()));
            (&all.new_address, (Some(url), Some(until)))
        }
        Notice::OldAddress { new, url, until } => {
            values.push(("new", new.to_string()));
            (&all.old_address, (Some(url), Some(until)))
        }
        Notice::Alarm { problem, url, .. } => {
            values.push(("problem", cut(&line(problem), PROBLEM_CHARS_MAX)));
            (&all.alarm, (url.as_ref(), None))
        }
        Notice::Run { date, summary, url } => {
            values.push(("date", language.day_whole(*date)));
            return finished(
                &all.run,
                notice,
                facts(notice, language, &instant),
                url.as_ref(),
                &values,
                language,
                branding,
                |text, values| language.count(text, summary.sent, values),
            );
        }
    };
    let (url, until) = url;
    if let Some(until) = until {
        values.push(("until", instant(until)));
    }
    finished(
        wording,
        notice,
        facts(notice, language, &instant),
        url,
        &values,
        language,
        branding,
        Text::with,
    )
}

#[expect(
    clippy::too_many_arguments,
    reason = "it is the end of `view`, which has two ways to it"
)]
fn finished<S>(
    wording: &NoticeText<S>,
    notice: &Notice,
    facts: Vec<FactView>,
    url: Option<&String>,
    values: &[(&str, String)],
    language: &Language,
    branding: &Branding,
    subject: impl FnOnce(&S, &[(&str, &str)]) -> String,
) -> NoticeView {
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let fill = |texts: &[Text]| texts.iter().map(|text| text.with(&values)).collect();
    let site = SiteView::new(branding);
    NoticeView {
        lang: language.code.clone(),
        dir: language.dir.word(),
        accent: Accent::on_light(branding.accent),
        accent_dark: Accent::on_dark(branding.accent),
        kind: notice.word(),
        subject: subject_line(&subject(&wording.subject, &values)),
        heading: wording.heading.with(&values),
        text: fill(&wording.text),
        facts,
        action: url.map(|url| ActionView {
            label: wording.action.with(&values),
            url: url.clone(),
        }),
        after: fill(&wording.after),
        write_to: language.digest.write_to.with(&[("contact", &site.contact)]),
        site,
    }
}

fn facts(
    notice: &Notice,
    language: &Language,
    instant: &dyn Fn(&DateTime<Utc>) -> String,
) -> Vec<FactView> {
    let words = &language.facts;
    let fact = |name: &Text, value: String| FactView {
        name: name.as_str().to_owned(),
        value,
    };
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
                .map(|detail| cut(&line(detail), PROBLEM_CHARS_MAX));
            let details = details
                .filter(|detail| !detail.is_empty())
                .map(|detail| fact(&words.what, detail));
            let remedy = remedy
                .iter()
                .map(|remedy| fact(&words.remedy, cut(&line(remedy), PROBLEM_CHARS_MAX)));
            std::iter::once(fact(&words.since, instant(since)))
                .chain(details)
                .chain(remedy)
                .collect()
        }
        Notice::Run { summary, .. } => {
            let late: Vec<String> = summary
                .sources_late
                .iter()
                .map(|name| cut(&line(name), 100))
                .collect();
            let mut facts = vec![fact(&words.papers, language.number(summary.papers))];
            if !late.is_empty() {
                facts.push(fact(&words.sources_late, language.some(&late, DETAILS_MAX)));
            }
            let counts = [
                (&words.due, summary.due),
                (&words.sent, summary.sent),
                (&words.deferred, summary.deferred),
                (&words.rejected, summary.rejected),
                (&words.expired, summary.expired),
                (&words.uncertain, summary.uncertain),
                (&words.empty, summary.empty),
                (&words.bounces, summary.bounces),
                (&words.complaints, summary.complaints),
                (&words.joined, summary.joined),
                (&words.left, summary.left),
                (&words.readers, summary.readers),
            ];
            facts.extend(counts.map(|(name, count)| fact(name, language.number(count))));
            facts.extend(summary.next.map(|next| fact(&words.next, instant(&next))));
            facts
        }
        _ => Vec::new(),
    }
}
