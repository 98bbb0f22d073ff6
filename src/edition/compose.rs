//! From one subscriber's plan to the finished message.

use super::background::Archive;
use super::examples::{Examples, YOUR_PICKS};
use super::{ActiveEmbedder, EditionError, Prepared};
use crate::digest::{
    Branding, DayCovered, DkimSigner, FragmentCache, Issue, IssueHeaders, IssuePick, Note,
    Recipient, Rendered, Section, SectionKind, Templates, Why, message_id, render, to_message,
};
use crate::inbound::InboundSettings;
use crate::links::Links;
use crate::paper::{Paper, PaperNews};
use crate::profile::{Expression, Profile, TermCounter};
use crate::ranking::because::{self, Because};
use crate::ranking::{self, Candidates, Days, Pick, Picks, Request};
use crate::site::Site;
use crate::store::{NewIssue, NewPick, PaperEvent, PaperRow, PickKind};
use crate::subscriber::{Interest, Subscriber, WhenEmpty};
use crate::token::{Scope, Signer};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rayon::prelude::*;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What every issue needs: the site, its templates and its rules.
pub struct Desk {
    /// The site.
    pub site: Site,
    /// What the issues look like.
    pub branding: Branding,
    /// Their templates.
    pub templates: Templates,
    /// Signs the links.
    pub signer: Signer,
    /// Addresses that mail comes back to.
    pub inbound: InboundSettings,
    /// Signs the mails, if they are signed here.
    pub dkim: Option<DkimSigner>,
    /// How long an issue is worth sending.
    pub shelf_life: TimeDelta,
    /// How long an issue waits for papers that are still missing.
    pub latest_send: TimeDelta,
    /// How late an issue may be composed.
    pub max_lateness: TimeDelta,
    /// Makes dense vectors; without one, they are learned from the archive.
    pub model: Arc<ActiveEmbedder>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

/// What is known before an issue is composed.
pub(crate) struct Plan {
    pub(crate) subscriber: Subscriber,
    pub(crate) local_date: NaiveDate,
    /// When it was or will be due: what readers said has faded until then.
    pub(crate) due: DateTime<Utc>,
    pub(crate) days: Days,
    pub(crate) covers: Vec<DayCovered>,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) sent: HashSet<usize>,
    /// Whether the subscriber has had no issue yet.
    pub(crate) is_first: bool,
    /// What became of papers is told from then on.
    pub(crate) told_since: DateTime<Utc>,
    /// What is to be told.
    pub(crate) told: Vec<PaperEvent>,
}

/// What one subscriber's interests were learned to be.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) profiles: Vec<Profile>,
    /// What their dense directions give for the candidates.
    pub(crate) dense: Vec<Option<Vec<f32>>>,
}

