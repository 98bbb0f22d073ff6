//! What may be sent: the schemas that bodies are held to. Their meaning is read by
//! the same readers as that of files and commands.

#![expect(
    dead_code,
    reason = "these describe bodies; what comes is read by the readers of records"
)]

use crate::subscriber::{AbstractLength, Frequency, MailFormat, WhenEmpty};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// A day of the week.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How a new subscription may stand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FirstStatus {
    /// Asked by mail whether they want it.
    Pending,
    /// Subscribed at once: needs the scope `subscribers:vouch`, and `consent`.
    Active,
}

/// A new subscriber. What is left out is as the defaults say: trending papers every
/// day at 07:00 UTC.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "email": "ada@example.org", "timezone": "Europe/Berlin", "send_at": "06:30",
    "interests": [{ "name": "PEFT", "keywords": ["low-rank adaptation"], "categories": ["cs.LG", "cs.CL"] }],
}))]
pub(super) struct SubscriberInput {
    /// Where issues go.
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    /// `pending` if left out.
    status: Option<FirstStatus>,
    /// For `active`: how and when they agreed, kept in the record of consent.
    #[schema(max_length = 1_000)]
    consent: Option<String>,
    #[serde(flatten)]
    choices: Choices,
}

/// What a subscriber can choose. What is left out or null stays as it is, but for
/// `pause_until`: null ends a pause.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "max_papers": 5, "days": ["mon", "thu"] }))]
pub(super) struct Choices {
    /// What to call them.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Where they live.
    #[schema(max_length = 64, example = "Europe/Berlin")]
    timezone: Option<String>,
    /// The hour there at which issues come.
    #[schema(max_length = 8, example = "07:00")]
    send_at: Option<String>,
    /// Days on which daily issues come.
    #[schema(min_items = 1, max_items = 7)]
    days: Option<Vec<Day>>,
    /// Daily or weekly.
    frequency: Option<Frequency>,
    /// The day of weekly issues.
    weekday: Option<Day>,
    /// Most papers in an issue.
    #[schema(minimum = 1, maximum = 100)]
    max_papers: Option<u32>,
    /// Length of abstracts.
    abstracts: Option<AbstractLength>,
    /// The line: papers that score below it are not sent.
    #[schema(minimum = 0, maximum = 1)]
    min_score: Option<f64>,
    /// What happens when nothing is above the line.
    when_empty: Option<WhenEmpty>,
    /// HTML with a text part, or text alone.
    format: Option<MailFormat>,
    /// Language of the issue's own words.
    #[schema(max_length = 16, example = "en")]
    language: Option<String>,
    /// No issue before this date.
    pause_until: Option<NaiveDate>,
    /// Whether new versions and withdrawals of papers that they had or like are told.
    replacements: Option<bool>,
    /// Whether it is told where papers that they had or like were published.
    publications: Option<bool>,
    /// What they follow: replaces all that was there.
    #[schema(max_items = 100)]
    interests: Option<Vec<InterestInput>>,
}

/// An interest.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Spin glasses", "description": "mean-field models of disordered magnets",
    "keywords": ["spin glass", "replica AND symmetry"], "categories": ["cond-mat.*"],
}))]
pub(super) struct InterestInput {
    /// Its name; heads a section of the issue. Called after its first words if left out.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// What it is about, in plain words.
    #[schema(max_length = 20_000)]
    description: Option<String>,
    /// How much of the issue it is to have, beside the others: one of 2 gets twice the places of one of 1, the default.
    #[schema(minimum = 0.1, maximum = 10)]
    weight: Option<f64>,
    /// Words and phrases, also combined with AND and OR: papers that hold one are above the line.
    #[schema(max_items = 500)]
    keywords: Option<Vec<String>>,
    /// The same for papers that are never picked; also `author:NAME` and `category:CODE`.
    #[schema(max_items = 500)]
    must_not: Option<Vec<String>>,
    /// People whose papers are above the line.
    #[schema(max_items = 500)]
    authors: Option<Vec<String>>,
    /// Where papers must come from: `cs.LG`, `cs.*`.
    #[schema(max_items = 500)]
    categories: Option<Vec<String>>,
    /// Ids of papers to find more of.
    #[schema(max_items = 10_000)]
    liked: Option<Vec<String>>,
    /// Ids of papers to find less of.
    #[schema(max_items = 10_000)]
    disliked: Option<Vec<String>>,
}

/// How long a pause is.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "until": "2027-01-07" }))]
pub(super) struct PauseInput {
    /// The date of the first issue after it; without one, until they are resumed.
    until: Option<NaiveDate>,
}

/// An address that must not be written to.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "address": "gone@example.org", "reason": "left the department" }))]
pub(super) struct SuppressionInput {
    /// The address.
    #[schema(min_length = 3, max_length = 254)]
    address: String,
    /// Why, for those who look at the list.
    #[schema(max_length = 500)]
    reason: Option<String>,
}
