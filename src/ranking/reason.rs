//! The reasons for a pick: the signals that carried its score, in the reader's terms.

use super::Candidates;
use super::learned::{LearnedScores, SignalKind, word_shares};
use super::rules::Pin;
use super::score::Scored;
use crate::paper::{Paper, category_matches};
use crate::pick::Reason;
use crate::profile::dense::dot;
use crate::profile::features::dot as dot_terms;
use crate::profile::features::{author_term, category_term};
use crate::profile::{Example, Group, Profile};
use crate::text::is_unspaced;

/// Cosine from which two papers are visibly about the same thing.
const ALIKE: f32 = 0.22;

/// Least share of the evidence for a signal to be named.
const CARRIES: f32 = 0.15;

/// The same for a term among the words.
const TERM_CARRIES: f32 = 0.1;

/// Learned score below which the rule alone carries a pinned paper.
const LEARNED_CARRIES: f32 = 0.05;

/// Most terms that are named.
const TERMS_MAX: usize = 3;

/// The signals that carried `scored`, strongest first; each is true of the score.
pub fn reasons(
    candidates: &Candidates,
    profile: &Profile,
    learned: &LearnedScores,
    scored: &Scored,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match &scored.pin {
        Some(Pin::Author(names)) => reasons.push(Reason::FollowedAuthors(names.clone())),
        Some(Pin::Keywords(phrases)) => {
            reasons.extend(phrases.iter().cloned().map(Reason::Keyword));
        }
        None => {}
    }
    if scored.pin.is_none() || scored.learned >= LEARNED_CARRIES {
        for (kind, is_strongest) in carrying(learned, scored.candidate) {
            match kind {
                SignalKind::Words => about(candidates, profile, scored, &mut reasons),
                SignalKind::People if scored.is_author_pin() => {}
                SignalKind::People => reasons
                    .extend(people(candidates, profile, scored.candidate).map(Reason::LikedAuthor)),
                // They say less than words do, and are named only where they are strongest.
                SignalKind::Meaning if is_strongest || reasons.is_empty() => {
                    let near = nearest_in_meaning(candidates, profile, scored.candidate)
                        .unwrap_or(&profile.name)
                        .to_owned();
                    if !reasons.contains(&Reason::LikedPaper(near.clone())) {
                        reasons.push(Reason::Meaning(near));
                    }
                }
                SignalKind::Fields if is_strongest || reasons.is_empty() => reasons.extend(
                    field(candidates, profile, scored.candidate).map(Reason::LikedCategory),
                ),
                SignalKind::Meaning | SignalKind::Fields => {}
            }
        }
    }
    if reasons.is_empty() {
        reasons.push(new_in(
            candidates.paper(scored.candidate),
            &profile.categories,
        ));
    }
    reasons
}

/// The signals that carry a paper, strongest first, and whether each is the strongest.
fn carrying(learned: &LearnedScores, at: usize) -> Vec<(SignalKind, bool)> {
    let mut parts: Vec<(SignalKind, f32)> = learned
        .signals
        .iter()
        .map(|part| (part.kind, part.contribution(at)))
        .filter(|(_, adds)| *adds > 0.0)
        .collect();
    let all: f32 = parts.iter().map(|(_, adds)| adds).sum();
    parts.retain(|(_, adds)| *adds >= CARRIES * all);
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts
        .into_iter()
        .enumerate()
        .map(|(place, (kind, _))| (kind, place == 0))
        .collect()
}

/// Adds the reasons of the words: the most similar liked paper, and the distinctive terms.
fn about(candidates: &Candidates, profile: &Profile, scored: &Scored, reasons: &mut Vec<Reason>) {
    let nearest = nearest_liked(candidates, profile, scored.candidate);
    if let Some((title, _)) = nearest.filter(|(_, cosine)| *cosine >= ALIKE) {
        reasons.push(Reason::LikedPaper(title.to_owned()));
    }
    let mut terms = telling_terms(candidates, profile, scored.candidate);
    if let Some(Pin::Keywords(phrases)) = &scored.pin {
        terms.retain(|term| !phrases.iter().any(|phrase| repeats(term, phrase)));
    }
    if !terms.is_empty() {
        reasons.push(Reason::Terms(terms));
    }
}

