//! Prints the terms of a score.

use super::out;
use crate::edition::ExplainedPaper;
use crate::ranking::trending::HALF_AT_VOTES;
use crate::ranking::{Explanation, Fate, Quota};

/// Describes the fate of a paper in a sentence.
pub(super) fn fate(explained: &ExplainedPaper) -> String {
    let date = explained.local_date;
    match &explained.fate {
        Fate::Picked {
            near_miss: true, ..
        } => {
            format!("in the issue of {date}, as one of the nearest below the line")
        }
        Fate::Picked {
            exploring: false, ..
        } => format!("in the issue of {date}"),
        Fate::Picked {
            exploring: true, ..
        } => {
            format!("in the issue of {date} to explore: near the line and unlike the other picks")
        }
        Fate::SentBefore => match explained.sent_on {
            Some(on) => format!("not again: it was sent in the issue of {on}"),
            None => "not again: it was sent before".to_owned(),
        },
        Fate::OtherDays => {
            format!(
                "the issue of {date} is not about its announcement day; scores are those among its own day's papers"
            )
        }
        Fate::RuledOut { by } => format!("not in the issue of {date}: ruled out ({by})"),
        Fate::BelowTheLine { score, line } => {
            format!("not in the issue of {date}: {score:.3} is below the line of {line:.2}")
        }
        Fate::NearDuplicate { of } => {
            format!("not in the issue of {date}: it says the same as {of}, which is")
        }
        Fate::Repeats { of } => {
            format!("not in the issue of {date}: it repeats much of {of}, which is")
        }
        Fate::Quota => {
            let given = given(&explained.shares)
                .map(|given| format!(": {given}"))
                .unwrap_or_default();
            format!(
                "not in the issue of {date}: above the line, but the room left is the share of other interests{given}"
            )
        }
        Fate::NoRoom => {
            format!("not in the issue of {date}: above the line, but better ones took the room")
        }
    }
}

/// Prints the places of each interest, where their weights differ.
pub(super) fn given(shares: &[Quota]) -> Option<String> {
    let differ = shares
        .windows(2)
        .any(|pair| pair[0].weight != pair[1].weight);
    let quota = |quota: &Quota| {
        format!(
            "“{}” (weight {}) {}",
            quota.interest, quota.weight, quota.places
        )
    };
    differ.then(|| {
        format!(
            "places given: {}",
            shares.iter().map(quota).collect::<Vec<_>>().join(", ")
        )
    })
}

/// Prints all terms of the score for one interest.
pub(super) fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {:.3}",
        explanation.interest, explanation.score
    )];
    if let Some(by) = &explanation.ruled_out {
        lines.push(format!("  ruled out: {by}"));
    }
    if !explanation.parts.is_empty() {
        lines.push("              raw      mean    spread  weight     adds".to_owned());
    }
    for part in &explanation.parts {
        let kind = format!("{:?}", part.kind).to_lowercase();
        lines.push(format!(
            "  {kind:<8} {:>8.4}  {:>8.4}  {:>8.4}  {:>6.3}  {:>+7.3}",
            part.raw, part.mean, part.spread, part.weight, part.contribution
        ));
    }
    if !explanation.parts.is_empty() {
        lines.push(if explanation.words_alone {
            format!("  sum {:+.3}, whatever the day's other papers are", explanation.sum)
        } else {
            format!(
                "  sum {:+.3}; the day's papers: mean {:+.3}, spread {:.3}; so {:+.3} deviations above them",
                explanation.sum, explanation.sum_mean, explanation.sum_spread, explanation.deviations
            )
        });
        lines.push(format!(
            "  one half at {:.1}, steepness {:.1}: {:.3}; beyond chance × {:.3} = learned {:.3}",
            explanation.half_at,
            explanation.steepness,
            explanation.surprise,
            explanation.beyond_chance,
            explanation.learned
        ));
    }
    if let Some(pin) = &explanation.pin {
        let (floor, learned) = (explanation.floor, explanation.learned);
        lines.push(format!(
            "  {pin}: {floor:.1} + {:.1} × {learned:.3} = {:.3}",
            1.0 - floor,
            explanation.score
        ));
    }
    if !explanation.terms.is_empty() {
        let terms: Vec<String> = explanation
            .terms
            .iter()
            .map(|term| {
                format!(
                    "{} {:+.4} ({:.3} × {:.3})",
                    term.term, term.share, term.profile, term.paper
                )
            })
            .collect();
        lines.push(format!(
            "  words: {}; all others {:+.4}; what any paper has {:+.4}",
            terms.join(", "),
            explanation.other_terms,
            explanation.common_words
        ));
    }
    if let Some((title, cosine)) = &explanation.nearest_liked {
        lines.push(format!(
            "  nearest liked: {cosine:.3} “{}”",
            crate::text::cut(title, 80)
        ));
    }
    lines
}

/// Prints the fate of a paper and the reason; for a pick alone, the terms of its score.
pub(super) fn print(explained: &ExplainedPaper, only_best: bool) -> std::io::Result<()> {
    out::line(format!("{}  {}", explained.id, fate(explained)))?;
    if let Some(pick) = &explained.pick {
        out::line(format!(
            "{}: {:.3}, {}",
            pick.section, pick.score, pick.reason
        ))?;
        if let Some(votes) = pick.votes {
            out::line(match votes {
                0 => "  nobody has voted: one half".to_owned(),
                _ => format!(
                    "  {votes} votes: {votes} / ({votes} + {HALF_AT_VOTES:.0}) = {:.3}",
                    pick.score
                ),
            })?;
        }
    }
    let own = explained.pick.as_ref().map(|pick| pick.interest.as_deref());
    let is_shown = |of: &&Explanation| match own {
        Some(interest) if only_best => interest == Some(of.interest.as_str()),
        _ => true,
    };
    explained
        .interests
        .iter()
        .filter(is_shown)
        .flat_map(lines)
        .try_for_each(out::line)
}