/// Learns the interests of all `plans`, and takes their dense products together.
pub(crate) fn get_ready(plans: &[Plan], archive: &Archive, examples: &Examples) -> Vec<Ready> {
    let mut ready: Vec<Ready> = plans
        .par_iter()
        .map(|plan| Ready {
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
            .flat_map(|&at| &ready[at].profiles)
            .collect();
        let mut dense = plans[together[0]]
            .prepared
            .candidates
            .dense_scores(&profiles)
            .into_iter();
        for at in together {
            let count = ready[at].profiles.len();
            ready[at].dense = dense.by_ref().take(count).collect();
        }
    }
    ready
}

impl Plan {
    /// What the subscriber wants of the candidates.
    /// None of the candidates at `left_out` come.
    pub(crate) fn request<'a>(&'a self, left_out: &'a HashSet<usize>) -> Request<'a> {
        Request {
            days: &self.days,
            sent: left_out,
            max_papers: self.subscriber.preferences.max_papers as usize,
            min_score: self.subscriber.preferences.min_score,
        }
    }
}

/// A composed issue, not yet queued.
#[derive(Debug)]
pub struct Composed {
    /// For whom.
    pub subscriber: Subscriber,
    /// Its content.
    pub issue: Issue,
    /// The same as text.
    pub rendered: Rendered,
    /// The complete message.
    pub message: Vec<u8>,
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// Papers looked at.
    pub considered: usize,
    picks: Vec<NewPick>,
    /// The days whose papers were looked at, the oldest and the newest.
    days: Option<(NaiveDate, NaiveDate)>,
}

thread_local! {
    /// Remembers the stems of words from one subscriber to the next.
    static COUNTER: RefCell<TermCounter> = RefCell::new(TermCounter::new());
}

impl Desk {
    /// Ranks and composes one issue.
    pub(crate) fn compose(
        &self,
        plan: &Plan,
        ready: &Ready,
        examples: &Examples,
        fragments: &FragmentCache,
        now: DateTime<Utc>,
    ) -> Result<Composed, EditionError> {
        let subscriber = &plan.subscriber;
        let picks = choose(plan, ready, examples);
        let considered = picks.considered;
        let mut issue = issue(plan, &picks);
        let told: Vec<&PaperEvent> = told(plan, &picks);
        if !told.is_empty() {
            issue.sections.push(told_section(&told));
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
        // What did not fit into the mail was not sent: it may come another day.
        let is_in_it = |paper: &Paper| !rendered.left_out.contains(&paper.id);
        let chosen = picks
            .picks
            .into_iter()
            .filter(|pick| is_in_it(&pick.paper))
            .map(|pick| NewPick {
                paper: plan.prepared.rows[pick.candidate],
                score: pick.score,
                section: heading(&pick.section),
                reason: pick.reason,
                kind: if pick.section == ranking::Section::Exploring {
                    PickKind::Exploring
                } else {
                    PickKind::Chosen
                },
            })
            .chain(
                told.into_iter()
                    .filter(|told| is_in_it(&told.paper.paper))
                    .map(|told| NewPick {
                        paper: told.paper.row,
                        score: 0.0,
                        section: TOLD.to_owned(),
                        reason: told.news.to_string(),
                        kind: PickKind::Chosen,
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

impl Desk {
    /// Links into the site, signed with its key.
    pub fn links(&self) -> Links<'_> {
        Links {
            site: &self.site,
            signer: &self.signer,
        }
    }

    /// The reader of an issue, with the links that are theirs.
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
            unsubscribe_mailto: self.inbound.unsubscribe_mailto(&token),
        }
    }
}

impl Composed {
    /// Whether the subscriber wants it: on empty days, only some want a note.
    pub fn wanted(&self) -> bool {
        !self.picks.is_empty() || self.subscriber.preferences.when_empty == WhenEmpty::Note
    }

    /// The papers in it, in order.
    pub fn picks(&self) -> &[NewPick] {
        &self.picks
    }

    /// For the queue.
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

/// Profiles of the interests that have anything to go by.
pub(crate) fn learn(
    subscriber: &Subscriber,
    archive: &Archive,
    examples: &Examples,
    due: DateTime<Utc>,
) -> Vec<Profile> {
    let dense = archive.vectors.as_ref().map(|vectors| &vectors.background);
    COUNTER.with_borrow_mut(|counter| {
        examples
            .taught(subscriber, archive, counter, due)
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

/// What the section is called in the database; readers see their own language's words.
pub(super) const TOLD: &str = "News of papers you know";

/// What is told in this issue: nothing of papers that are announced in it.
fn told<'a>(plan: &'a Plan, picks: &Picks) -> Vec<&'a PaperEvent> {
    let announced: HashSet<PaperRow> = picks
        .picks
        .iter()
        .map(|pick| plan.prepared.rows[pick.candidate])
        .collect();
    let told = plan
        .told
        .iter()
        .filter(|told| !announced.contains(&told.paper.row));
    told.take(plan.subscriber.preferences.max_papers as usize)
        .collect()
}

fn told_section(told: &[&PaperEvent]) -> Section {
    let pick = |told: &&PaperEvent| IssuePick {
        paper: Arc::new(told.paper.paper.clone()),
        // Where there is no room for everything, it goes first.
        score: 0.0,
        why: Vec::new(),
        row: Some(told.paper.row.0),
        followed: Vec::new(),
        news: Some(told.news.clone()),
    };
    Section {
        heading: String::new(),
        kind: SectionKind::Told,
        terms: Vec::new(),
        picks: told.iter().map(pick).collect(),
    }
}

/// What is not for this reader, by position: what they had, what they want less
/// of, what their interests name as examples, which they know, and what is by
/// people whom they do not want to see.
fn left_out<'a>(plan: &'a Plan, examples: &Examples) -> Cow<'a, HashSet<usize>> {
    let mut left_out = Cow::Borrowed(&plan.sent);
    for row in examples
        .unwanted(plan.subscriber.id)
        .chain(examples.named_by(&plan.subscriber))
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

/// What goes into the issue of `plan`.
pub(crate) fn choose(plan: &Plan, ready: &Ready, examples: &Examples) -> Picks {
    let left_out = left_out(plan, examples);
    let request = plan.request(&left_out);
    let candidates = &plan.prepared.candidates;
    let has_only_picks = plan
        .subscriber
        .interests
        .iter()
        .all(|interest| interest.name == YOUR_PICKS);
    if has_only_picks && !ready.profiles.is_empty() {
        trending_and_own(candidates, ready, &request)
    } else {
        ranking::pick_with(candidates, &ready.profiles, &ready.dense, &request)
    }
}

/// What is less like anything they like is no pick of their own, however low
/// they set the line: trending papers stand behind it.
const OWN_MIN: f32 = 0.05;

/// For a reader of the trending digest who gives thumbs: up to half of the room
/// for more of what they like, and the trending papers after it.
fn trending_and_own(candidates: &Candidates, ready: &Ready, request: &Request<'_>) -> Picks {
    let max_papers = request.max_papers.div_ceil(2);
    let min_score = request.min_score.max(OWN_MIN);
    let mut picks = ranking::pick_with(
        candidates,
        &ready.profiles,
        &ready.dense,
        &Request {
            max_papers,
            min_score,
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

pub(super) fn heading(section: &ranking::Section) -> String {
    match section {
        ranking::Section::FollowedAuthors => "Authors you follow".to_owned(),
        ranking::Section::Interest(name) => name.clone(),
        ranking::Section::Trending => "Trending".to_owned(),
        ranking::Section::New => "New papers".to_owned(),
        ranking::Section::Exploring => "Exploring".to_owned(),
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
    let mut sections: Vec<Section> = Vec::new();
    for pick in &picks.picks {
        // Only the reader's own headings are theirs; the others come in their language.
        let (kind, heading) = match &pick.section {
            ranking::Section::FollowedAuthors => (SectionKind::FollowedAuthors, String::new()),
            ranking::Section::Interest(name) => (SectionKind::Interest, name.clone()),
            ranking::Section::Trending => (SectionKind::Trending, String::new()),
            ranking::Section::New => (SectionKind::New, String::new()),
            ranking::Section::Exploring => (SectionKind::Exploring, String::new()),
        };
        let issue_pick = issue_pick(pick, plan);
        match sections.last_mut() {
            Some(section) if section.kind == kind && section.heading == heading => {
                section.picks.push(issue_pick)
            }
            _ => sections.push(Section {
                terms: words_of(&plan.subscriber.interests, &pick.section),
                heading,
                kind,
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
        why: because::read(&pick.reason).into_iter().map(why).collect(),
        followed: pick.followed.clone(),
        row: Some(plan.prepared.rows[pick.candidate].0),
        news: pick.paper.withdrawn.then_some(PaperNews::Withdrawn),
    }
}

/// The reasons that are stored of a pick, for whoever shows them in another language.
pub fn reasons(stored: &str) -> Vec<Why> {
    because::read(stored).into_iter().map(why).collect()
}

/// What the picks under a stored heading have in common, where it is not the reader's own.
pub fn kind_of(stored: &str) -> Option<SectionKind> {
    let known = [
        (
            ranking::Section::FollowedAuthors,
            SectionKind::FollowedAuthors,
        ),
        (ranking::Section::Trending, SectionKind::Trending),
        (ranking::Section::New, SectionKind::New),
        (ranking::Section::Exploring, SectionKind::Exploring),
    ];
    if stored == TOLD {
        return Some(SectionKind::Told);
    }
    known
        .into_iter()
        .find(|(section, _)| heading(section) == stored)
        .map(|(_, kind)| kind)
}

pub(super) fn why(because: Because) -> Why {
    let parts = |text: &str, sign: &str| text.split(sign).map(str::to_owned).collect();
    match because {
        Because::Author(names) => Why::Author(parts(&names, " and ")),
        Because::Phrase(phrase) => Why::Phrase(phrase),
        Because::Liked(title) => Why::Liked(title),
        Because::LikedAuthor(name) => Why::LikedAuthor(name),
        Because::Beyond(interest) => Why::Beyond(interest),
        Because::About(terms) => Why::About(parts(&terms, ", ")),
        Because::Meaning(title) => Why::Meaning(title),
        Because::Field(category) => Why::Field(category),
        Because::NewIn(category) => Why::NewIn(category),
        Because::New => Why::New,
        Because::Votes(count) => Why::Votes(count),
        Because::Other(text) => Why::Said(text),
    }
}

/// The words of an interest, which tell what in an abstract matters to it.
pub(super) fn words_of(interests: &[Interest], section: &ranking::Section) -> Vec<String> {
    let ranking::Section::Interest(name) = section else {
        return Vec::new();
    };
    let Some(interest) = interests.iter().find(|interest| interest.name == *name) else {
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
