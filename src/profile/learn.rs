//! Learns a profile from an interest.

use super::background::fingerprint;
use super::dense::DenseDirection;
use super::features::{GivenNames, weigh};
use super::{
    Background, DenseBackground, Expression, Features, Group, LinearModel, TermCounter, WordQuery,
};
use crate::subscriber::{Interest, InterestWeight};
use crate::text::fold;
use std::collections::HashMap;
use std::sync::Arc;

/// The weight of disliked papers (Rocchio's γ; Manning, Raghavan, Schütze, "Introduction to
/// Information Retrieval", section 9.1.1).
const DISLIKED_WEIGHT: f32 = 1.0;

/// Share of the length of trained weights in words that separate subjects; the rest are words
/// of single papers.
const TRAINED_LENGTH: f32 = 0.5;

/// Weight of the interest's words, in liked papers.
const WORDS_WEIGHT: f32 = 2.0;

/// Papers with the archive's shares that are added to the liked ones before shares are
/// compared (additive smoothing): one or two papers are too few.
const PRIOR_TEXT: f32 = 2.0;
const PRIOR_CATEGORY: f32 = 3.0;

/// Archive size from which an unseen word counts as unused.
const ARCHIVE_MIN: u32 = 50;

/// A paper that was liked or disliked.
#[derive(Debug, Clone)]
pub struct Example {
    /// Its title, for reasons; empty if reasons must not name it, as for a paper that was only
    /// opened.
    pub title: String,
    /// Its vector.
    pub features: Arc<Features>,
    /// The given names of its authors, which the authors' terms lack.
    pub names: Arc<GivenNames>,
    /// Its dense vector, if an embedder made one.
    pub dense: Option<Arc<Vec<f32>>>,
    /// Its weight: 1 for a paper that an interest names.
    pub weight: f32,
}

/// The examples from which an interest is learned, besides its own words.
#[derive(Debug, Clone, Default)]
pub struct TrainingPapers {
    /// Papers to find more of.
    pub liked: Vec<Example>,
    /// Papers to find less of.
    pub disliked: Vec<Example>,
    /// The dense vector of [`words_of`] the interest.
    pub words: Option<Vec<f32>>,
}

/// The learned model of one interest.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The interest's name.
    pub name: String,
    /// Its share of an issue's places; it does not change scores.
    pub weight: InterestWeight,
    /// Weights of words, by term; of unit length unless empty.
    pub text: Features,
    /// Weights of authors, by term.
    pub people: Features,
    /// Given names of liked authors, by term, to exclude namesakes.
    pub names: GivenNames,
    /// Weight of authors relative to words: the share of liked papers that have an author in
    /// common with another one.
    pub people_weight: f32,
    /// Log odds of categories, by term, above those of a category that no liked paper has.
    pub fields: Features,
    /// Weights of words and categories trained together, if papers are liked and there is an
    /// archive to train against.
    pub trained: Option<LinearModel>,
    /// The interest's own words as a query.
    pub asked: Option<WordQuery>,
    /// Weights of disliked papers, to be subtracted from the query.
    pub refused: Features,
    /// The direction of the interest among dense vectors.
    pub dense: Option<DenseDirection>,
    /// Keywords that pin a paper.
    pub keywords: Vec<Expression>,
    /// Keywords that exclude a paper.
    pub must_not: Vec<Expression>,
    /// Authors whose papers are pinned.
    pub authors: Vec<String>,
    /// Categories that papers must be in; empty for all.
    pub categories: Vec<String>,
    /// The liked papers, for reasons.
    pub liked: Vec<Example>,
    /// Sorted fingerprints of the examples; they are left out of the statistics of candidates.
    pub known: Vec<u64>,
}

impl Profile {
    /// Learns `interest` from its words and from examples. Dense vectors are used if `dense` is the
    /// background of their embedder.
    pub fn learn(
        interest: &Interest,
        evidence: TrainingPapers,
        background: &Background,
        dense: Option<&DenseBackground>,
        counter: &mut TermCounter,
    ) -> Profile {
        let words = weighed_words(interest, background, counter);
        let TrainingPapers {
            liked,
            disliked,
            words: words_vector,
        } = evidence;
        let asked = WordQuery::read(&words_of(interest), background, counter);
        Profile {
            name: interest.name.clone(),
            weight: interest.weight,
            text: learn_text(&words, &liked, &disliked, background),
            people: learn_people(&liked, &disliked),
            names: names_of(liked.iter().chain(&disliked)),
            people_weight: people_weight(&liked),
            fields: learn_fields(&liked, background),
            trained: background
                .negative_sample()
                .train(&liked, (&words, WORDS_WEIGHT))
                .map(|trained| LinearModel {
                    text: less_of(trained.text, &disliked, TRAINED_LENGTH),
                    ..trained
                }),
            refused: if asked.is_some() {
                less_of(Features::default(), &disliked, 1.0)
            } else {
                Features::default()
            },
            asked,
            dense: dense
                .and_then(|dense| learn_dense(words_vector.as_deref(), &liked, &disliked, dense)),
            keywords: read_all(&interest.keywords),
            must_not: read_all(&interest.must_not),
            authors: interest
                .authors
                .iter()
                .filter(|name| !fold(name).is_empty())
                .cloned()
                .collect(),
            categories: interest.categories.clone(),
            known: fingerprints(&liked),
            liked,
        }
    }

