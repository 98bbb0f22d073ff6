//! Renders an issue for one subscriber, within the size limit of mails. Pure.

use super::fragments::{Fragment, FragmentCache, FragmentKey, splice};
use super::issue_view::{by_rank, is_dated, view};
use super::message::{crlf, encoded_size};
use super::paper_view::{self, RenderMode, SlotValues};
use super::placeholders::SLOTS;
use super::quoted_printable::count;
use super::summary::{SentenceSet, lowered};
use super::{Branding, Issue, IssuePick, Recipient, Rendered, TemplateError, Templates};
use crate::language::Language;
use crate::paper::PaperId;
use crate::pick::Thumb;
use crate::subscriber::{AbstractLength, MailFormat};
use chrono::Datelike;
use std::collections::{HashMap, HashSet};

/// Maximum size of a part, decoded and encoded. Gmail clips messages at some 102 KB, and with
/// it the link to unsubscribe.
pub const PART_BYTES_MAX: usize = 90_000;

/// Width of the marker before a title in the text part.
const MARKER_COLUMNS: usize = 4;

/// Maximum number of followed authors of one paper.
const FOLLOWED_MAX: usize = 64;

/// A pick prepared for one reader, without its number.
struct PreparedPick<'a> {
    pick: &'a IssuePick,
    mode: RenderMode,
    reason: String,
    thumbs: [String; 3],
}

struct RenderedParts {
    subject: String,
    text: String,
    html: Option<String>,
}

/// Renders `issue` for `recipient`, reusing the papers in `fragments`.
///
/// If a part exceeds [`PART_BYTES_MAX`], the papers with the lowest scores are left out of all
/// parts, and the mail says how many.
pub fn render(
    templates: &Templates,
    fragments: &FragmentCache,
    issue: &Issue,
    recipient: &Recipient<'_>,
    branding: &Branding,
) -> Result<Rendered, TemplateError> {
    let language = templates.language(&recipient.preferences.language);
    let printer = IssueRenderer {
        templates,
        fragments,
        issue,
        recipient,
        branding,
        language,
        ready: ready(fragments, issue, recipient, language),
    };
    let ranked = by_rank(issue);
    let mut kept = ranked.len();
    let mut filled = printer.fill(&HashSet::new())?;
    if !fits(&filled) {
        let fill =
            |kept: usize| printer.fill(&ranked[kept..].iter().map(|pick| &pick.paper.id).collect());
        // Binary search for the largest number that fits, in `kept..beyond`.
        let mut beyond = kept;
        (kept, filled) = (0, fill(0)?);
        while beyond - kept > 1 {
            let middle = usize::midpoint(kept, beyond);
            let tried = fill(middle)?;
            if fits(&tried) {
                (kept, filled) = (middle, tried);
            } else {
                beyond = middle;
            }
        }
    }
    Ok(Rendered {
        subject: filled.subject,
        text: filled.text,
        html: filled.html,
        language: language.code.clone(),
        left_out: ranked[kept..]
            .iter()
            .map(|pick| pick.paper.id.clone())
            .collect(),
    })
}

fn ready<'a>(
    fragments: &FragmentCache,
    issue: &'a Issue,
    recipient: &Recipient<'_>,
    language: &Language,
) -> HashMap<&'a PaperId, PreparedPick<'a>> {
    let preferences = recipient.preferences;
    let mut ready = HashMap::new();
    for section in &issue.sections {
        let terms = lowered(&section.terms);
        for pick in &section.picks {
            let reason = paper_view::reason(&pick.reasons, language);
            let thumb = |thumb| {
                pick.row
                    .map(|row| recipient.thumbs.of(row, thumb))
                    .unwrap_or_default()
            };
            let mode = RenderMode {
                abstracts: preferences.abstracts,
                chosen: match preferences.abstracts {
                    AbstractLength::Short => fragments.abstract_of(&pick.paper).choose(&terms),
                    AbstractLength::Full | AbstractLength::None => SentenceSet::ALL,
                },
                followed: pick.followed.iter().take(FOLLOWED_MAX).cloned().collect(),
                news: pick.news.clone(),
                is_dated: is_dated(pick, issue, preferences),
                year: issue.local_date.year(),
                has_reason: !reason.is_empty(),
                has_thumbs: pick.row.is_some(),
            };
            let thumbs = [thumb(Thumb::More), thumb(Thumb::Less), thumb(Thumb::Save)];
            ready.insert(
                &pick.paper.id,
                PreparedPick {
                    pick,
                    mode,
                    reason,
                    thumbs,
                },
            );
        }
    }
    ready
}

