//! Composing: from the plan of one subscriber to the finished message.

use super::EditionError;
use super::examples::{Examples, YOUR_PICKS};
use super::publisher::Prepared;
use crate::archive::ActiveEmbedder;
use crate::archive::ArchiveStats;
use crate::digest::{
    Branding, DayCovered, DkimSigner, FragmentCache, Issue, IssueHeaders, IssuePick, IssueSection,
    Note, Recipient, Rendered, Templates, message_id, render, to_message,
};
use crate::links::{Links, ReturnAddresses};
use crate::paper::Paper;
use crate::pick::{PaperNews, Reason, Section};
use crate::profile::{Expression, Profile, TermCounter};
use crate::ranking::{self, Candidates, Days, Pick, Picks, Request};
use crate::site::Site;
use crate::store::{NewIssue, NewPick, PaperEvent, PaperRow};
use crate::subscriber::{Interest, Subscriber, WhenEmpty};
use crate::token::{Scope, Signer};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rayon::prelude::*;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The parts that every issue shares: the site, its templates and its rules.
pub struct Composer {
    /// The site.
    pub site: Site,
    /// Name, colours and logo in mails.
    pub branding: Branding,
    /// The templates of mails.
    pub templates: Templates,
    /// Signs the links.
    pub signer: Signer,
    /// Addresses to which mail comes back.
    pub return_addresses: ReturnAddresses,
    /// Signs the mails with DKIM, if they are signed here.
    pub dkim: Option<DkimSigner>,
    /// Time after which a queued issue expires.
    pub shelf_life: TimeDelta,
    /// Longest wait of an issue for missing papers.
    pub latest_send: TimeDelta,
    /// Lateness after which an issue is skipped.
    pub max_lateness: TimeDelta,
    /// The active embedder; without one, dense vectors are learned from the archive.
    pub model: Arc<ActiveEmbedder>,
}

impl std::fmt::Debug for Composer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Composer")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

/// The facts from which an issue is composed.
pub(crate) struct Plan {
    pub(crate) subscriber: Subscriber,
    pub(crate) local_date: NaiveDate,
    /// The due instant; feedback decays until then.
    pub(crate) due: DateTime<Utc>,
    pub(crate) days: Days,
    pub(crate) covers: Vec<DayCovered>,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) sent: HashSet<usize>,
    /// Whether this is the subscriber's first issue.
    pub(crate) is_first: bool,
    /// News of papers counts from then on.
    pub(crate) news_since: DateTime<Utc>,
    /// News of papers for this issue.
    pub(crate) news: Vec<PaperEvent>,
}

/// The profiles of one subscriber's interests.
#[derive(Debug, Default)]
pub(crate) struct LearnedProfiles {
    pub(crate) profiles: Vec<Profile>,
    /// Scores of their dense directions for the candidates.
    pub(crate) dense: Vec<Option<Vec<f32>>>,
}

/// Learns the profiles of all `plans`; their dense products are computed together.
pub(crate) fn learn_profiles(
    plans: &[Plan],
    archive: &ArchiveStats,
    examples: &Examples,
) -> Vec<LearnedProfiles> {
    let mut learned: Vec<LearnedProfiles> = plans
        .par_iter()
        .map(|plan| LearnedProfiles {
            profiles: learn(&plan.subscriber, archive, examples, plan.due),
            dense: Vec::new(),
        })
        .collect();
    let mut by_candidates: BTreeMap<*const Prepared, Vec<usize>> = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        by_candidates
            .entry(Arc::as_ptr(&plan.prepared))
            .or_default()
            .push(at);
    }
    for together in by_candidates.into_values() {
        let profiles: Vec<&Profile> = together
            .iter()
            .flat_map(|&at| &learned[at].profiles)
            .collect();
        let mut dense = plans[together[0]]
            .prepared
            .candidates
            .dense_scores(&profiles)
            .into_iter();
        for at in together {
            let count = learned[at].profiles.len();
            learned[at].dense = dense.by_ref().take(count).collect();
        }
    }
    learned
}

