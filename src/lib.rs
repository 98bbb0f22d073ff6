//! paperboy delivers science by mail: it takes in the day's new papers, ranks them for every
//! subscriber's interests, and sends each subscriber a digest.
//!
//! This page is the map. If you cannot tell from it where a change belongs, the map is wrong:
//! correct it first.
//!
//! # How papers flow
//!
//! ```text
//!  source ─▶ intake ─▶ ( store: papers, coverage )
//!                                 │
//!                                 ▼
//!        profile, ranking ─▶ edition ◀─ digest
//!              ▲                  │
//!   web (feedback, preferences)   ▼
//!                       ( store: issues, deliveries ) ─▶ outbox ─▶ SMTP
//!                                                          ▲         │
//!                             ( store: suppressions ) ─────┘         ▼
//!                                                 ▲──── inbound ◀─ (reports)
//! ```
//!
//! Papers only move forward. Stages never call each other: each reads the rows that the stage
//! before it stored and stores rows for the next one, so that every stage can be restarted,
//! tested alone, and seen in the database.
//!
//! # Words
//!
//! *source* an origin of papers · *batch* the result of one fetch · *coverage* the state of one
//! source's announcements in one category on one day (waiting, complete, quiet, stalled or
//! failed) · *paper* one work, in whatever versions and sources it appears · *subscriber* ·
//! *interest* one named thing that a subscriber follows · *profile* the model learned from an
//! interest · *pick* a paper chosen for an issue, with score, section and reasons · *issue* one
//! digest for one subscriber on one local date · *delivery* the life of an issue's mail ·
//! *attempt*, *outcome* · *report* a returned bounce, complaint or unsubscribe mail ·
//! *suppression* an address that must not be written to.
//!
//! # Who may use whom
//!
//! `tests/it/tidy.rs` holds the exact table. In short, each line may use those above it:
//!
//! | kind | modules | may also touch |
//! |---|---|---|
//! | doors | [`clock`], [`random`], [`token`], [`failpoint`] | time, chance, signatures, aborts in tests |
//! | words | [`paper`], [`coverage`], [`run_figures`], [`pick`], [`subscriber`], [`site`], [`links`], [`fields`], [`text`], [`refusal`], [`der`] | nothing |
//! | pure | [`embedding`], [`profile`], [`ranking`], [`language`], [`digest`], [`schedule`], parts of [`outbox`] | nothing |
//! | border | [`http`], [`source`], [`dns`], [`model`], SMTP in [`outbox`], the ways into [`inbound`] | the network, never the store |
//! | store | [`store`] | the database, never a stage, never a clock |
//! | archive | [`archive`]: statistics, vectors and search over all papers | the store |
//! | stages | [`intake`], [`edition`], [`outbox`], [`inbound`] | the store |
//! | watch | [`findings`], [`upkeep`] | the store, the disk, the network |
//! | edge | [`web`], [`cli`], [`shapes`], [`daemon`], [`config`], [`telemetry`], [`trial`] | everything; nobody uses the edge |
//!
//! Settings flow down: each module owns its settings struct, [`config`] fills
//! them, and nothing else reads the file. The store returns facts, the stages
//! decide.
//!
//! # To add a …
//!
//! | to add a | touch |
//! |---|---|
//! | source | `src/source/NEW.rs`, its row in `src/source/mod.rs`, its example in `src/config/template.toml`; tests in `tests/it/source/sources.rs` |
//! | webhook provider | `src/inbound/hooks/NEW.rs`, its row in `src/inbound/hooks/mod.rs`, its setting in `src/inbound/settings.rs` and `src/config/inbound.rs`; the guide `deploy/README.md`; tests in `tests/it/inbound/webhooks.rs` |
//! | preference | its row in `src/subscriber/preferences.rs`, its label in each of `templates/languages/`; where it acts |
//! | ranking signal | `src/profile/learn.rs` (what is learned), `src/ranking/learned.rs` (its part of the score); if it is a reason, `src/pick.rs` and its words in `templates/languages/`; tests in `tests/it/ranking/profiles.rs` |
//! | alarm | its kind in `src/findings/kind.rs`, the facts in `src/findings/facts.rs` and `src/findings/gather.rs`, the rule in `src/findings/rules/`; the guide `deploy/README.md`; tests in `src/findings/rules/tests.rs` |
//! | page | the handler in `src/web/public/` or `src/web/reader/`, its template in `templates/web/`, its words in `templates/languages/`; the walk `tests/web/walk.mjs` |
//! | API operation | the handler in `src/web/api/`, its route in `src/web/api/mod.rs`, its entry in `src/web/api/document.rs`; tests in `tests/it/web/api.rs` |
//! | language | `templates/languages/`: one file, listed in `src/language/files.rs` |
//!
//! # Decisions that the code cannot show
//!
//! - The announcement day of a paper is the first day on which it was seen. If the source gives
//!   no time, midnight UTC of that day counts ([`edition`]).
//! - One work is one paper: `paper/identity.rs` decides which records are one work, and
//!   `paper/combine.rs` what is known of it from all records. The first known name stays its id
//!   and all others lead to it; each record is kept, so that a person can split a wrong merge.
//! - A replacement, a publication or a withdrawal of a paper is an event: subscribers who had or
//!   like the paper are told if they ask for it, and nobody gets it as a new paper.
//! - Coverage of a day is what the answers of its source prove. `source/arxiv/feed_coverage.rs`
//!   says what arXiv's feeds prove, `source/arxiv/harvest.rs` what its lists of changes prove.
//! - Other sources announce a paper on the day for which they can be queried or, if they only
//!   show their current content, on the day it is first seen.
//! - Each provider has one rate limiter in the process ([`http`]), and the processes of an
//!   installation take turns through the database; a `Retry-After` is stored before anything else.
//! - The categories of an interest limit where its papers come from; keywords and authors lift
//!   papers above the line from anywhere.
//! - Keywords combine with AND and OR; text that cannot be parsed so is a phrase
//!   ([`profile::expression`]). An entry `author:NAME` or `category:CODE` in `must_not` mutes a
//!   person or a category for its interest.
//! - The weight of an interest sets its share of places, never scores: a line means the same for
//!   everybody, and the default is equal shares.
//! - Vectors of two models never meet: every stored vector and all statistics of vectors carry
//!   the model's name ([`embedding`]).
//! - The first issue of a newcomer covers the newest complete day; later issues cover every day
//!   since the last issue, and papers of earlier days that were taken in since then.
//! - An issue waits for missing papers that its reader follows and that were to be announced in
//!   the 24 hours before it; older gaps delay nobody.
//! - A thumb is about the interest in whose section the paper stood, else about the nearest one. A
//!   subscriber without interests who likes a paper gets a section "Your picks" above the trending
//!   papers; it is made with the issue, so that their preferences stay as they wrote them.
//! - Papers that a reader wants less of, or whose author they muted, are not sent; a paper that
//!   they liked on a page may still come by mail.
//! - The link to the preferences stands in every mail, so the recipient of a forwarded mail can
//!   change preferences but not export or erase data: that needs a link that is mailed to the
//!   address and is valid for a day. An address moves once both the old and the new one agree.
//! - When an address moves, or its reader asks for it, links in older mails stop working, except
//!   those to unsubscribe, which work for ever.
//! - `base_url` may have a path: `web/serving/base_path.rs`.
//! - After an erasure a keyed hash of the address is kept; the outbox shows it and imports refuse
//!   it. The next upkeep rewrites the file, so that unused pages hold nothing either.
//! - A former subscriber who signs up again gets the preferences that they ask for now, and their
//!   former ones where they ask for nothing.
//! - Works of a reader's library that are papers here are likes; the others are learned from by
//!   their text and do not become papers.
//! - A click is weak evidence and may be a scanner's (`edition/clicks.rs`): it counts a tenth of
//!   a like among the votes.
//! - The operator's pages (`web/admin`) name people and mails by number in the audit list, so that
//!   an erased person does not stay there. Every request looks its session up and every form
//!   carries a CSRF token: one place guards all pages.
//! - The API's document is enforced before a request is served (`web/api/validation.rs`): scope,
//!   parameters, body. Texts in it are read by the same parsers as files and commands, and both
//!   answer in the same shapes ([`shapes`]).
//! - An alarm mail is delivered like others, and waits while the relay is in trouble; one mail then
//!   reports all that happened meanwhile. The alarm webhook is immediate.
//! - Old rows are deleted in small slices (`upkeep.rs`), so that no mail waits for them.
//! - `issue` in a log line is the number of the issue, of its delivery and of every report on it:
//!   one number leads from composing to the server's answer.
//! - Nothing is sent that was due before its reader joined, came back from a pause, or the
//!   database was restored: its papers come with the next issue.

pub mod archive;
pub mod cli;
pub mod clock;
pub mod config;
pub mod coverage;
pub mod daemon;
pub mod der;
pub mod digest;
pub mod dns;
pub mod edition;
pub mod embedding;
pub mod failpoint;
pub mod fields;
pub mod findings;
pub mod http;
pub mod inbound;
pub mod intake;
pub mod language;
pub mod links;
pub mod model;
pub mod outbox;
pub mod paper;
pub mod pick;
pub mod profile;
pub mod random;
pub mod ranking;
pub mod refusal;
pub mod run_figures;
pub mod schedule;
pub mod shapes;
pub mod site;
pub mod source;
pub mod store;
pub mod subscriber;
pub mod telemetry;
pub mod text;
pub mod token;
pub mod trial;
pub mod upkeep;
pub mod web;
