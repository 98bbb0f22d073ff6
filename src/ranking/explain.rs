//! The whole sum behind a score: what `publish` added up, printed.

use super::learned::{HALF_AT, Kind, Learned, STEEPNESS, beside_words, surprise, word_shares};
use super::reason::nearest_liked;
use super::rules::{Pin, Rules, is_in_categories};
use super::score::{floor, lifted};
use super::{Candidates, Pick, Picks, Request, Section, choose};
use crate::paper::PaperId;
use crate::profile::Profile;
use serde::Serialize;

/// Terms that are named, by how much they add or take away.
const TERMS_SHOWN: usize = 10;

/// How the score of one paper for one interest came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The interest.
    pub interest: String,
    /// What was added up; empty where there was nothing to learn from.
    pub parts: Vec<Share>,
    /// Whether words are all there is: they are counted, and not compared with the day's other papers.
    pub words_alone: bool,
    /// The sum of the contributions.
    pub sum: f32,
    /// Mean of that sum over the day's papers; 0 where words are all there is.
    pub sum_mean: f32,
    /// Its standard deviation there, at least 1; 1 where words are all there is.
    pub sum_spread: f32,
    /// How far the sum stands above the mean, in standard deviations.
    pub deviations: f32,
    /// Where in deviations a paper is as likely right as wrong.
    pub half_at: f32,
    /// How steep the way there is.
    pub steepness: f32,
    /// The probability that comes of it.
    pub surprise: f32,
    /// From 0 to 1 whether more than chance speaks for it; multiplied with the probability.
    pub beyond_chance: f32,
    /// What was learned, together.
    pub learned: f32,
    /// The rule that lifted it.
    pub pin: Option<String>,
    /// The least score that the rule leaves it with.
    pub floor: f32,
    /// floor + (1 − floor) × learned.
    pub score: f32,
    /// The words that add or take away most of the part of the words.
    pub terms: Vec<TermShare>,
    /// What all other words of it add to that part, together.
    pub other_terms: f32,
    /// What is taken from that part for words that any paper has or that disliked
    /// papers have, or given back to a paper that stood for those that nobody asked
    /// for; with it, the shares of the words add up to the raw value of the part.
    pub common_words: f32,
    /// The liked paper whose words are most like its own, with the cosine.
    pub nearest_liked: Option<(String, f32)>,
    /// What rules it out for this interest, if anything does.
    pub ruled_out: Option<String>,
}

/// What one kind of evidence adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Which kind.
    pub kind: Kind,
    /// What the paper has of it.
    pub raw: f32,
    /// The mean over the day's papers; of words that stand for themselves, where zero is.
    pub mean: f32,
    /// The standard deviation over the day's papers; of words that stand for themselves, one step.
    pub spread: f32,
    /// How much the kind counts.
    pub weight: f32,
    /// weight × (raw − mean) / spread.
    pub contribution: f32,
}

/// What one term adds to the raw value of the words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermShare {
    /// As the paper writes it.
    pub term: String,
    /// Its weight in the profile.
    pub profile: f32,
    /// Its weight in the paper.
    pub paper: f32,
    /// Their product.
    pub share: f32,
}

/// What became of a paper.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Fate {
    /// It is in the issue.
    Picked {
        /// Whether it is only tried.
        exploring: bool,
    },
    /// It was sent before.
    SentBefore,
    /// It was not announced on a day of the issue, or looked at for an earlier one.
    OtherDays,
    /// Every interest rules it out.
    RuledOut {
        /// By what.
        by: String,
    },
    /// Its score does not reach the line.
    BelowTheLine {
        /// Its best score.
        score: f32,
        /// The line.
        line: f32,
    },
    /// It says nothing that a pick does not say.
    NearDuplicate {
        /// The pick.
        of: PaperId,
    },
    /// It says much of what a pick says, and others took the room.
    Repeats {
        /// The pick.
        of: PaperId,
    },
    /// What has a lower score is in the issue for an interest or an author whose
    /// share of the room it is.
    Quota,
    /// Better ones took the room.
    NoRoom,
}

/// Explains the score of the candidate at `at`.
pub fn explain(candidates: &Candidates, profile: &Profile, at: usize) -> Explanation {
    let dense = candidates.dense_scores(&[profile]).remove(0);
    let (rules, learned) = (
        Rules::of(candidates, profile),
        Learned::of(candidates, profile, dense.as_deref()),
    );
    let parts: Vec<Share> = learned
        .parts
        .iter()
        .map(|part| Share {
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
        Some(format!("must not: {words}"))
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
            Pin::Phrase(phrase) => format!("keyword “{phrase}”"),
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

/// What the words of a paper add, before what is common is taken away.
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

/// What became of the candidate at `at` in an issue of these `picks`.
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