impl Plan {
    /// The ranking request of the subscriber; candidates at `left_out` do not come.
    pub(crate) fn request<'a>(&'a self, left_out: &'a HashSet<usize>) -> Request<'a> {
        Request {
            days: &self.days,
            sent: left_out,
            max_papers: self.subscriber.preferences.max_papers as usize,
            min_score: self.subscriber.preferences.min_score,
            min_papers: self.subscriber.preferences.min_papers as usize,
        }
    }
}

/// A composed issue, not yet queued.
#[derive(Debug)]
pub struct Composed {
    /// Its subscriber.
    pub subscriber: Subscriber,
    /// Its content.
    pub issue: Issue,
    /// The rendered texts.
    pub rendered: Rendered,
    /// The complete message.
    pub message: Vec<u8>,
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// Papers looked at.
    pub considered: usize,
    picks: Vec<NewPick>,
    /// The oldest and the newest announcement day looked at.
    days: Option<(NaiveDate, NaiveDate)>,
}

thread_local! {
    /// Caches the stems of words across subscribers.
    static COUNTER: RefCell<TermCounter> = RefCell::new(TermCounter::new());
}

impl Composer {
    /// Ranks and composes one issue.
    pub(crate) fn compose(
        &self,
        plan: &Plan,
        learned: &LearnedProfiles,
        examples: &Examples,
        fragments: &FragmentCache,
        now: DateTime<Utc>,
    ) -> Result<Composed, EditionError> {
        let subscriber = &plan.subscriber;
        let picks = choose(plan, learned, examples);
        let considered = picks.considered;
        let mut issue = issue(plan, &picks);
        let news = news(plan, &picks);
        if !news.is_empty() {
            issue.sections.push(news_section(&news));
        }
        let recipient = self.recipient(subscriber, plan.local_date);
        let rendered = render(
            &self.templates,
            fragments,
            &issue,
            &recipient,
            &self.branding,
        )
        .map_err(|cause| EditionError::Template {
            subscriber: subscriber.id.0,
            cause,
        })?;
        let message_id = message_id(
            &self.site.secret,
            self.site.mail_domain(),
            subscriber.id,
            plan.local_date,
        );
        let headers = IssueHeaders {
            from: &self.site.from,
            recipient: &recipient,
            branding: &self.branding,
            local_date: plan.local_date,
            date: now,
            message_id: &message_id,
        };
        let message = to_message(&rendered, &headers).map_err(|cause| EditionError::Message {
            subscriber: subscriber.id.0,
            cause,
        })?;
        let message = match &self.dkim {
            Some(dkim) => dkim.signed(&message),
            None => message,
        };
        // Papers left out of the mail were not sent: they may come another day.
        let is_in_it = |paper: &Paper| !rendered.left_out.contains(&paper.id);
        let chosen = picks
            .picks
            .into_iter()
            .filter(|pick| is_in_it(&pick.paper))
            .map(|pick| NewPick {
                paper: plan.prepared.rows[pick.candidate],
                score: pick.score,
                section: pick.section,
                reasons: pick.reasons,
            })
            .chain(
                news.into_iter()
                    .filter(|event| is_in_it(&event.paper.paper))
                    .map(|event| NewPick {
                        paper: event.paper.row,
                        score: 0.0,
                        section: Section::News,
                        reasons: vec![Reason::News(event.news.clone())],
                    }),
            )
            .collect();
        let days = plan.days.keys().copied();
        let days = days.clone().min().zip(days.max());
        Ok(Composed {
            subscriber: subscriber.clone(),
            issue,
            rendered,
            message,
            message_id,
            considered,
            picks: chosen,
            days,
        })
    }
}

