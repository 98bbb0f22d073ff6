//! Schemas of request bodies. The readers of files and commands interpret the values.

#![expect(
    dead_code,
    reason = "these describe bodies; what comes is read by the readers of records"
)]

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// The status of a new subscription.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FirstStatus {
    /// Asked by mail for confirmation.
    Pending,
    /// Subscribed at once: needs the scope `subscribers:vouch`, and `consent`.
    Active,
}

/// A new subscriber. Missing values have their defaults: trending papers every day at 07:00
/// UTC.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "email": "ada@example.org", "timezone": "Europe/Berlin", "send_at": "06:30",
    "interests": [{ "name": "PEFT", "keywords": ["low-rank adaptation"], "categories": ["cs.LG", "cs.CL"] }],
}))]
pub(super) struct SubscriberInput {
    /// Address to which issues go.
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    /// Status; `pending` if left out.
    status: Option<FirstStatus>,
    /// For `active`: circumstances of the consent, kept in the record of consent.
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
    /// The name.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Interests; they replace all earlier ones.
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
    /// Name; heads a section of the issue. Taken from its first words if left out.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Description in plain words.
    #[schema(max_length = 20_000)]
    description: Option<String>,
    /// Share of the issue, relative to the other interests: one of 2 gets twice the places of
    /// one of 1, the default.
    #[schema(minimum = 0.1, maximum = 10)]
    weight: Option<f64>,
    /// Words and phrases, also combined with AND and OR: papers that contain one are above the
    /// line.
    #[schema(max_items = 500)]
    keywords: Option<Vec<String>>,
    /// The same for papers that are never picked; also `author:NAME` and `category:CODE`.
    #[schema(max_items = 500)]
    must_not: Option<Vec<String>>,
    /// Authors whose papers are above the line.
    #[schema(max_items = 500)]
    authors: Option<Vec<String>>,
    /// Categories that papers must be in: `cs.LG`, `cs.*`.
    #[schema(max_items = 500)]
    categories: Option<Vec<String>>,
    /// Ids of liked papers.
    #[schema(max_items = 10_000)]
    liked: Option<Vec<String>>,
    /// Ids of disliked papers.
    #[schema(max_items = 10_000)]
    disliked: Option<Vec<String>>,
}

/// The length of a pause.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "until": "2027-01-07" }))]
pub(super) struct PauseInput {
    /// Date of the first issue after the pause; without one, until resumed.
    until: Option<NaiveDate>,
}

/// An address to suppress.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "address": "gone@example.org", "reason": "left the department" }))]
pub(super) struct SuppressionInput {
    /// The address.
    #[schema(min_length = 3, max_length = 254)]
    address: String,
    /// Reason, for people who read the list.
    #[schema(max_length = 500)]
    reason: Option<String>,
}