/// The reason of a paper without evidence: the first of its categories, preferably one of
/// those `wanted`.
pub(super) fn new_in(paper: &Paper, wanted: &[String]) -> Reason {
    let is_wanted = |own: &&String| wanted.iter().any(|pattern| category_matches(pattern, own));
    let category = paper
        .categories
        .iter()
        .find(is_wanted)
        .or(paper.categories.first());
    category.map_or(Reason::New, |code| Reason::NewIn(code.clone()))
}

/// The liked paper whose words are most similar to the candidate's, with the cosine.
pub(super) fn nearest_liked<'a>(
    candidates: &'a Candidates,
    profile: &'a Profile,
    at: usize,
) -> Option<(&'a str, f32)> {
    let features = candidates.features(at);
    // Word groups have unit length, so the product of two is their cosine.
    let text = features.group(Group::Text);
    let alike = |liked: &Example| dot_terms(liked.features.group(Group::Text), text);
    let nearest = named(candidates, profile, at)
        .map(|liked| (alike(liked), liked))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((nearest.1.title.as_str(), nearest.0))
}

/// The liked paper that is nearest in meaning.
fn nearest_in_meaning<'a>(
    candidates: &'a Candidates,
    profile: &'a Profile,
    at: usize,
) -> Option<&'a str> {
    let own = candidates.dense(at)?;
    let known =
        named(candidates, profile, at).filter_map(|liked| Some((liked, liked.dense.as_ref()?)));
    let alike = known
        .filter(|(_, dense)| dense.len() == own.len())
        .map(|(liked, dense)| (dot(own, dense), liked));
    alike
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, liked)| liked.title.as_str())
}

/// The liked papers that a reason may name; a paper is not like itself.
fn named<'a>(
    candidates: &'a Candidates,
    profile: &'a Profile,
    at: usize,
) -> impl Iterator<Item = &'a Example> {
    let own = &candidates.paper(at).title;
    profile
        .liked
        .iter()
        .filter(move |liked| !liked.title.is_empty() && liked.title != *own)
}

/// The author with the highest weight among authors of liked papers.
fn people(candidates: &Candidates, profile: &Profile, at: usize) -> Option<String> {
    let weight = |name: &&String| profile.people.weight(author_term(name));
    let is_liked = |name: &&String| {
        let term = author_term(name);
        named(candidates, profile, at).any(|liked| candidates.may_be_by(at, term, &liked.names))
    };
    let known = candidates
        .paper(at)
        .authors
        .iter()
        .filter(|name| weight(name) > 0.0)
        .filter(is_liked);
    known
        .max_by(|a, b| weight(a).total_cmp(&weight(b)))
        .cloned()
}

/// The candidate's category whose share in the liked papers is furthest above the archive's.
fn field(candidates: &Candidates, profile: &Profile, at: usize) -> Option<String> {
    let weight = |category: &&String| profile.field_weights().weight(category_term(category));
    let known = candidates
        .paper(at)
        .categories
        .iter()
        .filter(|category| weight(category) > 0.0);
    known
        .max_by(|a, b| weight(a).total_cmp(&weight(b)))
        .cloned()
}