struct IssueRenderer<'a> {
    templates: &'a Templates,
    fragments: &'a FragmentCache,
    issue: &'a Issue,
    recipient: &'a Recipient<'a>,
    branding: &'a Branding,
    language: &'a Language,
    ready: HashMap<&'a PaperId, PreparedPick<'a>>,
}

impl IssueRenderer<'_> {
    /// Renders all parts without the papers in `left_out`.
    fn fill(&self, left_out: &HashSet<&PaperId>) -> Result<RenderedParts, TemplateError> {
        let (view, printed) = view(
            self.issue,
            self.recipient,
            self.branding,
            self.language,
            left_out,
        );
        let with_html = self.recipient.preferences.format == MailFormat::Html;
        let frames = self.templates.frames(&view, self.language, with_html)?;
        let part = |frame: &str, is_html: bool| {
            let mut part = String::with_capacity(frame.len() + printed.len() * 4_000);
            let mut failed = None;
            splice(&crlf(frame), &mut part, |at, into| {
                let Some(ready) = printed
                    .get(at)
                    .and_then(|pick| self.ready.get(&pick.paper.id))
                else {
                    return;
                };
                if let Err(error) = self.paper(ready, at + 1, is_html, into) {
                    failed.get_or_insert(error);
                }
            });
            failed.map_or(Ok(part), Err)
        };
        Ok(RenderedParts {
            text: part(&frames.text, false)?,
            html: frames.html.map(|frame| part(&frame, true)).transpose()?,
            subject: frames.subject,
        })
    }

    /// Renders one paper with the number `number`.
    fn paper(
        &self,
        ready: &PreparedPick<'_>,
        number: usize,
        is_html: bool,
        into: &mut String,
    ) -> Result<(), TemplateError> {
        let marker = format!("{:<MARKER_COLUMNS$}", format!("{number}."));
        if self.fragments.is_disabled() || !self.templates.shares_papers(is_html) {
            let own = SlotValues {
                marker,
                reason: ready.reason.clone(),
                thumbs: ready.thumbs.clone(),
            };
            into.push_str(&self.filled(ready, own, is_html)?);
            return Ok(());
        }
        let paper = &ready.pick.paper;
        let key = FragmentKey::new(paper, &self.language.code, &ready.mode, is_html);
        let fragment = self.fragments.of(key, paper, || {
            let own = SlotValues::placeholders(&ready.mode);
            Ok::<_, TemplateError>(Fragment::new(&self.filled(ready, own, is_html)?))
        })?;
        let [more, less, save] = &ready.thumbs;
        let values: [&str; SLOTS.len()] = [&marker, &ready.reason, more, less, save];
        fragment.fill(&values, is_html, into);
        Ok(())
    }

    fn filled(
        &self,
        ready: &PreparedPick<'_>,
        own: SlotValues,
        is_html: bool,
    ) -> Result<String, TemplateError> {
        let PreparedPick { pick, mode, .. } = ready;
        let summary = || self.fragments.abstract_of(&pick.paper).text(mode.chosen);
        let view = paper_view::view(
            &pick.paper,
            mode,
            own,
            summary,
            self.language,
            self.branding,
        );
        let filled = self
            .templates
            .paper(&view, self.language, self.branding, is_html)?;
        Ok(filled.trim_end_matches('\n').replace('\n', "\r\n"))
    }
}

fn fits(filled: &RenderedParts) -> bool {
    [Some(&filled.text), filled.html.as_ref()]
        .into_iter()
        .flatten()
        .all(|part| part_fits(part))
}

