//! Ranking as a whole: profiles of every size, odd archives, the shape of an issue, and
//! true reasons.

use crate::harness::environment::shared;
use chrono::{DateTime, NaiveDate, Utc};
use paperboy::archive::refresh_stats;
use paperboy::embedding::{Embedder, SvdEmbedder};
use paperboy::intake::Import;
use paperboy::paper::Paper;
use paperboy::pick::{Reason, Section};
use paperboy::profile::features::{given_names, weigh};
use paperboy::profile::learn::words_of;
use paperboy::profile::{
    Background, DenseBackground, Example, Profile, TermCounter, TrainingPapers,
};
use paperboy::ranking::{self, Candidates, Days, Fate, Picks, Request};
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, PaperRow};
use paperboy::subscriber::Interest;
use std::collections::HashSet;
use std::sync::Arc;

const TOPICS: [[&str; 8]; 5] = [
    [
        "protein",
        "folding",
        "residue",
        "ligand",
        "enzyme",
        "docking",
        "molecular",
        "binding",
    ],
    [
        "galaxy",
        "redshift",
        "quasar",
        "telescope",
        "supernova",
        "cosmic",
        "stellar",
        "halo",
    ],
    [
        "transformer",
        "attention",
        "token",
        "decoder",
        "pretraining",
        "prompt",
        "finetuning",
        "corpus",
    ],
    [
        "qubit",
        "entanglement",
        "decoherence",
        "stabilizer",
        "anyon",
        "hamiltonian",
        "lattice",
        "gate",
    ],
    [
        "auction",
        "bidder",
        "equilibrium",
        "mechanism",
        "welfare",
        "market",
        "pricing",
        "incentive",
    ],
];
const CATEGORIES: [&str; 5] = ["q-bio.BM", "astro-ph.GA", "cs.CL", "quant-ph", "cs.GT"];

fn day() -> NaiveDate {
    "2026-08-04".parse().unwrap()
}

/// The paper number `at` on a topic; its mix of words differs from number to number.
fn paper(topic: usize, at: usize) -> Paper {
    let word = |step: usize| TOPICS[topic][(at * 7 + step * step + step * (at / 8)) % 8];
    let mut paper = Paper::new(
        format!("{topic}.{at}").parse().unwrap(),
        format!("On {} {} and {} number {at}", word(0), word(1), word(2)),
    );
    paper.abstract_text = format!(
        "We study the {} of {} with {}. Our method improves {} {} results by {at} percent; a new {} helps.",
        word(3),
        word(1),
        word(4),
        word(5),
        word(2),
        word(6)
    );
    paper.authors = vec![
        format!("Ada Writer{topic}x{}", at % 17),
        format!("Max Other{}", at % 29),
    ];
    paper.categories = vec![CATEGORIES[topic].to_owned()];
    paper.announced = Some(day());
    paper
}

pub(crate) struct World {
    background: Background,
    maker: Option<SvdEmbedder>,
    dense: Option<DenseBackground>,
    candidates: Candidates,
    days: Days,
}

impl World {
    fn new(archive: &[Paper], today: Vec<Paper>) -> Self {
        let mut counter = TermCounter::new();
        let counted: Vec<_> = archive.iter().map(|paper| counter.paper(paper)).collect();
        let mut background = Background::default();
        for terms in &counted {
            background.count(terms);
        }
        background.settle();
        let maker = SvdEmbedder::learn(&counted);
        let dense = maker.as_ref().and_then(|maker| {
            let vectors: Vec<Vec<f32>> = counted
                .iter()
                .map(|terms| maker.embed_terms(terms))
                .collect();
            DenseBackground::learn(maker.name(), &vectors)
        });
        let vectors = maker
            .as_ref()
            .map(|maker| maker.embed(&today.iter().collect::<Vec<_>>()));
        let papers = today
            .into_iter()
            .map(|paper| (Arc::new(paper), DateTime::<Utc>::default()))
            .collect();
        let mut candidates = Candidates::prepare(papers, &background);
        if let (Some(dense), Some(vectors)) = (&dense, vectors) {
            candidates = candidates.with_dense(&dense.maker, &vectors);
        }
        World {
            background,
            maker,
            dense,
            candidates,
            days: Days::from([(day(), None)]),
        }
    }