/// The terms of the paper's text that add most to its score, as it writes them.
fn telling_terms(candidates: &Candidates, profile: &Profile, at: usize) -> Vec<String> {
    let of_words = word_shares(candidates, profile, at)
        .into_iter()
        .map(|(term, wanted, there)| (term, wanted * there));
    let mut shares: Vec<(u32, f32)> = of_words.filter(|(_, share)| *share > 0.0).collect();
    let strongest_first = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    shares.sort_by(strongest_first);
    let all: f32 = shares.iter().map(|(_, share)| share).sum();
    // Pairs of words replace their parts, so look at more than are named.
    shares.truncate(4 * TERMS_MAX);
    let paper = candidates.paper(at);
    let surfaces = candidates.surfaces(at);
    // A paper with a pair has its parts, too: together they weigh more than any word alone.
    let alone = shares.clone();
    for (term, share) in &mut shares {
        let Some(surface) = surfaces
            .get(term)
            .filter(|surface| surface.contains([' ', '-']))
        else {
            continue;
        };
        if *share < TERM_CARRIES * all {
            continue;
        }
        let parts = alone.iter().filter(|(other, _)| other != term);
        let is_part = |other: &u32| {
            surfaces
                .get(other)
                .is_some_and(|part| repeats(part, surface))
        };
        *share += parts
            .filter(|(other, _)| is_part(other))
            .map(|(_, share)| share)
            .sum::<f32>();
    }
    shares.sort_by(strongest_first);
    let of_terms = shares.iter().filter_map(|(term, _)| surfaces.get(term));
    let pairs: Vec<&str> = of_terms
        .map(|text| &**text)
        .filter(|text| is_pair(text))
        .collect();
    let mut telling: Vec<String> = Vec::new();
    // The strongest is always named, even if it is the first of many weak ones.
    let carrying = shares
        .iter()
        .enumerate()
        .filter(|(place, (_, share))| *place == 0 || *share >= TERM_CARRIES * all);
    for (_, (term, _)) in carrying {
        let Some(surface) = surfaces.get(term) else {
            continue;
        };
        let surface = if is_pair(surface) {
            whole_run(surface, &pairs, paper)
        } else {
            surface.to_string()
        };
        // A pair replaces its parts, and one of two forms of a word is enough.
        if let Some(part) = telling.iter_mut().find(|known| repeats(known, &surface)) {
            *part = surface;
        } else if !telling.iter().any(|known| repeats(&surface, known)) {
            telling.push(surface);
        }
        if telling.len() == TERMS_MAX {
            break;
        }
    }
    telling
}

/// Whether a term is two characters of a script without spaces.
fn is_pair(text: &str) -> bool {
    text.chars().count() == 2 && text.chars().all(is_unspaced)
}

/// The run of characters that contains `pair` and its neighbours among `pairs`: nobody
/// reads `言模` for `语言模型`.
fn whole_run(pair: &str, pairs: &[&str], paper: &Paper) -> String {
    const CHARS_MAX: usize = 12;
    let is_there = |run: &str| paper.title.contains(run) || paper.abstract_text.contains(run);
    let mut run = pair.to_owned();
    while run.chars().count() < CHARS_MAX {
        let longer = pairs.iter().find_map(|other| {
            let mut chars = other.chars();
            let (first, last) = (chars.next()?, chars.next()?);
            let after = run.ends_with(first).then(|| format!("{run}{last}"));
            let before = run.starts_with(last).then(|| format!("{first}{run}"));
            [after, before]
                .into_iter()
                .flatten()
                .find(|longer| is_there(longer))
        });
        match longer {
            Some(longer) => run = longer,
            None => break,
        }
    }
    run
}

/// Whether every word of `part` is, in some form, a word of `whole`.
fn repeats(part: &str, whole: &str) -> bool {
    part.split([' ', '-'])
        .all(|word| whole.split([' ', '-']).any(|other| is_form_of(word, other)))
}

/// `code` and `Codes`, `adapt` and `adapts`: equal but for case and the last letters.
fn is_form_of(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (lower(a).peekable(), lower(b).peekable());
    let mut shared = 0;
    while a.peek().is_some() && a.peek() == b.peek() {
        a.next();
        b.next();
        shared += 1;
    }
    // The rest of each.
    let (a, b) = (a.count(), b.count());
    a + b == 0 || shared >= 4 && a.min(b) == 0 && a.max(b) <= 2
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(part: &str, whole: &str, expected: bool) {
        assert_eq!(repeats(part, whole), expected, "{part} in {whole}");
    }

    #[test]
    fn a_pair_repeats_its_parts_in_any_form() {
        check("codes", "surface code", true);
        check("Error", "errors", true);
        check("surface codes", "Surface-code", true);
        check("surface", "surfactant", false);
        check("code", "decoder", false);
        check("surface code", "code", false);
    }
}