    /// The query, if nothing is liked and words are the only signal.
    pub fn words_alone(&self) -> Option<&WordQuery> {
        self.asked.as_ref().filter(|_| self.liked.is_empty())
    }

    /// The weights of words that the score uses.
    pub fn words(&self) -> &Features {
        self.trained
            .as_ref()
            .map_or(&self.text, |trained| &trained.text)
    }

    /// The weights of categories that the score uses.
    pub fn field_weights(&self) -> &Features {
        self.trained
            .as_ref()
            .map_or(&self.fields, |trained| &trained.fields)
    }

    /// Whether it has nothing to rank by: no words, papers, people or phrases.
    pub fn is_blank(&self) -> bool {
        self.text.0.is_empty()
            && self.people.0.is_empty()
            && self.keywords.is_empty()
            && self.authors.is_empty()
    }
}

/// The words of an interest: its description and its keywords, or its name if it has neither.
pub fn words_of(interest: &Interest) -> String {
    let mut text = interest.description.clone();
    let says_more = [&interest.keywords, &interest.authors, &interest.categories]
        .iter()
        .any(|list| !list.is_empty());
    if text.trim().is_empty() && !says_more && interest.liked.is_empty() {
        text.push_str(&interest.name);
    }
    for phrase in read_all(&interest.keywords)
        .iter()
        .flat_map(Expression::phrases)
    {
        text.push_str(".\n");
        text.push_str(phrase);
    }
    text
}

/// The words as a positive example.
fn weighed_words(
    interest: &Interest,
    background: &Background,
    counter: &mut TermCounter,
) -> Features {
    let text = words_of(interest);
    let mut terms = counter.text(&text);
    // Words that no paper contains would only lower the weight of the others.
    if background.papers() >= ARCHIVE_MIN
        && terms.iter().any(|(term, _)| background.share(*term) > 0.0)
    {
        terms.retain(|(term, _)| background.share(*term) > 0.0);
    }
    let mut words = weigh(&terms, background);
    // "deep learning for proteins" does not mean all of deep learning.
    for (term, weight) in &mut words.0 {
        *weight *= background.rarity(*term);
    }
    let norm = words.norm().max(1e-6);
    for (_, weight) in &mut words.0 {
        *weight /= norm;
    }
    words
}

/// The mean of the examples, each term scaled by how much commoner it is among them than in
/// the archive: a word that one liked paper uses often weighs less than one that all of them
/// use. On `eval_arxiv_lists` this alone raises nDCG@10 from 0.628 to 0.637.
fn learn_text(
    words: &Features,
    liked: &[Example],
    disliked: &[Example],
    background: &Background,
) -> Features {
    let words_weight = if words.0.is_empty() {
        0.0
    } else {
        WORDS_WEIGHT
    };
    let positives = (weight_of(liked) + words_weight).max(1e-6);
    // Summed weight, and the number of positive examples with the term.
    let mut sums: HashMap<u32, (f32, f32)> = HashMap::new();
    let mut add = |terms: &[(u32, f32)], times: f32| {
        for &(term, weight) in terms {
            let sum = sums.entry(term).or_insert((0.0, 0.0));
            sum.0 += times * weight;
            sum.1 += times;
        }
    };
    for example in liked {
        add(example.features.group(Group::Text), example.weight);
    }
    add(words.group(Group::Text), words_weight);
    let rarest = 0.5 / background.papers().max(1) as f32;
    let weigh = |(term, (sum, having)): (u32, (f32, f32))| {
        let share = background.share(term).max(rarest);
        let share_here = (having + PRIOR_TEXT * share) / (positives + PRIOR_TEXT);
        let odds = (share_here / share).ln().max(0.0);
        (
            term,
            odds / background.rarity(term) * (sum / positives).sqrt(),
        )
    };
    let mut weights = sorted(sums.into_iter().map(weigh).collect());
    // Summed in the order of terms, so that the last digit is reproducible.
    let length = weights.norm().max(1e-6);
    for (_, weight) in &mut weights.0 {
        *weight /= length;
    }
    less_of(weights, disliked, 1.0)
}

