//! Trending picks, for subscribers without interests.

use super::reason::new_in;
use super::{Candidates, Pick, Picks, Request};
use crate::pick::{Reason, Section};
use std::collections::HashMap;
use std::sync::Arc;

/// Votes that make a score of one half.
pub const HALF_AT_VOTES: f32 = 20.0;

/// The score of a paper without votes.
const UNKNOWN: f32 = 0.5;

/// Picks the candidates with most votes; after them, or without votes, the new papers of
/// each field in turn, largest field first, so that every field is represented.
pub fn pick(candidates: &Candidates, request: &Request<'_>) -> Picks {
    let mut open: Vec<usize> = candidates
        .on_days(request.days)
        .filter(|at| !request.sent.contains(at))
        .collect();
    let considered = open.len();
    let votes = |at: &usize| candidates.paper(*at).upvotes.unwrap_or(0);
    let (mut voted_on, others): (Vec<usize>, Vec<usize>) =
        open.into_iter().partition(|at| votes(at) > 0);
    voted_on.sort_by_key(|at| (std::cmp::Reverse(votes(at)), *at));
    open = voted_on;
    open.extend(field_by_field(candidates, &others));
    let matched = open.len();
    open.truncate(request.max_papers);
    let picks: Vec<Pick> = open
        .into_iter()
        .map(|at| {
            let paper = candidates.paper(at);
            let (score, reason) = match paper.upvotes {
                Some(votes) if votes > 0 => {
                    let share = votes as f32 / (votes as f32 + HALF_AT_VOTES);
                    (share, Reason::Votes(votes))
                }
                _ => (UNKNOWN, new_in(paper, &[])),
            };
            Pick {
                candidate: at,
                paper: Arc::clone(paper),
                score,
                section: if paper.upvotes.unwrap_or(0) > 0 {
                    Section::Trending
                } else {
                    Section::New
                },
                interest: None,
                reasons: vec![reason],
                followed: Vec::new(),
            }
        })
        .collect();
    Picks {
        no_room: matched - picks.len(),
        below_the_line: 0,
        best_missed: None,
        picks,
        considered,
        shares: Vec::new(),
    }
}

fn field_by_field(candidates: &Candidates, open: &[usize]) -> Vec<usize> {
    let mut fields: HashMap<&str, Vec<usize>> = HashMap::new();
    for &at in open {
        let field = candidates
            .paper(at)
            .categories
            .first()
            .map_or("", String::as_str);
        fields.entry(field).or_default().push(at);
    }
    let mut fields: Vec<Vec<usize>> = fields.into_values().collect();
    fields.sort_by_key(|papers| (std::cmp::Reverse(papers.len()), papers[0]));
    let deepest = fields.iter().map(Vec::len).max().unwrap_or(0);
    (0..deepest)
        .flat_map(|turn| {
            fields
                .iter()
                .filter_map(move |papers| papers.get(turn).copied())
        })
        .collect()
}
