//! From one subscriber's plan to the finished message.

use super::background::Archive;
use super::examples::Examples;
use super::{EditionError, Prepared};
use crate::digest::{
    DayCovered, DkimSigner, Dress, Headers, Issue, IssuePick, Note, Recipient, Rendered, Section, SectionKind,
    Templates, message_id, render, to_message,
};
use crate::embedding::Embedder;
use crate::inbound::InboundSettings;
use crate::links::Links;
use crate::profile::{Evidence, Expression, Profile, TermCounter};
use crate::ranking::{self, Days, Pick, Picks, Request};
use crate::site::Site;
use crate::store::{NewIssue, NewPick, PickKind};
use crate::subscriber::{Interest, Subscriber, WhenEmpty};
use crate::token::{Scope, Signer};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What every issue needs: the site, its templates and its rules.
pub struct Desk {
    /// The site.
    pub site: Site,
    /// What the issues look like.
    pub dress: Dress,
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
    pub embedder: Option<Arc<dyn Embedder>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("site", &self.site).finish_non_exhaustive()
    }
}

/// What is known before an issue is composed.
pub(crate) struct Plan {
    pub(crate) subscriber: Subscriber,
    pub(crate) local_date: NaiveDate,
    pub(crate) days: Days,
    pub(crate) covers: Vec<DayCovered>,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) sent: HashSet<usize>,
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
        .map(|plan| Ready { profiles: learn(&plan.subscriber.interests, archive, examples), dense: Vec::new() })
        .collect();
    let mut by_candidates: BTreeMap<*const Prepared, Vec<usize>> = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        by_candidates.entry(Arc::as_ptr(&plan.prepared)).or_default().push(at);
    }
    for together in by_candidates.into_values() {
        let profiles: Vec<&Profile> = together.iter().flat_map(|&at| &ready[at].profiles).collect();
        let mut dense = plans[together[0]].prepared.candidates.dense_scores(&profiles).into_iter();
        for at in together {
            let count = ready[at].profiles.len();
            ready[at].dense = dense.by_ref().take(count).collect();
        }
    }
    ready
}

impl Plan {
    /// What the subscriber wants of the candidates.
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            days: &self.days,
            sent: &self.sent,
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
    pub(crate) fn compose(&self, plan: &Plan, ready: &Ready, now: DateTime<Utc>) -> Result<Composed, EditionError> {
        let subscriber = &plan.subscriber;
        let preferences = &subscriber.preferences;
        let picks = ranking::pick_with(&plan.prepared.candidates, &ready.profiles, &ready.dense, &plan.request());
        let considered = picks.considered;
        let issue = issue(plan, &picks);
        let token = self.signer.sign(Scope::Unsubscribe, subscriber.id.0);
        let recipient = Recipient {
            address: &subscriber.address,
            name: &subscriber.name,
            preferences,
            unsubscribe_url: Links { site: &self.site, signer: &self.signer }.unsubscribe(subscriber.id),
            unsubscribe_mailto: self.inbound.unsubscribe_mailto(&token),
        };
        let rendered = render(&self.templates, &issue, &recipient, &self.dress)
            .map_err(|cause| EditionError::Template { subscriber: subscriber.id.0, cause })?;
        let message_id = message_id(&self.site.secret, self.site.mail_domain(), subscriber.id, plan.local_date);
        let headers = Headers {
            from: &self.site.from,
            recipient: &recipient,
            dress: &self.dress,
            local_date: plan.local_date,
            date: now,
            message_id: &message_id,
        };
        let message = to_message(&rendered, &headers)
            .map_err(|cause| EditionError::Message { subscriber: subscriber.id.0, cause })?;
        let message = match &self.dkim {
            Some(dkim) => dkim.signed(&message),
            None => message,
        };
        // What did not fit into the mail was not sent: it may come another day.
        let chosen = picks
            .picks
            .into_iter()
            .filter(|pick| !rendered.left_out.contains(&pick.paper.id))
            .map(|pick| NewPick {
                paper: plan.prepared.rows[pick.candidate],
                score: pick.score,
                section: heading(&pick.section),
                reason: pick.reason,
                kind: if pick.section == ranking::Section::Exploring { PickKind::Exploring } else { PickKind::Chosen },
            })
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
pub(crate) fn learn(interests: &[Interest], archive: &Archive, examples: &Examples) -> Vec<Profile> {
    COUNTER.with_borrow_mut(|counter| {
        interests
            .iter()
            .map(|interest| {
                let (liked, disliked) = (examples.of(&interest.liked), examples.of(&interest.disliked));
                let evidence = Evidence { liked, disliked, words: examples.words(interest) };
                let dense = archive.vectors.as_ref().map(|vectors| &vectors.background);
                Profile::learn(interest, evidence, &archive.background, dense, counter)
            })
            .filter(|profile| !profile.is_blank() || !profile.categories.is_empty())
            .collect()
    })
}

fn heading(section: &ranking::Section) -> String {
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
            Some(best) => Note::BelowTheLine { best, line: plan.subscriber.preferences.min_score },
            None => Note::NothingMatches,
        }),
    };
    let mut sections: Vec<Section> = Vec::new();
    for pick in &picks.picks {
        let heading = heading(&pick.section);
        let issue_pick = issue_pick(pick);
        match sections.last_mut() {
            Some(section) if section.heading == heading => section.picks.push(issue_pick),
            _ => sections.push(Section {
                terms: words_of(&plan.subscriber.interests, &pick.section),
                heading,
                kind: match pick.section {
                    ranking::Section::FollowedAuthors => SectionKind::FollowedAuthors,
                    ranking::Section::Interest(_) => SectionKind::Interest,
                    ranking::Section::Trending | ranking::Section::New => SectionKind::Trending,
                    ranking::Section::Exploring => SectionKind::Exploring,
                },
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
    }
}

fn issue_pick(pick: &Pick) -> IssuePick {
    IssuePick {
        paper: Arc::clone(&pick.paper),
        score: pick.score,
        reason: pick.reason.clone(),
        followed: pick.followed.clone(),
    }
}

/// The words of an interest, which tell what in an abstract matters to it.
fn words_of(interests: &[Interest], section: &ranking::Section) -> Vec<String> {
    let ranking::Section::Interest(name) = section else { return Vec::new() };
    let Some(interest) = interests.iter().find(|interest| interest.name == *name) else { return Vec::new() };
    let keywords: Vec<Expression> = interest.keywords.iter().filter_map(|written| Expression::read(written)).collect();
    let mut words: Vec<String> = keywords.iter().flat_map(Expression::phrases).map(str::to_owned).collect();
    words.push(interest.name.clone());
    words.push(interest.description.clone());
    words.retain(|word| !word.trim().is_empty());
    words
}