/// Subtracts the weights of disliked papers; an explicit dislike counts more than a missing
/// like. `share` is the part of the weights' length that the dislikes are compared with.
fn less_of(weights: Features, disliked: &[Example], share: f32) -> Features {
    if disliked.is_empty() {
        return weights;
    }
    let length = if weights.0.is_empty() {
        1.0
    } else {
        weights.norm()
    };
    let times = against(disliked) * share * length;
    let mut weights: HashMap<u32, f32> = weights.0.into_iter().collect();
    for example in disliked {
        for &(term, weight) in example.features.group(Group::Text) {
            *weights.entry(term).or_insert(0.0) -= times * example.weight * weight;
        }
    }
    sorted(weights)
}

fn fingerprints(examples: &[Example]) -> Vec<u64> {
    let of = |example: &Example| fingerprint(example.features.0.iter().map(|(term, _)| *term));
    let mut keys: Vec<u64> = examples.iter().map(of).collect();
    keys.sort_unstable();
    keys
}

fn weight_of(examples: &[Example]) -> f32 {
    examples.iter().map(|example| example.weight).sum()
}

/// The factor of one unit of a disliked example's weight: one dislike subtracts half of the
/// liked length, and many approach all of it.
fn against(disliked: &[Example]) -> f32 {
    DISLIKED_WEIGHT / (weight_of(disliked) + 1.0)
}

fn learn_people(liked: &[Example], disliked: &[Example]) -> Features {
    let mut weights = HashMap::new();
    for (examples, times) in [
        (liked, 1.0 / weight_of(liked).max(1e-6)),
        (disliked, -against(disliked)),
    ] {
        for example in examples {
            for &(term, weight) in example.features.group(Group::Author) {
                *weights.entry(term).or_insert(0.0) += times * example.weight * weight;
            }
        }
    }
    sorted(weights)
}

