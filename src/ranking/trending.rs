//! What everybody reads: for subscribers who have said nothing about themselves.

use super::{Candidates, Pick, Picks, Request, Section};
use std::collections::HashMap;
use std::sync::Arc;

/// Votes that make a score of one half.
const HALF_AT_VOTES: f32 = 20.0;

/// The score of a paper that nobody has voted on yet.
const UNKNOWN: f32 = 0.5;

/// The candidates with most votes. Where no votes are known, the newly announced
/// papers of each field in turn, largest field first, so that a reader without
/// interests sees something of everything.
pub fn pick(candidates: &Candidates, request: &Request<'_>) -> Picks {
    let mut open: Vec<usize> = candidates.on_days(request.days).filter(|at| !request.sent.contains(at)).collect();
    let considered = open.len();
    let votes = |at: &usize| candidates.paper(*at).upvotes.unwrap_or(0);
    let is_voted_on = open.iter().any(|at| votes(at) > 0);
    if is_voted_on {
        open.retain(|at| votes(at) > 0);
        open.sort_by_key(|at| (std::cmp::Reverse(votes(at)), *at));
    } else {
        open = field_by_field(candidates, &open);
    }
    let above = open.len();
    open.truncate(request.max_papers);
    let picks: Vec<Pick> = open
        .into_iter()
        .map(|at| {
            let paper = candidates.paper(at);
            let (score, reason) = match paper.upvotes {
                Some(votes) if votes > 0 => {
                    let share = votes as f32 / (votes as f32 + HALF_AT_VOTES);
                    (share, format!("trending with {votes} {}", if votes == 1 { "vote" } else { "votes" }))
                }
                _ => (
                    UNKNOWN,
                    paper.categories.first().map_or_else(|| "newly announced".to_owned(), |c| format!("new in {c}")),
                ),
            };
            Pick {
                candidate: at,
                paper: Arc::clone(paper),
                score,
                section: Section::Trending,
                reason,
                followed: Vec::new(),
            }
        })
        .collect();
    Picks { below_the_line: above - picks.len(), picks, considered }
}

fn field_by_field(candidates: &Candidates, open: &[usize]) -> Vec<usize> {
    let mut fields: HashMap<&str, Vec<usize>> = HashMap::new();
    for &at in open {
        let field = candidates.paper(at).categories.first().map_or("", String::as_str);
        fields.entry(field).or_default().push(at);
    }
    let mut fields: Vec<Vec<usize>> = fields.into_values().collect();
    fields.sort_by_key(|papers| (std::cmp::Reverse(papers.len()), papers[0]));
    let deepest = fields.iter().map(Vec::len).max().unwrap_or(0);
    (0..deepest).flat_map(|turn| fields.iter().filter_map(move |papers| papers.get(turn).copied())).collect()
}
