//! An issue for one subscriber, as subject, text and HTML that fit a mail.

use super::clean::{cut, line};
use super::message::{crlf, encoded_size};
use super::templates::Filled;
use super::views::{by_rank, view};
use super::{Dress, Issue, LANGUAGE, Recipient, TemplateError, Templates};
use crate::paper::PaperId;
use crate::subscriber::Format;
use std::collections::HashSet;

/// No part of a message is larger than this, neither decoded nor as it is
/// sent. Gmail cuts a message off at some 102 KB, and with it the link to leave.
pub const PART_BYTES_MAX: usize = 90_000;

/// RFC 5322 section 2.1.1: lines should have at most 78 characters.
pub const SUBJECT_CHARS_MAX: usize = 78;

/// An issue in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line of at most [`SUBJECT_CHARS_MAX`] characters.
    pub subject: String,
    /// The text part. Lines end in CRLF.
    pub text: String,
    /// The HTML part, if the subscriber wants one. Lines end in CRLF.
    pub html: Option<String>,
    /// Language of the issue's own words.
    pub language: &'static str,
    /// Papers that did not fit, the lowest ranked of the issue; the reader has not seen them.
    pub left_out: Vec<PaperId>,
}

/// Fills the templates with `issue` for `recipient`.
///
/// If a part grows beyond [`PART_BYTES_MAX`], as many of the lowest scored
/// papers as necessary are left out of all parts, and their number is said.
pub fn render(
    templates: &Templates,
    issue: &Issue,
    recipient: &Recipient<'_>,
    dress: &Dress,
) -> Result<Rendered, TemplateError> {
    let ranked = by_rank(issue);
    let with_html = recipient.preferences.format == Format::Html;
    let fill = |kept: usize| {
        let left_out: HashSet<&PaperId> = ranked[kept..].iter().map(|pick| &pick.paper.id).collect();
        let filled = templates.fill(&view(issue, recipient, dress, &left_out), with_html)?;
        Ok::<Filled, TemplateError>(Filled {
            text: crlf(&filled.text),
            html: filled.html.as_deref().map(crlf),
            subject: filled.subject,
        })
    };
    let mut kept = ranked.len();
    let mut filled = fill(kept)?;
    if !fits(&filled) {
        // The largest number that fits lies from `kept` on and below `beyond`.
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
        language: LANGUAGE,
        left_out: ranked[kept..].iter().map(|pick| pick.paper.id.clone()).collect(),
    })
}

fn fits(filled: &Filled) -> bool {
    [Some(&filled.text), filled.html.as_ref()]
        .into_iter()
        .flatten()
        .all(|part| part.len() <= PART_BYTES_MAX && encoded_size(part) <= PART_BYTES_MAX)
}

/// What a subject template gave, as one line that fits.
pub(super) fn subject_line(filled: &str) -> String {
    cut(&line(filled), SUBJECT_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{DigestSettings, sample};
    use super::*;
    use crate::paper::Paper;
    use crate::subscriber::AbstractLength;
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
                // The order of the section is not the order of scores.
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
        for text in ["word ".repeat(500), "\"<&".repeat(600), "漢字".repeat(400), "é".repeat(1200)] {
            let issue = large_issue(100, &text);
            let rendered = render(&templates, &issue, &recipient, &sample::dress()).unwrap();
            assert_eq!(rendered, render(&templates, &issue, &recipient, &sample::dress()).unwrap());
            let html = rendered.html.as_deref().unwrap();
            assert!(html.len() <= PART_BYTES_MAX && encoded_size(html) <= PART_BYTES_MAX);
            // One more paper would not have been possible.
            assert!(html.len().max(encoded_size(html)) > PART_BYTES_MAX * 9 / 10);
            assert!(!rendered.left_out.is_empty() && rendered.left_out.len() < 100);
            let sentence = format!("{} more did not fit", rendered.left_out.len());
            assert!(html.contains(&sentence) && rendered.text.contains(&sentence));

            let score = |id: &PaperId| {
                issue.sections[0].picks.iter().find(|pick| &pick.paper.id == id).map_or(0.0, |pick| pick.score)
            };
            let best_left_out = rendered.left_out.iter().map(score).fold(0.0, f32::max);
            for pick in &issue.sections[0].picks {
                let title = format!("{}<", pick.paper.title);
                assert_eq!(html.contains(&title), !rendered.left_out.contains(&pick.paper.id), "{title}");
                assert!(rendered.left_out.contains(&pick.paper.id) || pick.score >= best_left_out);
            }
        }
    }

    #[test]
    fn even_one_monstrous_paper_fits() {
        let templates = Templates::load(&DigestSettings::default()).unwrap();
        let (address, mut preferences) = sample::subscriber();
        preferences.abstracts = AbstractLength::Full;
        let mut issue = large_issue(1, &"\"".repeat(100_000));
        let pick = &mut issue.sections[0].picks[0];
        let paper = Arc::make_mut(&mut pick.paper);
        paper.title = "\"".repeat(10_000);
        paper.authors = vec!["<&>".repeat(5_000); 5_000];
        paper.categories = vec!["'".repeat(5_000); 50];
        pick.reason = "𝔘".repeat(5_000);
        pick.followed = paper.authors.clone();
        let rendered =
            render(&templates, &issue, &sample::recipient(&address, &preferences), &sample::dress()).unwrap();
        assert_eq!(rendered.left_out, []);
    }

    #[test]
    fn a_subject_is_one_line_cut_at_a_word() {
        assert_eq!(subject_line("  a\r\nBcc: b\n"), "a Bcc: b");
        let long = subject_line(&"seven ".repeat(40));
        assert_eq!(long, format!("{}…", "seven ".repeat(13).trim_end()).as_str());
        assert!(long.chars().count() <= SUBJECT_CHARS_MAX);
    }
}