fn part_fits(part: &str) -> bool {
    // Upper bounds: quoted-printable takes up to three bytes for one and breaks lines of 76;
    // base64 takes four for three. If both fit, the part need not be encoded to know.
    let special = count(part, |byte| !byte.is_ascii_graphic() || byte == b'=');
    let quoted = (part.len() + 2 * special) * 76 / 72;
    let base64 = part.len() * 140 / 100;
    part.len() <= PART_BYTES_MAX
        && (quoted.max(base64) < PART_BYTES_MAX || encoded_size(part) <= PART_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{DigestSettings, sample};
    use super::*;
    use crate::paper::Paper;
    use crate::pick::Reason;
    use std::sync::Arc;

    fn large_issue(papers: usize, abstract_text: &str) -> Issue {
        let mut issue = sample::issue();
        let template = issue.sections[0].picks[0].clone();
        issue.sections[0].picks = (0..papers)
            .map(|at| {
                let mut pick = template.clone();
                pick.paper = Arc::new(Paper {
                    id: format!("2611.{at:05}").parse().unwrap(),
                    title: format!("Paper number {at}."),
                    abstract_text: abstract_text.to_owned(),
                    ..(*template.paper).clone()
                });
                // The order of the section differs from the order of scores.
                pick.score = ((at * 7) % papers) as f32 / papers as f32;
                pick
            })
            .collect();
        issue
    }

    #[test]
    fn an_issue_that_is_too_large_loses_its_lowest_ranked_papers() {
        let templates = Templates::load(&DigestSettings::default()).unwrap();
        let (address, mut preferences) = sample::subscriber();
        preferences.abstracts = AbstractLength::Full;
        let recipient = sample::recipient(&address, &preferences);
        for text in [
            "word ".repeat(500),
            "\"<&".repeat(600),
            "漢字".repeat(400),
            "é".repeat(1200),
        ] {
            let issue = large_issue(100, &text);
            let rendered = render(
                &templates,
                &FragmentCache::default(),
                &issue,
                &recipient,
                &sample::branding(),
            )
            .unwrap();
            let anew = render(
                &templates,
                &FragmentCache::disabled(),
                &issue,
                &recipient,
                &sample::branding(),
            );
            assert_eq!(rendered, anew.unwrap());
            let html = rendered.html.as_deref().unwrap();
            assert!(html.len() <= PART_BYTES_MAX && encoded_size(html) <= PART_BYTES_MAX);
            // One more paper would not have fitted.
            assert!(html.len().max(encoded_size(html)) > PART_BYTES_MAX * 4 / 5);
            assert!(!rendered.left_out.is_empty() && rendered.left_out.len() < 100);
            let sentence = format!("{} more did not fit", rendered.left_out.len());
            assert!(html.contains(&sentence) && rendered.text.contains(&sentence));

            let score = |id: &PaperId| {
                issue.sections[0]
                    .picks
                    .iter()
                    .find(|pick| &pick.paper.id == id)
                    .map_or(0.0, |pick| pick.score)
            };
            let best_left_out = rendered.left_out.iter().map(score).fold(0.0, f32::max);
            for pick in &issue.sections[0].picks {
                let title = format!("{}<", pick.paper.title);
                assert_eq!(
                    html.contains(&title),
                    !rendered.left_out.contains(&pick.paper.id),
                    "{title}"
                );
                assert!(rendered.left_out.contains(&pick.paper.id) || pick.score >= best_left_out);
            }
        }
    }

    #[test]
    fn a_single_huge_paper_fits() {
        let templates = Templates::load(&DigestSettings::default()).unwrap();
        let (address, mut preferences) = sample::subscriber();
        preferences.abstracts = AbstractLength::Full;
        let mut issue = large_issue(1, &"\"".repeat(100_000));
        let pick = &mut issue.sections[0].picks[0];
        let paper = Arc::make_mut(&mut pick.paper);
        paper.title = "\"".repeat(10_000);
        paper.authors = vec!["<&>".repeat(5_000); 5_000];
        paper.categories = vec!["'".repeat(5_000); 50];
        pick.reasons = vec![Reason::Text("𝔘".repeat(5_000))];
        pick.followed = paper.authors.clone();
        let rendered = render(
            &templates,
            &FragmentCache::default(),
            &issue,
            &sample::recipient(&address, &preferences),
            &sample::branding(),
        )
        .unwrap();
        assert_eq!(rendered.left_out, []);
    }
}