    /// An archive of 300 papers on all topics; today brings 20 on each.
    pub(crate) fn usual() -> Self {
        let archive: Vec<Paper> = (0..300).map(|at| paper(at % 5, at / 5)).collect();
        World::new(
            &archive,
            (0..100).map(|at| paper(at % 5, 1_000 + at / 5)).collect(),
        )
    }

    fn example(&self, paper: &Paper, weight: f32) -> Example {
        let terms = TermCounter::new().paper(paper);
        Example {
            title: paper.title.clone(),
            features: Arc::new(weigh(&terms, &self.background)),
            names: Arc::new(given_names(&paper.authors)),
            dense: self
                .maker
                .as_ref()
                .map(|maker| Arc::new(maker.embed_terms(&terms))),
            weight,
        }
    }

    fn learn(&self, interest: &Interest, liked: &[Paper], disliked: &[Paper]) -> Profile {
        let examples = |papers: &[Paper]| {
            papers
                .iter()
                .map(|paper| self.example(paper, 1.0))
                .collect()
        };
        let words = self
            .maker
            .as_ref()
            .map(|maker| maker.embed_terms(&TermCounter::new().text(&words_of(interest))));
        let evidence = TrainingPapers {
            liked: examples(liked),
            disliked: examples(disliked),
            words,
        };
        Profile::learn(
            interest,
            evidence,
            &self.background,
            self.dense.as_ref(),
            &mut TermCounter::new(),
        )
    }

    /// A profile that likes papers on a topic.
    fn likes(&self, topic: usize, count: usize) -> Profile {
        let liked: Vec<Paper> = (0..count).map(|at| paper(topic, at)).collect();
        let interest = Interest {
            name: CATEGORIES[topic].to_owned(),
            ..Interest::default()
        };
        let interest = Interest {
            liked: liked.iter().map(|paper| paper.id.clone()).collect(),
            ..interest
        };
        self.learn(&interest, &liked, &[])
    }

    pub(crate) fn wants(&self, interest: &Interest) -> Profile {
        self.learn(interest, &[], &[])
    }

    pub(crate) fn pick(&self, profiles: &[Profile], max_papers: usize, min_score: f32) -> Picks {
        self.pick_at_least(0, profiles, max_papers, min_score)
    }

    pub(crate) fn pick_at_least(
        &self,
        min_papers: usize,
        profiles: &[Profile],
        max_papers: usize,
        min_score: f32,
    ) -> Picks {
        let sent = HashSet::new();
        let request = Request {
            days: &self.days,
            sent: &sent,
            max_papers,
            min_score,
            min_papers,
        };
        ranking::pick(&self.candidates, profiles, &request)
    }
}