impl Composer {
    /// Links into the site, signed with its key.
    pub fn links(&self) -> Links<'_> {
        Links {
            site: &self.site,
            signer: &self.signer,
        }
    }

    /// The recipient of an issue, with their own links.
    pub(super) fn recipient<'a>(
        &self,
        subscriber: &'a Subscriber,
        local_date: NaiveDate,
    ) -> Recipient<'a> {
        let token = self.signer.sign(Scope::Unsubscribe, subscriber.id.0);
        let links = self.links();
        Recipient {
            address: &subscriber.address,
            name: &subscriber.name,
            preferences: &subscriber.preferences,
            unsubscribe_url: links.unsubscribe(subscriber.id),
            preferences_url: links.preferences(subscriber.holder()),
            view_url: links.issue(subscriber.holder(), local_date),
            thumbs: links.thumbs(subscriber.holder()),
            unsubscribe_mailto: self.return_addresses.unsubscribe_mailto(&token),
        }
    }
}

impl Composed {
    /// Whether it is sent: an empty issue only to those who want a note.
    pub fn wanted(&self) -> bool {
        !self.picks.is_empty() || self.subscriber.preferences.when_empty == WhenEmpty::Note
    }

    /// The papers in it, in order.
    pub fn picks(&self) -> &[NewPick] {
        &self.picks
    }

    /// The issue for the queue.
    pub fn into_new_issue(self, expires_at: DateTime<Utc>) -> NewIssue {
        NewIssue {
            subscriber: self.subscriber.id,
            local_date: self.issue.local_date,
            covers: self.days,
            address: self.subscriber.details.address,
            subject: self.rendered.subject,
            message_id: self.message_id,
            message: self.message,
            picks: self.picks,
            expires_at,
        }
    }
}

/// Profiles of the interests that say anything.
pub(crate) fn learn(
    subscriber: &Subscriber,
    archive: &ArchiveStats,
    examples: &Examples,
    due: DateTime<Utc>,
) -> Vec<Profile> {
    let dense = archive.vectors.as_ref().map(|vectors| &vectors.background);
    COUNTER.with_borrow_mut(|counter| {
        examples
            .evidence_for(subscriber, archive, counter, due)
            .into_iter()
            .map(|taught| {
                Profile::learn(
                    &taught.interest,
                    taught.evidence,
                    &archive.background,
                    dense,
                    counter,
                )
            })
            .filter(|profile| !profile.is_blank() || !profile.categories.is_empty())
            .collect()
    })
}

/// News for this issue, without papers that are announced in it.
fn news<'a>(plan: &'a Plan, picks: &Picks) -> Vec<&'a PaperEvent> {
    let announced: HashSet<PaperRow> = picks
        .picks
        .iter()
        .map(|pick| plan.prepared.rows[pick.candidate])
        .collect();
    let events = plan
        .news
        .iter()
        .filter(|event| !announced.contains(&event.paper.row));
    events
        .take(plan.subscriber.preferences.max_papers as usize)
        .collect()
}

fn news_section(events: &[&PaperEvent]) -> IssueSection {
    let pick = |event: &&PaperEvent| IssuePick {
        paper: Arc::new(event.paper.paper.clone()),
        // The first to be left out where there is no room.
        score: 0.0,
        reasons: Vec::new(),
        row: Some(event.paper.row.0),
        followed: Vec::new(),
        news: Some(event.news.clone()),
    };
    IssueSection {
        section: Section::News,
        terms: Vec::new(),
        picks: events.iter().map(pick).collect(),
    }
}

/// Candidates that this subscriber does not want, by position: sent before, disliked,
/// named as examples of an interest, or by muted authors.
fn left_out<'a>(plan: &'a Plan, examples: &Examples) -> Cow<'a, HashSet<usize>> {
    let mut left_out = Cow::Borrowed(&plan.sent);
    for row in examples
        .unwanted(plan.subscriber.id)
        .chain(examples.named_in_interests(&plan.subscriber))
    {
        if let Some(at) = plan.prepared.position(row) {
            left_out.to_mut().insert(at);
        }
    }
    for name in examples.muted(plan.subscriber.id) {
        left_out.to_mut().extend(
            plan.prepared
                .candidates
                .by_author(name)
                .into_iter()
                .map(|(at, _)| at),
        );
    }
    left_out
}

