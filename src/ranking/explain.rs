//! Explanations: the whole sum behind a score.

use super::learned::{
    HALF_AT, LearnedScores, STEEPNESS, SignalKind, beside_words, surprise, word_shares,
};
use super::reason::nearest_liked;
use super::rules::{Pin, Rules, is_in_categories};
use super::score::{floor, lifted};
use super::{Candidates, Pick, Picks, Request, choose};
use crate::paper::PaperId;
use crate::pick::{Reason, Section};
use crate::profile::Profile;
use serde::Serialize;

/// Terms listed, by what they add or take away.
const TERMS_SHOWN: usize = 10;

/// The score of one paper for one interest, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Name of the interest.
    pub interest: String,
    /// The signals; empty without anything to learn from.
    pub parts: Vec<SignalShare>,
    /// Whether the interest has words alone: they are not compared with the day's papers.
    pub words_alone: bool,
    /// The sum of the contributions.
    pub sum: f32,
    /// Mean of that sum over the day's papers; 0 for words alone.
    pub sum_mean: f32,
    /// Its standard deviation there, at least 1; 1 for words alone.
    pub sum_spread: f32,
    /// The sum's distance from the mean, in standard deviations.
    pub deviations: f32,
    /// Deviations at which the probability is one half.
    pub half_at: f32,
    /// Slope of the probability there.
    pub steepness: f32,
    /// The probability.
    pub surprise: f32,
    /// Evidence against chance, 0 to 1; multiplied with the probability.
    pub beyond_chance: f32,
    /// The learned score.
    pub learned: f32,
    /// The rule that pinned it.
    pub pin: Option<String>,
    /// The least score that the rule gives.
    pub floor: f32,
    /// floor + (1 − floor) × learned.
    pub score: f32,
    /// The terms with the largest shares of the word signal.
    pub terms: Vec<TermShare>,
    /// The share of all other terms of that signal, together.
    pub other_terms: f32,
    /// The correction of that signal for common words, for words of disliked papers, and for
    /// papers that served as negative examples; with it, the shares add up to the raw value.
    pub common_words: f32,
    /// The liked paper whose words are most similar, with the cosine.
    pub nearest_liked: Option<(String, f32)>,
    /// The rule that excludes it for this interest.
    pub ruled_out: Option<String>,
}

/// The contribution of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SignalShare {
    /// Kind of the signal.
    pub kind: SignalKind,
    /// Its value for the paper.
    pub raw: f32,
    /// Its mean over the day's papers; for words alone, its zero.
    pub mean: f32,
    /// Its standard deviation over the day's papers; for words alone, its unit.
    pub spread: f32,
    /// Weight of the signal.
    pub weight: f32,
    /// weight × (raw − mean) / spread.
    pub contribution: f32,
}

/// The share of one term in the raw value of the word signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermShare {
    /// The term as the paper writes it.
    pub term: String,
    /// Its weight in the profile.
    pub profile: f32,
    /// Its weight in the paper.
    pub paper: f32,
    /// Their product.
    pub share: f32,
}

/// The fate of a paper in one issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Fate {
    /// It is in the issue.
    Picked {
        /// Whether it is an exploring pick.
        exploring: bool,
        /// Whether it is a near miss.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        near_miss: bool,
    },
    /// It was sent before.
    SentBefore,
    /// It was not announced on a day of the issue, or looked at for an earlier one.
    OtherDays,
    /// Every interest rules it out.
    RuledOut {
        /// The rules that do.
        by: String,
    },
    /// Its score does not reach the line.
    BelowTheLine {
        /// Its best score.
        score: f32,
        /// The line.
        line: f32,
    },
    /// It is another record of a pick's work.
    NearDuplicate {
        /// The pick.
        of: PaperId,
    },
    /// It is a near-duplicate of a pick, and others took the room.
    Repeats {
        /// The pick.
        of: PaperId,
    },
    /// Papers with lower scores are in the issue, within the quota of another interest or
    /// of followed authors.
    Quota,
    /// Better papers took the room.
    NoRoom,
}