/// The topic of a paper, by its id.
pub(crate) fn topic(paper: &Paper) -> usize {
    paper
        .id
        .as_str()
        .split('.')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

pub(crate) fn interest(name: &str, keywords: &[&str], must_not: &[&str]) -> Interest {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Interest {
        name: name.to_owned(),
        keywords: owned(keywords),
        must_not: owned(must_not),
        ..Interest::default()
    }
}

#[test]
fn a_profile_of_any_size_finds_its_subject() {
    let world = World::usual();
    for count in [1, 3, 20, 500] {
        let picks = world.pick(&[world.likes(0, count)], 10, 0.0);
        let right = picks
            .picks
            .iter()
            .filter(|pick| topic(&pick.paper) == 0)
            .count();
        assert!(
            right >= 9,
            "{count} liked: {right} of {} picks are right",
            picks.picks.len()
        );
        assert!(
            picks
                .picks
                .iter()
                .all(|pick| (0.0..=1.0).contains(&pick.score)),
            "{count}"
        );
    }
}

#[test]
fn words_alone_find_papers_with_their_rare_words() {
    let archive: Vec<Paper> = (0..300)
        .map(|at| {
            let mut paper = paper(at % 5, at / 5);
            paper
                .title
                .insert_str(0, if at % 2 == 0 { "Deep learning. " } else { "" });
            paper
        })
        .collect();
    let world = World::new(&archive, archive[..100].to_vec());
    let wanted = Interest {
        description: "deep learning for proteins".to_owned(),
        ..interest("P", &[], &[])
    };
    let picks = world.pick(&[world.wants(&wanted)], 5, 0.0);
    assert!(
        picks
            .picks
            .iter()
            .take(4)
            .all(|pick| topic(&pick.paper) == 0),
        "{picks:?}"
    );
}

/// Real papers, since made-up ones have too few words: one liked paper shares hardly any
/// with others that the words find.
#[test]
fn one_thumb_does_not_empty_an_interest_that_says_what_it_wants() {
    const LINE: f32 = 0.2;
    let Some(file) = shared("papers_arxiv/2025-10.jsonl.gz") else {
        return;
    };
    let db = Db::new(SqliteStore::in_memory().unwrap());
    Import::new(DateTime::default())
        .take_in_file(&db, &file, |_, _| {})
        .unwrap();
    let real = db
        .run_here(|store| store.papers_after(PaperRow(0), 1_500))
        .unwrap();
    let real: Vec<Paper> = real
        .into_iter()
        .map(|stored| Paper {
            announced: Some(day()),
            ..stored.paper
        })
        .collect();
    let (archive, today) = real.split_at(1_300);
    let world = World::new(archive, today.to_vec());
    let wanted = Interest {
        description: "reinforcement learning".to_owned(),
        ..interest("described", &[], &[])
    };
    let found = |profile: &Profile| -> Vec<usize> {
        (0..today.len())
            .filter(|at| ranking::explain(&world.candidates, profile, *at).score >= LINE)
            .collect()
    };
    let before = found(&world.wants(&wanted));
    assert!(before.len() >= 5, "{before:?}");
    let on_it = archive.iter().filter(|paper| {
        paper
            .title
            .to_lowercase()
            .contains("reinforcement learning")
    });
    for liked in on_it.take(3) {
        let after = found(&world.learn(&wanted, std::slice::from_ref(liked), &[]));
        let kept = before.iter().filter(|at| after.contains(at)).count();
        assert!(
            kept * 2 >= before.len(),
            "{kept} of {} with {}",
            before.len(),
            liked.title
        );
    }
}

#[test]
fn a_dislike_lowers_similar_papers_at_once() {
    let world = World::usual();
    let liked: Vec<Paper> = (0..3)
        .map(|at| paper(0, at))
        .chain((0..3).map(|at| paper(1, at)))
        .collect();
    let named = interest("both", &[], &[]);
    let scores = |disliked: &[Paper], on: usize| -> f32 {
        let profile = world.learn(&named, &liked, disliked);
        let of_topic = (0..100).filter(|&at| topic(world.candidates.paper(at)) == on);
        of_topic
            .map(|at| ranking::explain(&world.candidates, &profile, at).score)
            .sum()
    };
    let disliked = [paper(1, 7), paper(1, 8)];
    let (before, after) = (scores(&[], 1), scores(&disliked, 1));
    assert!(after < 0.7 * before, "{before} {after}");
    let (was, is) = (scores(&[], 0), scores(&disliked, 0));
    assert!(
        is > 0.7 * was && is > 2.0 * after,
        "the other subject comes first now: {was} {is}, {after}"
    );
}

#[test]
fn contradictory_thumbs_cancel_each_other() {
    let world = World::usual();
    let same = [paper(0, 1)];
    let scores = |profile: &Profile| -> Vec<f32> {
        (0..world.candidates.len())
            .map(|at| ranking::explain(&world.candidates, profile, at).score)
            .collect()
    };
    let most = |scores: &[f32]| scores.iter().copied().fold(0.0, f32::max);
    let torn = scores(&world.learn(&interest("torn", &[], &[]), &same, &same));
    let sure = scores(&world.learn(&interest("sure", &[], &[]), &same, &[]));
    assert!(
        torn.iter()
            .all(|score| score.is_finite() && (0.0..=1.0).contains(score))
    );
    assert!(most(&torn) < most(&sure), "{} {}", most(&torn), most(&sure));
}

#[test]
fn an_empty_archive_and_a_single_paper_can_be_ranked() {
    let world = World::new(&[], vec![paper(0, 1)]);
    let wanted = world.wants(&interest("P", &["protein folding", "protein"], &[]));
    assert!(
        world
            .pick(std::slice::from_ref(&wanted), 10, 0.2)
            .picks
            .len()
            <= 1
    );
    let nothing = World::new(&[], Vec::new());
    assert!(nothing.pick(&[wanted], 10, 0.2).picks.is_empty());
    assert!(nothing.pick(&[], 10, 0.2).picks.is_empty());
    let one = World::new(&[paper(0, 1)], vec![paper(0, 1)]);
    let picks = one.pick(&[one.likes(0, 1)], 10, 0.0);
    assert!(
        picks.picks.iter().all(|pick| pick.score.is_finite()),
        "{picks:?}"
    );
}

#[test]
fn of_many_copies_one_is_picked() {
    let copies: Vec<Paper> = (0..30)
        .map(|at| Paper {
            id: format!("0.copy{at}").parse().unwrap(),
            ..paper(0, 1)
        })
        .chain((0..30).map(|at| paper(1 + at % 4, at)))
        .collect();
    let world = World::new(
        &(0..300).map(|at| paper(at % 5, at / 5)).collect::<Vec<_>>(),
        copies,
    );
    let profile = world.wants(&interest(
        "P",
        &["protein OR folding OR ligand OR residue OR enzyme OR binding"],
        &[],
    ));
    let picks = world.pick(std::slice::from_ref(&profile), 10, 0.2);
    assert_eq!((picks.picks.len(), picks.no_room), (1, 29));
    let sent = HashSet::new();
    let request = Request {
        days: &world.days,
        sent: &sent,
        max_papers: 10,
        min_score: 0.2,
        min_papers: 0,
    };
    let explained = ranking::explain(&world.candidates, &profile, 5);
    let fate = ranking::fate(&world.candidates, &[explained], &picks, &request, 5);
    assert!(matches!(fate, Fate::NearDuplicate { .. }), "{fate:?}");
}

#[test]
fn two_very_different_interests_both_show_even_in_two_picks() {
    let world = World::usual();
    for (room, counts) in [(2, (20, 20)), (2, (1, 20)), (4, (3, 500))] {
        let profiles = [world.likes(0, counts.0), world.likes(3, counts.1)];
        let picks = world.pick(&profiles, room, 0.05);
        let topics: HashSet<usize> = picks.picks.iter().map(|pick| topic(&pick.paper)).collect();
        assert_eq!(
            (picks.picks.len(), topics),
            (room, HashSet::from([0, 3])),
            "{counts:?}"
        );
    }
}

#[test]
fn a_short_day_is_filled_with_marked_near_misses_in_score_order() {
    let world = World::usual();
    let profiles = [world.likes(0, 20), world.likes(1, 20)];
    let best: Vec<f32> = {
        let all = world.pick(&profiles, 100, 0.0).picks;
        let mut scores: Vec<f32> = all.iter().map(|pick| pick.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores
    };
    // One paper is above the line.
    let line = f32::midpoint(best[0], best[1]);
    let picks = |min_papers| world.pick_at_least(min_papers, &profiles, 10, line);
    let is_near_miss = |pick: &&ranking::Pick| pick.reasons.contains(&Reason::NearMiss);
    for min_papers in [0, 1, 3, 5] {
        let picks = picks(min_papers);
        let near: Vec<_> = picks.picks.iter().filter(is_near_miss).collect();
        assert_eq!(near.len(), min_papers.saturating_sub(1), "{min_papers}");
        assert_eq!(picks.picks.len(), 1 + near.len());
        assert!(
            near.iter()
                .all(|pick| pick.score < line && pick.score > 0.01)
        );
        assert!(
            near.iter()
                .all(|pick| pick.section == Section::Interest(pick.interest.clone().unwrap()))
        );
        for same in near.chunk_by(|a, b| a.section == b.section) {
            assert!(same.is_sorted_by(|a, b| a.score >= b.score));
        }
        assert_eq!(
            picks.below_the_line + near.len(),
            self::World::pick(&world, &profiles, 10, line).below_the_line
        );
    }
    // The room of the issue bounds them, and what has no evidence is none.
    let few = world.pick_at_least(5, &profiles, 2, line);
    assert_eq!(few.picks.len(), 2);
    let all = world.pick_at_least(10_000, &profiles, 10_000, 1.0);
    assert!(all.picks.iter().all(|pick| pick.score >= 0.01));
}

#[test]
fn a_near_miss_is_never_vetoed_nor_sent_before() {
    let world = World::usual();
    let interest = Interest {
        must_not: vec![TOPICS[0][0].to_owned()],
        ..Interest::default()
    };
    let profile = {
        let mut profile = world.likes(0, 20);
        profile.must_not = world.wants(&interest).must_not;
        profile
    };
    let picks = world.pick_at_least(50, &[profile], 50, 1.0).picks;
    let names_it = |paper: &Paper| {
        format!("{} {}", paper.title, paper.abstract_text)
            .to_lowercase()
            .contains(TOPICS[0][0])
    };
    assert!(!picks.is_empty());
    assert!(!picks.iter().any(|pick| names_it(&pick.paper)));
}

#[test]
fn exploring_is_marked_rare_and_never_alone() {
    let world = World::usual();
    let profiles = [world.likes(0, 20)];
    let explored =
        |max_papers, min_score| {
            let picks = world.pick(&profiles, max_papers, min_score);
            assert!(picks.picks.len() <= max_papers);
            let tried: Vec<_> = picks
                .picks
                .iter()
                .filter(|pick| pick.section == Section::Exploring)
                .cloned()
                .collect();
            assert!(
                tried.iter().all(|pick| pick.score < min_score
                    && matches!(pick.reasons[0], Reason::Exploring(_))),
                "{tried:?}"
            );
            tried.len()
        };
    let line = {
        let picks = world.pick(&profiles, 100, 0.0).picks;
        // Between the eighth and the ninth, so that eight are above it.
        let mut scores: Vec<f32> = picks.iter().map(|pick| pick.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        f32::midpoint(scores[7], scores[8])
    };
    assert_eq!(explored(4, line), 0);
    assert!(explored(10, line) <= 1 && explored(30, line) <= 2);
    assert_eq!(
        explored(10, 1.0),
        0,
        "nothing is above the line, so nothing is tried"
    );
}

#[test]
fn papers_below_the_line_and_papers_without_room_are_counted_apart() {
    let world = World::usual();
    let profiles = [world.wants(&interest("P", &["protein"], &["category:astro-ph.*"]))];
    let picks = world.pick(&profiles, 3, 0.9);
    let above = picks.picks.len() + picks.no_room;
    assert_eq!((picks.picks.len(), picks.considered), (3, 100));
    assert!(picks.no_room > 0);
    assert_eq!(
        above + picks.below_the_line,
        80,
        "twenty are ruled out and count as neither"
    );
}

#[test]
fn keywords_combine_and_mute() {
    let world = World::usual();
    let found = |keywords: &[&str], must_not: &[&str]| -> Vec<Paper> {
        let picks = world.pick(&[world.wants(&interest("K", keywords, must_not))], 100, 1.0);
        picks
            .picks
            .iter()
            .map(|pick| (*pick.paper).clone())
            .collect()
    };
    let text = |paper: &Paper| format!("{} {}", paper.title, paper.abstract_text).to_lowercase();
    let both = found(&["protein AND enzym*"], &[]);
    assert!(
        !both.is_empty()
            && both
                .iter()
                .all(|p| text(p).contains("protein") && text(p).contains("enzyme"))
    );
    let either = found(&["(quasar OR qubit) AND number"], &[]);
    assert!(either.iter().any(|p| topic(p) == 1) && either.iter().any(|p| topic(p) == 3));
    let muted = found(&["quasar OR qubit"], &["category:quant-ph"]);
    assert!(!muted.is_empty() && muted.iter().all(|p| topic(p) == 1));
    let author = muted[0].authors[0].clone();
    let quieter = found(
        &["quasar OR qubit"],
        &["category:quant-ph", &format!("author:{author}")],
    );
    assert!(quieter.len() < muted.len() && quieter.iter().all(|p| !p.authors.contains(&author)));
}

#[test]
fn titles_without_spaces_are_found_by_their_words() {
    let chinese = |at: usize, text: &str| {
        let mut paper = paper(2, at);
        paper.title = text.to_owned();
        paper.abstract_text = format!("{text}。本文提出一种新方法。");
        paper
    };
    let mut today: Vec<Paper> = (0..20).map(|at| paper(at % 5, at)).collect();
    today.extend([
        chinese(900, "大规模语言模型的推理研究"),
        chinese(901, "蛋白质结构预测的深度学习方法"),
    ]);
    let world = World::new(&today.clone(), today);
    for (keyword, expected) in [("语言模型", "2.900"), ("蛋白质 AND 深度学习", "2.901")]
    {
        let picks = world.pick(&[world.wants(&interest("中文", &[keyword], &[]))], 5, 0.5);
        let ids: Vec<&str> = picks
            .picks
            .iter()
            .map(|pick| pick.paper.id.as_str())
            .collect();
        assert_eq!(ids, [expected], "{keyword}");
    }
    let likes = world.learn(
        &interest("中文", &[], &[]),
        &[chinese(902, "语言模型推理的新方法")],
        &[],
    );
    assert_eq!(
        world.pick(&[likes], 1, 0.0).picks[0].paper.id.as_str(),
        "2.900"
    );
}

#[test]
fn the_printed_parts_add_up_to_the_printed_score() {
    let world = World::usual();
    let mut profiles: Vec<Profile> = (0..5)
        .flat_map(|topic| [1, 3, 20].map(|count| world.likes(topic, count)))
        .collect();
    profiles.push(world.wants(&interest(
        "words",
        &["quasar", "author:Max Other3"],
        &["qubit"],
    )));
    profiles.push(world.learn(
        &interest("torn", &[], &[]),
        &[paper(0, 1), paper(1, 1)],
        &[paper(1, 2)],
    ));
    let sent = HashSet::new();
    let request = Request {
        days: &world.days,
        sent: &sent,
        max_papers: 100,
        min_score: 0.0,
        min_papers: 0,
    };
    for profile in &profiles {
        let picks = ranking::pick(&world.candidates, std::slice::from_ref(profile), &request);
        for pick in &picks.picks {
            let told = ranking::explain(&world.candidates, profile, pick.candidate);
            let added: f32 = told
                .parts
                .iter()
                .map(|part| part.weight * (part.raw - part.mean) / part.spread)
                .sum();
            let deviations = (added - told.sum_mean) / told.sum_spread;
            let surprise = 1.0 / (1.0 + (-(deviations - told.half_at) * told.steepness).exp());
            let learned = surprise * told.beyond_chance;
            let score = told.floor + (1.0 - told.floor) * learned;
            assert!(
                (score - pick.score).abs() < 1e-4,
                "{}: {score} {}",
                profile.name,
                pick.score
            );
            assert!((told.score - pick.score).abs() < 1e-6, "{}", profile.name);
            // Each kind once, and each term that is named as the profile and the paper weigh it.
            let kinds: HashSet<String> = told
                .parts
                .iter()
                .map(|part| format!("{:?}", part.kind))
                .collect();
            assert_eq!(kinds.len(), told.parts.len());
            assert!(
                told.terms
                    .iter()
                    .all(|term| (term.share - term.profile * term.paper).abs() < 1e-6)
            );
            if let Some(words) = told
                .parts
                .iter()
                .find(|part| part.kind == ranking::learned::SignalKind::Words)
            {
                let named: f32 = told.terms.iter().map(|term| term.share).sum();
                assert!(
                    (named + told.other_terms + told.common_words - words.raw).abs() < 1e-5,
                    "{told:?}"
                );
            }
        }
    }
}

#[test]
fn a_reason_names_what_carried_the_score() {
    let world = World::usual();
    let profile = world.likes(0, 3);
    for pick in world.pick(std::slice::from_ref(&profile), 10, 0.0).picks {
        let told = ranking::explain(&world.candidates, &profile, pick.candidate);
        let terms = pick.reasons.iter().find_map(|reason| match reason {
            Reason::Terms(terms) => Some(terms),
            _ => None,
        });
        if let Some(terms) = terms {
            let carrying: String = told
                .terms
                .iter()
                .filter(|term| term.share > 0.0)
                .map(|term| term.term.to_lowercase() + " ")
                .collect();
            for word in terms.iter().flat_map(|term| term.split([' ', '-'])) {
                assert!(
                    carrying.contains(&word.to_lowercase()),
                    "{word} in {carrying}"
                );
            }
        }
        let liked = pick.reasons.iter().find_map(|reason| match reason {
            Reason::LikedPaper(title) => Some(title),
            _ => None,
        });
        if let Some(liked) = liked {
            let (title, cosine) = told.nearest_liked.unwrap();
            assert!(*liked == title && cosine > 0.2, "{liked} {title} {cosine}");
        }
    }
}

#[test]
fn picks_are_the_same_whatever_the_number_of_threads() {
    let run = || {
        let world = World::usual();
        let profiles: Vec<Profile> = (0..5).map(|topic| world.likes(topic, 7)).collect();
        let picks = world.pick(&profiles, 20, 0.1).picks;
        picks
            .into_iter()
            .map(|pick| {
                (
                    pick.paper.id.to_string(),
                    pick.score.to_bits(),
                    pick.reasons,
                )
            })
            .collect::<Vec<_>>()
    };
    let in_pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(run)
    };
    let alone = in_pool(1);
    assert!(!alone.is_empty());
    assert_eq!(alone, in_pool(4));
}

#[test]
fn votes_break_ties_and_nothing_else() {
    let mut twins: Vec<Paper> = (0..2)
        .map(|at| Paper {
            id: format!("0.t{at}").parse().unwrap(),
            ..paper(0, 1)
        })
        .collect();
    // The same words in another order: equally good, and no copy.
    twins[1].upvotes = Some(40);
    let mut other = paper(0, 2);
    other.upvotes = Some(400);
    let world = World::new(&[], vec![twins[0].clone(), twins[1].clone(), other]);
    let picks = world.pick(
        &[
            world.likes(0, 0),
            world.learn(&interest("t", &[], &[]), &[paper(0, 1)], &[]),
        ],
        1,
        0.0,
    );
    assert_eq!(picks.picks[0].paper.id.as_str(), "0.t1", "{picks:?}");
}

#[test]
fn vectors_are_learned_once_and_kept_until_the_archive_has_grown_by_half() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    let now = "2026-08-04T06:00:00Z".parse().unwrap();
    let take = |range: std::ops::Range<usize>| {
        let papers: Vec<Paper> = range.map(|at| paper(at % 5, at)).collect();
        db.run_here(|store| store.take_in("import", &papers, now))
            .unwrap();
        let archive = refresh_stats(&db, None, |_| {}).unwrap();
        archive
            .vectors
            .as_ref()
            .map(|vectors| vectors.background.maker.clone())
    };
    assert_eq!(take(0..20), None, "too few to learn from");
    let first = take(20..120).unwrap();
    assert!(first.starts_with("svd-"), "{first}");
    assert_eq!(take(120..150), Some(first.clone()), "a quarter more");
    let kept = db.run_here(|store| store.embedder("svd")).unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.papers), (first.as_str(), 120));
    assert_ne!(take(150..200), Some(first), "two thirds more");
}
