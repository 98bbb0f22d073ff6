//! paperboy delivers science by mail: it takes in the day's new papers, ranks
//! them for every subscriber's interests, and sends each of them a digest.
//!
//! This page is the map. If you cannot tell from it where a change belongs, the
//! map is wrong: mend it first.
//!
//! # How papers flow
//!
//! ```text
//!  source ─▶ intake ─▶ ( store: papers, coverage ) ─▶ edition ─▶ ( store: issues, deliveries ) ─▶ outbox ─▶ SMTP
//!                                                      │  ▲                                          │
//!                                      profile ranking ┘  └ digest                        inbound ◀──┘ (reports)
//!                                         ▲                                                  │
//!                        web (preferences, leaving)               ( store: suppressions ) ─▶ outbox
//! ```
//!
//! Papers only move right. Stages never call each other: each reads what the
//! stage before has stored and stores what the next will read, so that every
//! stage can be restarted, tested alone, and seen in the database.
//!
//! # Words
//!
//! *source* where papers come from · *batch* what one fetch brings · *coverage*
//! what we know about one source's announcements in one category on one day
//! (waiting, complete, quiet, stalled or failed) · *paper* one work,
//! whatever versions and sources it appears in · *subscriber* · *interest* one
//! named thing that a subscriber follows · *profile* the model learned from an
//! interest · *pick* a paper chosen for an issue, with score, section and reason
//! · *issue* one digest for one subscriber on one local date · *delivery* the
//! life of an issue's mail · *attempt*, *outcome* · *report* a bounce, complaint
//! or unsubscribe mail that came back · *suppression* an address that we must
//! not write to.
//!
//! # Who may use whom
//!
//! `tests/it/tidy.rs` holds the exact table. In short, each line may use those above it:
//!
//! | kind | modules | may also touch |
//! |---|---|---|
//! | doors | [`clock`], [`random`], [`token`], [`failpoint`] | time, chance, signatures, sudden ends in tests |
//! | words | [`paper`], [`coverage`], [`pick`], [`subscriber`], [`site`], [`links`], [`fields`], [`text`], [`refusal`], [`der`] | nothing |
//! | pure | [`embedding`], [`profile`], [`ranking`], [`digest`], [`schedule`], parts of [`outbox`] | nothing |
//! | border | [`http`], [`source`], [`dns`], [`model`], SMTP in [`outbox`], the ways into [`inbound`] | the network, never the store |
//! | store | [`store`] | the database, never a stage, never a clock |
//! | archive | [`archive`]: what was taken in, searched | the store |
//! | stages | [`intake`], [`edition`], [`outbox`], [`inbound`] | the store |
//! | watch | [`findings`], [`upkeep`] | the store, the disk, the network |
//! | edge | [`web`], [`cli`], [`shapes`], [`daemon`], [`config`], [`telemetry`], [`trial`] | everything; nobody uses the edge |
//!
//! Settings flow down: each module owns its settings struct, [`config`] fills
//! them, and nothing else reads the file. The store returns facts, the stages
//! decide.
//!
//! # Decisions that the code cannot show
//!
//! - A paper's announcement day is the first one seen. Where its source does not
//!   say when that was, it was at midnight UTC of that day ([`edition`]).
//! - One work is one paper: which records are one work is decided in
//!   `paper/identity.rs`, what is known of it from all of them in
//!   `paper/combine.rs`. The name known first stays its id, all others lead to
//!   it; each record is kept, so that a person can take them apart again.
//! - A replacement, a publication or a withdrawal of a paper is an event: it is
//!   told to those who had or like the paper and ask for it, and announced to nobody.
//! - A source's coverage of a day is what its answers prove. What arXiv's feeds
//!   prove is written at the top of `source/arxiv/day.rs`, what its lists of changes
//!   prove at the top of `source/arxiv/harvest.rs`.
//! - Other sources announce a paper on the day that they can be asked for, or,
//!   where they only show what they hold, when it is first seen: `source/remote.rs`
//!   and `source/days.rs` say how, and why.
//! - Each provider has one gate in the process ([`http`]), and the processes
//!   of an installation take turns at it through the database; what it says of how
//!   long to stay away is stored before anything else is done.
//! - An interest's categories are where its papers must come from; its keywords
//!   and authors lift papers above the line wherever they come from.
//! - Keywords combine with AND and OR; what cannot be read so is a phrase
//!   ([`profile::expression`]). An entry `author:NAME` or `category:CODE` of
//!   `must_not` mutes a person or a category for its interest.
//! - An interest's weight is about places in the issue, never about scores: a line
//!   means the same for everybody, and who says nothing gets equal shares.
//! - Vectors of two makers never meet: every stored one and all statistics of
//!   them carry the maker's name ([`embedding`]).
//! - A newcomer's reading begins with the newest complete day, whether or not
//!   anything of it was sent; then comes every day since the last issue, and of
//!   earlier days what was taken in since then.
//! - An issue waits for missing papers that its reader follows and that were to
//!   be announced in the 24 hours before it; older gaps hold nobody up.
//! - A thumb is about the interest whose section the paper stood in, else about
//!   the nearest one. Whoever has no interests and likes something gets a section
//!   of their own, "Your picks", above the trending papers; it is made when the
//!   issue is, so that their preferences stay as they wrote them.
//! - What somebody wants less of, or is by an author they muted, is not sent; what
//!   they liked on a page may still come by mail.
//! - The link to the preferences stands in every mail, so whoever is forwarded one
//!   may steer, but neither fetch nor erase what is stored: for that a link is
//!   mailed that holds for a day. An address moves once both the old one and the new
//!   one have agreed.
//! - When an address moves, or its reader asks for it, the links in older mails
//!   stop working; those that leave work for ever.
//! - Pages are served by threads of their own: each is read and made where it is asked
//!   for, and none holds up a mail.
//! - `base_url` may have a path: `web/serving/base_path.rs` says how.
//! - Of whoever is erased a keyed hash of the address is left, which the outbox
//!   shows and imports refuse. The next upkeep writes the file anew, so that
//!   nothing is left in its unused pages either.
//! - Who comes back gets what they ask for now, and what they had where they ask
//!   for nothing.
//! - Works of a reader's library that are papers here are liked; the others are
//!   learned from by their text, and do not become papers.
//! - A click says little and may be a scanner's (`edition/clicks.rs`): it counts a
//!   tenth of a like among the votes.
//! - The operator's pages (`web/admin`) name people and mails by their numbers in the
//!   list of what was done, so that nobody who is erased stays there. A session is
//!   looked up for every request, and every form carries its number: one place
//!   guards all pages.
//! - What the API's document says of a request is what is checked before it is
//!   served (`web/api/gate.rs`): scope, parameters, body. What a text in it means is
//!   read by the readers of files and commands, and both answer in the same shapes
//!   ([`shapes`]).
//! - An alarm is a mail like others, and waits while the relay is in trouble; what
//!   happened meanwhile is one mail afterwards. Who must know at once has a webhook.
//! - What grows old is forgotten a little at a time (`upkeep.rs`), so that no mail waits for it.
//! - `issue` in a line of the log is the number of the issue, of its delivery and of
//!   every report on it: one number leads from composing to the server's answer.
//! - Nothing is sent that was due before its reader joined, came back from a
//!   pause, or the database was restored: its papers come with the next issue.

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
pub mod links;
pub mod model;
pub mod outbox;
pub mod paper;
pub mod pick;
pub mod profile;
pub mod random;
pub mod ranking;
pub mod refusal;
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
