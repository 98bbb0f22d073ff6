//! Why a paper was picked, in the reader's words.

use super::Candidates;
use super::because::{self, Because};
use super::rules::Pin;
use super::score::Scored;
use crate::paper::{Paper, category_name};
use crate::profile::features::author_term;
use crate::profile::{Features, Group, Profile, TermCounter};
use crate::text::cut;
use std::collections::HashMap;

/// From this cosine on, two papers are visibly about the same thing.
const ALIKE: f32 = 0.22;

/// Below this share of liked papers with authors in common, people carry next to nothing.
const FOLLOWS_PEOPLE: f32 = 0.5;

/// Terms that are named.
const TERMS_MAX: usize = 3;

/// Says which signals carried `scored`, strongest first; each is true of the score.
pub fn reason(candidates: &Candidates, profile: &Profile, scored: &Scored) -> String {
    let mut said = Vec::new();
    match &scored.pin {
        Some(Pin::Author(names)) => said.push(Because::Author(names.join(" and "))),
        Some(Pin::Phrase(phrase)) => said.push(Because::Phrase(phrase.clone())),
        None => {}
    }
    if let Some(name) = people(candidates, profile, scored).filter(|_| !scored.is_author_pin()) {
        said.push(Because::LikedAuthor(name.to_owned()));
    }
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
    if said.is_empty() {
        let categories = &candidates.paper(scored.candidate).categories;
        said.push(categories.first().map_or(Because::New, |primary| Because::NewIn(primary.clone())));
    }
    because::write(&said)
}

/// What can be said of a paper that nothing else speaks for.
pub(super) fn new_in(paper: &Paper) -> String {
    match paper.categories.first() {
        Some(primary) => Because::NewIn(category_name(primary).to_owned()).to_string(),
        None => Because::New.to_string(),
    }
}

/// The liked paper whose words are most like those of the candidate, with the cosine.
pub(super) fn nearest_liked<'a>(candidates: &Candidates, profile: &'a Profile, at: usize) -> Option<(&'a str, f32)> {
    let features = candidates.features(at);
    // Word groups have unit length, so the product of two is their cosine.
    let text = Features(features.group(Group::Text).to_vec());
    let alike = |liked: &crate::profile::Example| liked.features.dot(&text);
    let nearest = profile.liked.iter().map(|liked| (alike(liked), liked)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((nearest.1.title.as_str(), nearest.0))
}

/// The author who speaks most for the paper, where people count for the interest.
fn people<'a>(candidates: &'a Candidates, profile: &Profile, scored: &Scored) -> Option<&'a str> {
    if profile.people_weight < FOLLOWS_PEOPLE {
        return None;
    }
    let weight = |name: &&String| profile.people.weight(author_term(name));
    let names = candidates.paper(scored.candidate).authors.iter();
    let best = names.max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
    (weight(&best) > 0.0).then_some(best.as_str())
}

/// The terms of the paper's text that add most to its score, as it writes them.
fn telling_terms(candidates: &Candidates, profile: &Profile, at: usize) -> Vec<String> {
    let features = candidates.features(at);
    let mut shares: Vec<(u32, f32)> = features
        .group(Group::Text)
        .iter()
        .map(|&(term, weight)| (term, weight * profile.words().weight(term)))
        .filter(|(_, share)| *share > 0.0)
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    // Pairs of words take the place of their parts, so look at more than are named.
    shares.truncate(4 * TERMS_MAX);
    let paper = candidates.paper(at);
    let surfaces = surfaces(paper, |term| shares.iter().any(|(known, _)| *known == term));
    let mut named: Vec<String> = Vec::new();
    for (term, _) in &shares {
        let Some(surface) = surfaces.get(term) else { continue };
        // A pair takes the place of its parts, and of two forms of a word one is enough.
        if let Some(part) = named.iter_mut().find(|known| repeats(known, surface)) {
            part.clone_from(surface);
        } else if !named.iter().any(|known| repeats(surface, known)) {
            named.push(surface.clone());
        }
        if named.len() == TERMS_MAX {
            break;
        }
    }
    named
}

/// Terms as a paper writes them.
pub(super) fn surfaces(paper: &Paper, is_wanted: impl Fn(u32) -> bool) -> HashMap<u32, String> {
    let mut surfaces: HashMap<u32, String> = HashMap::new();
    let mut counter = TermCounter::new();
    counter.for_each_surface(&format!("{}.\n{}", paper.title, paper.abstract_text), |term, surface| {
        if is_wanted(term) {
            let surface = surface.split_whitespace().collect::<Vec<_>>().join(" ");
            // Titles and starts of sentences have capitals that the word itself has not.
            let capitals = |text: &str| text.chars().filter(|c| c.is_uppercase()).count();
            match surfaces.get_mut(&term) {
                Some(known) if capitals(&surface) < capitals(known) => *known = surface,
                Some(_) => {}
                None => {
                    surfaces.insert(term, surface);
                }
            }
        }
    });
    surfaces
}

/// Whether every word of `part` is, in some form, a word of `whole`.
fn repeats(part: &str, whole: &str) -> bool {
    let words = |text: &str| text.to_lowercase().split([' ', '-']).map(str::to_owned).collect::<Vec<_>>();
    let whole = words(whole);
    words(part).iter().all(|word| whole.iter().any(|other| is_form_of(word, other)))
}

/// `code` and `codes`, `adapt` and `adapts`: alike but for the last letter.
fn is_form_of(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let (shorter, longer) = (a.chars().count().min(b.chars().count()), a.chars().count().max(b.chars().count()));
    a == b || shared >= 4.max(shorter) && longer <= shorter + 2
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
