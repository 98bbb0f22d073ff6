//! What may be sent: the schemas that bodies are held to. Their meaning is read by
//! the same readers as that of files and commands.

#![expect(
    dead_code,
    reason = "these describe bodies; what comes is read by the readers of records"
)]

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

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

/// Name, preferences and interests of a subscriber. A value that is left out or null
/// stays as it is, except `pause_until`: null ends a pause.
//
// `document.rs` adds the preferences to the schema.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "max_papers": 5, "days": ["mon", "thu"] }))]
pub(super) struct Choices {
    /// What to call them.
    #[schema(max_length = 200)]
    name: Option<String>,
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
