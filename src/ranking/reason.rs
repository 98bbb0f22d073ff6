//! Why a paper was picked, in the reader's words.

use super::Candidates;
use super::because::{self, Because};
use super::learned::{Kind, Learned, word_shares};
use super::rules::Pin;
use super::score::Scored;
use crate::paper::{Paper, category_matches, category_name};
use crate::profile::dense::dot;
use crate::profile::features::dot as dot_terms;
use crate::profile::features::{author_term, category_term};
use crate::profile::{Example, Group, Profile};
use crate::text::{cut, is_unspaced};

/// From this cosine on, two papers are visibly about the same thing.
const ALIKE: f32 = 0.22;

/// What adds a smaller share of all that speaks for a paper did not carry it.
const CARRIES: f32 = 0.15;

/// The same for the terms among the words.
const TERM_CARRIES: f32 = 0.1;

/// Below this the rule alone carries a paper that a rule lifts.
const LEARNED_CARRIES: f32 = 0.05;

/// Terms that are named.
const TERMS_MAX: usize = 3;

/// Says which signals carried `scored`, strongest first; each is true of the score.
pub fn reason(
    candidates: &Candidates,
    profile: &Profile,
    learned: &Learned,
    scored: &Scored,
) -> String {
    let mut said = Vec::new();
    match &scored.pin {
        Some(Pin::Author(names)) => said.push(Because::Author(names.join(" and "))),
        Some(Pin::Phrase(phrase)) => said.push(Because::Phrase(phrase.clone())),
        None => {}
    }
    if scored.pin.is_none() || scored.learned >= LEARNED_CARRIES {
        for (kind, is_strongest) in carrying(learned, scored.candidate) {
            match kind {
                Kind::Words => about(candidates, profile, scored, &mut said),
                Kind::People if scored.is_author_pin() => {}
                Kind::People => said.extend(
                    people(candidates, profile, scored.candidate).map(Because::LikedAuthor),
                ),
                // They say less than words do, and are named where they say most.
                Kind::Meaning if is_strongest || said.is_empty() => {
                    let near = nearest_in_meaning(candidates, profile, scored.candidate);
                    let near = cut(near.unwrap_or(&profile.name), 80);
                    if !said.contains(&Because::Liked(near.clone())) {
                        said.push(Because::Meaning(near));
                    }
                }
                Kind::Fields if is_strongest || said.is_empty() => {
                    said.extend(field(candidates, profile, scored.candidate).map(Because::Field));
                }
                Kind::Meaning | Kind::Fields => {}
            }
        }
    }
    if said.is_empty() {
        new_in(candidates.paper(scored.candidate), &profile.categories)
    } else {
        because::write(&said)
    }
}

/// The kinds of evidence that carry a paper, strongest first, and whether each is the strongest.
fn carrying(learned: &Learned, at: usize) -> Vec<(Kind, bool)> {
    let mut parts: Vec<(Kind, f32)> = learned
        .parts
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

/// What the words say: the liked paper that they are like, and the most telling of them.
fn about(candidates: &Candidates, profile: &Profile, scored: &Scored, said: &mut Vec<Because>) {
    let nearest = nearest_liked(candidates, profile, scored.candidate);
    if let Some((title, _)) = nearest.filter(|(_, cosine)| *cosine >= ALIKE) {
        said.push(Because::Liked(cut(title, 80)));
    }
    let mut terms = telling_terms(candidates, profile, scored.candidate);
    if let Some(Pin::Phrase(phrase)) = &scored.pin {
        terms.retain(|term| !repeats(term, phrase));
    }
    if !terms.is_empty() {
        said.push(Because::About(terms.join(", ")));
    }
}

/// What can be said of a paper that nothing else speaks for: the first of its
/// categories, of those that are `wanted` if any are.
pub(super) fn new_in(paper: &Paper, wanted: &[String]) -> String {
    let is_wanted = |own: &&String| wanted.iter().any(|pattern| category_matches(pattern, own));
    match paper
        .categories
        .iter()
        .find(is_wanted)
        .or(paper.categories.first())
    {
        Some(category) => Because::NewIn(category_name(category).to_owned()).to_string(),
        None => Because::New.to_string(),
    }
}

/// The liked paper whose words are most like those of the candidate, with the cosine.
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

/// The papers of which it is true that they liked them; a paper is not like itself.
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

/// The author of papers that they liked who speaks most for the candidate.
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

/// The category of the candidate that the liked papers have most above the archive's share.
fn field(candidates: &Candidates, profile: &Profile, at: usize) -> Option<String> {
    let weight = |category: &&String| profile.field_weights().weight(category_term(category));
    let known = candidates
        .paper(at)
        .categories
        .iter()
        .filter(|category| weight(category) > 0.0);
    known
        .max_by(|a, b| weight(a).total_cmp(&weight(b)))
        .map(|category| category_name(category).to_owned())
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
    // Pairs of words take the place of their parts, so look at more than are named.
    shares.truncate(4 * TERMS_MAX);
    let paper = candidates.paper(at);
    let surfaces = candidates.surfaces(at);
    // With a pair the paper says its parts, too: together they say more than any word alone.
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
    // The strongest is named in any case: of many weak ones, too, it is the first.
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
        // A pair takes the place of its parts, and of two forms of a word one is enough.
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

/// The run of characters of which `pair` and its neighbours among `pairs` are
/// parts: nobody reads `言模` for `语言模型`.
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

/// `code` and `Codes`, `adapt` and `adapts`: alike but for the case and the last letters.
fn is_form_of(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (lower(a).peekable(), lower(b).peekable());
    let mut shared = 0;
    while a.peek().is_some() && a.peek() == b.peek() {
        a.next();
        b.next();
        shared += 1;
    }
    // What each has beyond that.
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