/// The picks for the issue of `plan`.
pub(crate) fn choose(plan: &Plan, learned: &LearnedProfiles, examples: &Examples) -> Picks {
    let left_out = left_out(plan, examples);
    let request = plan.request(&left_out);
    let candidates = &plan.prepared.candidates;
    let has_only_picks = plan
        .subscriber
        .interests
        .iter()
        .all(|interest| interest.name == YOUR_PICKS);
    if has_only_picks && !learned.profiles.is_empty() {
        trending_and_own(candidates, learned, &request)
    } else {
        ranking::pick_with(candidates, &learned.profiles, &learned.dense, &request)
    }
}

/// Least score of own picks of a reader without interests; below it trending papers
/// are better, however low their line.
const OWN_MIN: f32 = 0.05;

/// The picks of a reader of the trending digest who gives thumbs: up to half of the
/// room for papers like those they liked, then trending papers.
fn trending_and_own(
    candidates: &Candidates,
    learned: &LearnedProfiles,
    request: &Request<'_>,
) -> Picks {
    let max_papers = request.max_papers.div_ceil(2);
    let min_score = request.min_score.max(OWN_MIN);
    let mut picks = ranking::pick_with(
        candidates,
        &learned.profiles,
        &learned.dense,
        &Request {
            max_papers,
            min_score,
            // Trending papers fill the rest of the issue.
            min_papers: 0,
            ..*request
        },
    );
    let mut sent = request.sent.clone();
    sent.extend(picks.picks.iter().map(|pick| pick.candidate));
    let max_papers = request.max_papers - picks.picks.len();
    let trending = ranking::trending::pick(
        candidates,
        &Request {
            sent: &sent,
            max_papers,
            ..*request
        },
    );
    picks.picks.extend(trending.picks);
    Picks {
        no_room: trending.no_room,
        best_missed: None,
        ..picks
    }
}

fn issue(plan: &Plan, picks: &Picks) -> Issue {
    let note = match picks.picks.as_slice() {
        [_, ..] => None,
        [] if plan.days.is_empty() => Some(Note::NothingAnnounced),
        [] if picks.considered == 0 => Some(Note::AllSentBefore),
        [] => Some(match picks.best_missed {
            Some(best) => Note::BelowTheLine {
                best,
                line: plan.subscriber.preferences.min_score,
            },
            None => Note::NothingMatches,
        }),
    };
    let mut sections: Vec<IssueSection> = Vec::new();
    for pick in &picks.picks {
        let issue_pick = issue_pick(pick, plan);
        match sections.last_mut() {
            Some(last) if last.section == pick.section => last.picks.push(issue_pick),
            _ => sections.push(IssueSection {
                terms: words_of(&plan.subscriber.interests, &pick.section),
                section: pick.section.clone(),
                picks: vec![issue_pick],
            }),
        }
    }
    Issue {
        local_date: plan.local_date,
        covers: plan.covers.clone(),
        sections,
        no_room: picks.no_room as u32,
        below_the_line: picks.below_the_line as u32,
        considered: picks.considered as u32,
        note,
        is_first: plan.is_first,
    }
}

fn issue_pick(pick: &Pick, plan: &Plan) -> IssuePick {
    IssuePick {
        paper: Arc::clone(&pick.paper),
        score: pick.score,
        reasons: pick.reasons.clone(),
        followed: pick.followed.clone(),
        row: Some(plan.prepared.rows[pick.candidate].0),
        news: pick.paper.withdrawn.then_some(PaperNews::Withdrawn),
    }
}

/// The words of an interest, which tell the important sentences of an abstract.
pub(super) fn words_of(interests: &[Interest], section: &Section) -> Vec<String> {
    let Some(name) = section.interest() else {
        return Vec::new();
    };
    let Some(interest) = interests.iter().find(|interest| interest.name == name) else {
        return Vec::new();
    };
    let keywords: Vec<Expression> = interest
        .keywords
        .iter()
        .filter_map(|written| Expression::read(written))
        .collect();
    let mut words: Vec<String> = keywords
        .iter()
        .flat_map(Expression::phrases)
        .map(str::to_owned)
        .collect();
    words.push(interest.name.clone());
    words.push(interest.description.clone());
    words.retain(|word| !word.trim().is_empty());
    words
}