fn names_of<'a>(examples: impl Iterator<Item = &'a Example>) -> GivenNames {
    let mut names: GivenNames = examples
        .flat_map(|example| example.names.iter().cloned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The share of liked papers with an author in common with another liked paper.
fn people_weight(liked: &[Example]) -> f32 {
    let mut papers_by: HashMap<u32, u32> = HashMap::new();
    for &(term, _) in liked
        .iter()
        .flat_map(|example| example.features.group(Group::Author))
    {
        *papers_by.entry(term).or_insert(0) += 1;
    }
    let again = |example: &&Example| {
        example
            .features
            .group(Group::Author)
            .iter()
            .any(|(term, _)| papers_by[term] > 1)
    };
    let following: f32 = liked
        .iter()
        .filter(again)
        .map(|example| example.weight)
        .sum();
    following / weight_of(liked).max(1e-6)
}

/// The direction from the archive's mean to the liked papers, away from the disliked ones.
fn learn_dense(
    words: Option<&[f32]>,
    liked: &[Example],
    disliked: &[Example],
    background: &DenseBackground,
) -> Option<DenseDirection> {
    let width = background.dimensions();
    let known = |vector: &[f32]| vector.len() == width && vector.iter().any(|value| *value != 0.0);
    let mean = |vectors: &[(&[f32], f32)]| -> Option<(Vec<f32>, f32)> {
        let total: f32 = vectors.iter().map(|(_, weight)| weight).sum();
        let mut mean = vec![0.0; width];
        for (vector, weight) in vectors {
            for (sum, value) in mean.iter_mut().zip(*vector) {
                *sum += weight / total * value;
            }
        }
        (total > 0.0).then_some((mean, total))
    };
    let vectors = |examples: &'_ [Example]| -> Vec<(Arc<Vec<f32>>, f32)> {
        let vectors = examples
            .iter()
            .filter_map(|example| Some((Arc::clone(example.dense.as_ref()?), example.weight)));
        vectors.filter(|(vector, _)| known(vector)).collect()
    };
    let (liked, disliked) = (vectors(liked), vectors(disliked));
    let mut positives: Vec<(&[f32], f32)> = liked
        .iter()
        .map(|(vector, weight)| (vector.as_slice(), *weight))
        .collect();
    positives.extend(
        words
            .filter(|words| known(words))
            .map(|words| (words, WORDS_WEIGHT)),
    );
    let negatives: Vec<(&[f32], f32)> = disliked
        .iter()
        .map(|(vector, weight)| (vector.as_slice(), *weight))
        .collect();
    let negative =
        mean(&negatives).map(|(mean, total)| (mean, DISLIKED_WEIGHT * total / (total + 1.0)));
    let (positive, _) = mean(&positives)?;
    let weights = background.direction(
        &positive,
        negative
            .as_ref()
            .map(|(mean, times)| (mean.as_slice(), *times)),
    );
    let at_mean = super::dense::dot(&weights, &background.mean);
    Some(DenseDirection {
        maker: background.maker.clone(),
        weights,
        at_mean,
    })
}

/// Log odds of the liked papers' categories against the archive's.
fn learn_fields(liked: &[Example], background: &Background) -> Features {
    let count = weight_of(liked);
    let mut having: HashMap<u32, f32> = HashMap::new();
    for example in liked {
        for &(term, _) in example.features.group(Group::Category) {
            *having.entry(term).or_insert(0.0) += example.weight;
        }
    }
    let unseen = (PRIOR_CATEGORY / (count + PRIOR_CATEGORY)).ln();
    let rarest = 0.5 / background.papers().max(1) as f32;
    let odds = having.into_iter().map(|(term, having)| {
        let share = background.share(term).max(rarest);
        let share_here = (having + PRIOR_CATEGORY * share) / (count + PRIOR_CATEGORY);
        (term, (share_here / share).ln() - unseen)
    });
    sorted(odds.collect())
}

fn sorted(weights: HashMap<u32, f32>) -> Features {
    let mut weights: Vec<(u32, f32)> = weights
        .into_iter()
        .filter(|(_, weight)| *weight != 0.0)
        .collect();
    weights.sort_unstable_by_key(|&(term, _)| term);
    Features(weights)
}

fn read_all(written: &[String]) -> Vec<Expression> {
    written
        .iter()
        .filter_map(|written| Expression::read(written))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::features::{author_term, category_term, given_names};

    fn example(text: &str, author: &str, category: &str) -> Example {
        let mut terms = TermCounter::new().text(text);
        terms.extend([(category_term(category), 1), (author_term(author), 1)]);
        terms.sort_unstable();
        let features = Arc::new(weigh(&terms, &Background::default()));
        let names = Arc::new(given_names(&[author.to_owned()]));
        Example {
            title: text.to_owned(),
            features,
            names,
            dense: None,
            weight: 1.0,
        }
    }

    fn learn(interest: &Interest, liked: Vec<Example>, disliked: &[Example]) -> Profile {
        let evidence = TrainingPapers {
            liked,
            disliked: disliked.to_vec(),
            words: None,
        };
        Profile::learn(
            interest,
            evidence,
            &Background::default(),
            None,
            &mut TermCounter::new(),
        )
    }

    #[test]
    fn dislikes_take_away_and_words_alone_suffice() {
        let interest = Interest {
            name: "PEFT".to_owned(),
            description: "adapters".to_owned(),
            ..Interest::default()
        };
        let liked = vec![example(
            "adapters for language models",
            "A. Lovelace",
            "cs.LG",
        )];
        let profile = learn(
            &interest,
            liked,
            &[example("surveys of language models", "A. Turing", "cs.CL")],
        );
        let mut counter = TermCounter::new();
        let mut weight = |text: &str| profile.text.weight(counter.text(text)[0].0);
        let (adapters, models, surveys) = (weight("adapters"), weight("models"), weight("surveys"));
        assert!(
            adapters > models && surveys < 0.0,
            "{adapters} {models} {surveys}"
        );
        assert!(!learn(&interest, Vec::new(), &[]).is_blank());
        assert!(learn(&Interest::default(), Vec::new(), &[]).is_blank());
    }

    #[test]
    fn people_matter_as_much_as_they_recur() {
        let by = |author: &str| example("a paper", author, "cs.LG");
        let profile = learn(
            &Interest::default(),
            vec![by("A. Lovelace"), by("Ada Lovelace"), by("A. Turing")],
            &[],
        );
        assert!((profile.people_weight - 2.0 / 3.0).abs() < 1e-6);
        assert!(
            profile.people.weight(author_term("A. Lovelace"))
                > profile.people.weight(author_term("A. Turing"))
        );
        assert!(
            learn(&Interest::default(), vec![by("A. Turing")], &[]).people_weight < f32::EPSILON
        );
    }

    #[test]
    fn the_fields_of_liked_papers_speak_for_a_paper() {
        let liked = vec![
            example("one", "A. B.", "math.NT"),
            example("two", "C. D.", "math.NT"),
        ];
        let profile = learn(&Interest::default(), liked, &[]);
        assert!(profile.fields.weight(category_term("math.NT")) > 0.0);
        assert!(profile.fields.weight(category_term("cs.CV")) < f32::EPSILON);
    }
}