/// Explains the score of the candidate at `at`.
pub fn explain(candidates: &Candidates, profile: &Profile, at: usize) -> Explanation {
    let dense = candidates.dense_scores(&[profile]).remove(0);
    let (rules, learned) = (
        Rules::of(candidates, profile),
        LearnedScores::of(candidates, profile, dense.as_deref()),
    );
    let parts: Vec<SignalShare> = learned
        .signals
        .iter()
        .map(|part| SignalShare {
            kind: part.kind,
            raw: part.raw[at],
            mean: part.mean,
            spread: part.spread,
            weight: part.weight,
            contribution: part.contribution(at),
        })
        .collect();
    let words = term_shares(candidates, profile, at);
    let sum: f32 = parts.iter().map(|part| part.contribution).sum();
    let deviations = (sum - learned.mean) / learned.spread;
    let pin = rules.pins.get(&at);
    let ruled_out = if let Some(words) = rules.vetoes.get(&at) {
        Some(format!("must not: {}", words.join(" and ")))
    } else if !matches!(pin, Some(Pin::Author(_))) && !is_in_categories(candidates, at, profile) {
        Some(format!("not in {}", profile.categories.join(", ")))
    } else {
        None
    };
    Explanation {
        interest: profile.name.clone(),
        words_alone: profile.words_alone().is_some(),
        sum,
        sum_mean: learned.mean,
        sum_spread: learned.spread,
        deviations,
        half_at: HALF_AT,
        steepness: STEEPNESS,
        surprise: if parts.is_empty() {
            learned.scores[at]
        } else {
            surprise(deviations)
        },
        beyond_chance: learned.beyond_chance[at],
        learned: learned.scores[at],
        pin: pin.map(|pin| match pin {
            Pin::Author(names) => format!("followed author {}", names.join(", ")),
            Pin::Keywords(phrases) => format!("keyword “{}”", phrases.join("” and “")),
        }),
        floor: floor(pin),
        score: lifted(learned.scores[at], pin),
        other_terms: words.others,
        common_words: beside_words(candidates, profile, at),
        terms: words.named,
        nearest_liked: nearest_liked(candidates, profile, at)
            .map(|(title, cosine)| (title.to_owned(), cosine)),
        ruled_out,
        parts,
    }
}

/// The shares of a paper's terms, before the correction for common words.
struct Words {
    named: Vec<TermShare>,
    others: f32,
}

fn term_shares(candidates: &Candidates, profile: &Profile, at: usize) -> Words {
    let mut shares = word_shares(candidates, profile, at);
    let all: f32 = shares
        .iter()
        .map(|(_, profile, paper)| profile * paper)
        .sum();
    shares.sort_by(|a, b| {
        (b.1 * b.2)
            .abs()
            .total_cmp(&(a.1 * a.2).abs())
            .then(a.0.cmp(&b.0))
    });
    shares.truncate(TERMS_SHOWN);
    let written = candidates.surfaces(at);
    let named: Vec<TermShare> = shares
        .into_iter()
        .filter_map(|(term, profile, paper)| {
            let term = written.get(&term)?.to_string();
            Some(TermShare {
                term,
                profile,
                paper,
                share: profile * paper,
            })
        })
        .collect();
    let others = all - named.iter().map(|term| term.share).sum::<f32>();
    Words { named, others }
}

/// The fate of the candidate at `at` in an issue of these `picks`.
pub fn fate(
    candidates: &Candidates,
    explanations: &[Explanation],
    picks: &Picks,
    request: &Request<'_>,
    at: usize,
) -> Fate {
    if let Some(pick) = picks.picks.iter().find(|pick| pick.candidate == at) {
        return Fate::Picked {
            exploring: pick.section == Section::Exploring,
            near_miss: pick.reasons.contains(&Reason::NearMiss),
        };
    }
    if request.sent.contains(&at) {
        return Fate::SentBefore;
    }
    if !candidates.on_days(request.days).any(|open| open == at) {
        return Fate::OtherDays;
    }
    let open: Vec<&Explanation> = explanations
        .iter()
        .filter(|explained| explained.ruled_out.is_none())
        .collect();
    let Some(best) = open.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else {
        let mut by: Vec<String> = explanations
            .iter()
            .filter_map(|explained| explained.ruled_out.clone())
            .collect();
        by.dedup();
        // Without interests the papers with most votes are sent.
        return if by.is_empty() {
            Fate::NoRoom
        } else {
            Fate::RuledOut { by: by.join("; ") }
        };
    };
    if best.pin.is_none() && best.score < request.min_score {
        return Fate::BelowTheLine {
            score: best.score,
            line: request.min_score,
        };
    }
    if let Some(pick) = picks
        .picks
        .iter()
        .find(|pick| choose::is_same(candidates, at, pick.candidate))
    {
        return Fate::NearDuplicate {
            of: pick.paper.id.clone(),
        };
    }
    let weaker = |pick: &&Pick| pick.section != Section::Exploring && pick.score < best.score;
    if !picks.picks.iter().any(|pick| weaker(&pick)) {
        return Fate::NoRoom;
    }
    match picks
        .picks
        .iter()
        .find(|pick| choose::repeats(candidates, at, pick.candidate))
    {
        Some(pick) => Fate::Repeats {
            of: pick.paper.id.clone(),
        },
        None => Fate::Quota,
    }
}
