//! Subscribers as files hold them: the JSON object of `import` and `export`.

use super::{
    AbstractLength, Address, EVERY_DAY, Frequency, Interest, InterestWeight, MailFormat,
    NewSubscriber, Preferences, Status, WhenEmpty,
};
use crate::fields::Fields;
use crate::paper::PaperId;
use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::TZ_VARIANTS;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The keys of the object, in the order in which `export` writes them.
pub const RECORD_KEYS: [&str; 18] = [
    "email",
    "name",
    "timezone",
    "send_at",
    "days",
    "frequency",
    "weekday",
    "max_papers",
    "abstracts",
    "min_score",
    "when_empty",
    "format",
    "language",
    "pause_until",
    "replacements",
    "publications",
    "status",
    "interests",
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];
const FREQUENCIES: [(&str, Frequency); 2] =
    [("daily", Frequency::Daily), ("weekly", Frequency::Weekly)];
const LENGTHS: [(&str, AbstractLength); 3] = [
    ("full", AbstractLength::Full),
    ("short", AbstractLength::Short),
    ("none", AbstractLength::None),
];
const WHEN_EMPTY: [(&str, WhenEmpty); 2] = [("skip", WhenEmpty::Skip), ("note", WhenEmpty::Note)];
const FORMATS: [(&str, MailFormat); 2] = [("html", MailFormat::Html), ("text", MailFormat::Text)];

/// Longest name of a person or an interest, in characters.
pub const NAME_CHARS_MAX: usize = 200;

/// How many papers an issue may have at most.
pub const PAPERS_RANGE: std::ops::RangeInclusive<i64> = 1..=100;

/// Interests of one subscriber.
pub const INTERESTS_MAX: usize = 100;

/// Reads a subscriber, starting from what is known of them already, or from the
/// defaults. `None` if the address will not do; what is wrong is noted in
/// `fields`, and whatever was wrong keeps its earlier value.
pub fn read_subscriber(
    fields: &mut Fields,
    before: Option<&NewSubscriber>,
) -> Option<NewSubscriber> {
    let address = match before {
        Some(before) => {
            fields.text("email");
            Some(before.address.clone())
        }
        None => fields.needed("email").and_then(|text| {
            let parsed = text.parse::<Address>();
            parsed
                .map_err(|error| {
                    fields.refuse("email", Some(format!("{text:?}")), error.to_string())
                })
                .ok()
        }),
    };
    let mut preferences = before
        .map(|before| before.preferences.clone())
        .unwrap_or_default();
    read_preferences(fields, &mut preferences);
    let name = fields
        .filled("name")
        .map(|name| crate::text::clean_line(&name));
    if name
        .as_ref()
        .is_some_and(|name| name.chars().count() > NAME_CHARS_MAX)
    {
        fields.refuse(
            "name",
            None,
            format!("must have at most {NAME_CHARS_MAX} characters"),
        );
    }
    let status = fields.choice("status", &Status::WORDS);
    let interests = read_interests(fields);
    Some(NewSubscriber {
        address: address?,
        name: name
            .or_else(|| before.map(|before| before.name.clone()))
            .unwrap_or_default(),
        status: status
            .or(before.map(|before| before.status))
            .unwrap_or(Status::Active),
        preferences,
        interests: interests
            .or_else(|| before.map(|before| before.interests.clone()))
            .unwrap_or_default(),
    })
}

fn read_preferences(fields: &mut Fields, into: &mut Preferences) {
    // However its letters are written, and with the blanks that people type in names of towns.
    let zone = |text: &str| {
        let wanted = text.replace(' ', "_");
        let found = TZ_VARIANTS
            .iter()
            .find(|zone| zone.name().eq_ignore_ascii_case(&wanted));
        found
            .copied()
            .ok_or("must be a time zone like Europe/Berlin")
    };
    let clock = |text: &str| {
        let parsed = NaiveTime::parse_from_str(text, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"));
        parsed.map_err(|_| "must be a time of day like 07:00")
    };
    let date = |text: &str| {
        text.parse::<NaiveDate>()
            .map_err(|_| "must be a date like 2026-08-04")
    };
    let language = |text: &str| {
        let plain = text.len() <= 16
            && text.len() >= 2
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if plain {
            Ok(text.to_lowercase())
        } else {
            Err("must be a language code like en or de")
        }
    };
    set(&mut into.timezone, fields.parsed("timezone", zone));
    set(&mut into.send_at, fields.parsed("send_at", clock));
    if let Some(texts) = fields.texts("days") {
        let mut days = Vec::new();
        for text in &texts {
            let found = WEEKDAYS
                .iter()
                .find(|(word, _)| text.to_lowercase().starts_with(word));
            match found {
                Some((_, day)) if !days.contains(day) => days.push(*day),
                Some(_) => {}
                None => fields.refuse(
                    "days",
                    Some(format!("{text:?}")),
                    "must be days like mon, tue, wed",
                ),
            }
        }
        if texts.is_empty() {
            fields.refuse(
                "days",
                Some("[]".to_owned()),
                "must name at least one day; for a pause there is a date",
            );
        }
        days.sort_by_key(Weekday::num_days_from_monday);
        set(&mut into.days, (!days.is_empty()).then_some(days));
    }
    set(
        &mut into.frequency,
        fields.choice("frequency", &FREQUENCIES),
    );
    set(&mut into.weekday, fields.choice("weekday", &WEEKDAYS));
    set(
        &mut into.max_papers,
        fields
            .number("max_papers", PAPERS_RANGE)
            .map(|number| number as u32),
    );
    set(&mut into.abstracts, fields.choice("abstracts", &LENGTHS));
    set(
        &mut into.min_score,
        fields
            .fraction("min_score", 0.0..=1.0)
            .map(|number| number as f32),
    );
    set(
        &mut into.when_empty,
        fields.choice("when_empty", &WHEN_EMPTY),
    );
    set(&mut into.format, fields.choice("format", &FORMATS));
    set(&mut into.language, fields.parsed("language", language));
    if let Some(until) = fields.parsed("pause_until", date) {
        into.pause_until = Some(until);
    }
    set(&mut into.replacements, fields.flag("replacements"));
    set(&mut into.publications, fields.flag("publications"));
}

fn set<T>(into: &mut T, read: Option<T>) {
    if let Some(value) = read {
        *into = value;
    }
}

fn read_interests(fields: &mut Fields) -> Option<Vec<Interest>> {
    let mut interests =
        fields.sections("interests", false, |fields| read_interest(fields, None))?;
    for at in 0..interests.len() {
        if interests[..at]
            .iter()
            .any(|earlier| earlier.name.eq_ignore_ascii_case(&interests[at].name))
        {
            let name = format!("{:?}", interests[at].name);
            fields.refuse(
                "interests",
                Some(name),
                "two interests have this name; each needs one of its own",
            );
        }
    }
    interests.retain(|interest| !interest.name.is_empty());
    Some(interests)
}

/// Reads an interest, starting from `before` where it is known already.
///
/// Without a name it is called after its first words.
pub fn read_interest(fields: &mut Fields, before: Option<&Interest>) -> Interest {
    let mut interest = before.cloned().unwrap_or_default();
    let id = |text: &str| text.parse::<PaperId>();
    let line = |text: String| crate::text::clean_line(&text);
    let name = fields.filled("name").map(line);
    set(
        &mut interest.description,
        fields
            .text("description")
            .map(|text| crate::text::clean_text(&text)),
    );
    set(
        &mut interest.weight,
        fields
            .fraction("weight", InterestWeight::RANGE)
            .and_then(InterestWeight::new),
    );
    set(&mut interest.keywords, fields.texts("keywords"));
    set(&mut interest.must_not, fields.texts("must_not"));
    set(&mut interest.authors, fields.texts("authors"));
    set(&mut interest.categories, fields.texts("categories"));
    set(&mut interest.liked, fields.all_parsed("liked", id));
    set(&mut interest.disliked, fields.all_parsed("disliked", id));
    set(&mut interest.name, name);
    if interest.name.is_empty() {
        let first = [&interest.keywords, &interest.authors, &interest.categories]
            .into_iter()
            .find_map(|list| list.first())
            .cloned()
            .or_else(|| {
                (!interest.description.is_empty())
                    .then(|| crate::text::cut(&interest.description, 60))
            });
        interest.name = first.unwrap_or_else(|| "Interest".to_owned());
    }
    if interest.name.chars().count() > NAME_CHARS_MAX {
        fields.refuse(
            "name",
            None,
            format!("must have at most {NAME_CHARS_MAX} characters"),
        );
    }
    interest
}

/// The word for `value` in `words`.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words
        .iter()
        .find(|(_, known)| known == value)
        .map_or("", |(word, _)| word)
}

/// A subscriber as files and listings hold them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SubscriberRecord {
    /// Where issues go.
    pub email: Address,
    /// What to call them; may be empty.
    pub name: String,
    /// Where the wall clock hangs that `send_at` means.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// The hour there at which an issue is due.
    #[schema(example = "07:00")]
    pub send_at: String,
    /// Days on which daily issues come: `mon` to `sun`.
    pub days: Vec<&'static str>,
    /// Daily or weekly.
    pub frequency: Frequency,
    /// The day on which weekly issues come.
    #[schema(example = "mon")]
    pub weekday: &'static str,
    /// Most picks in an issue.
    pub max_papers: u32,
    /// Length of abstracts.
    pub abstracts: AbstractLength,
    /// The line, 0 to 1: papers that score below it are not sent.
    pub min_score: f64,
    /// What happens when nothing is above the line.
    pub when_empty: WhenEmpty,
    /// Parts of the message.
    pub format: MailFormat,
    /// Code of the language of the issue's own words.
    pub language: String,
    /// No issue before this date.
    pub pause_until: Option<NaiveDate>,
    /// Whether new versions and withdrawals of papers that they had or like are told.
    pub replacements: bool,
    /// Whether it is told where papers that they had or like were published.
    pub publications: bool,
    /// Where the subscription stands.
    pub status: Status,
    /// What they follow; empty for the trending papers.
    pub interests: Vec<Interest>,
}

impl NewSubscriber {
    /// The object that `import` reads back.
    pub fn record(&self) -> SubscriberRecord {
        let preferences = &self.preferences;
        let days = EVERY_DAY
            .iter()
            .filter(|day| preferences.days.contains(day))
            .map(|day| word(&WEEKDAYS, day));
        SubscriberRecord {
            email: self.address.clone(),
            name: self.name.clone(),
            timezone: preferences.timezone.name().to_owned(),
            send_at: preferences.send_at.format("%H:%M").to_string(),
            days: days.collect(),
            frequency: preferences.frequency,
            weekday: word(&WEEKDAYS, &preferences.weekday),
            max_papers: preferences.max_papers,
            abstracts: preferences.abstracts,
            // Two digits are what people enter; an f32 would show as 0.20000000298.
            min_score: (f64::from(preferences.min_score) * 1e4).round() / 1e4,
            when_empty: preferences.when_empty,
            format: preferences.format,
            language: preferences.language.clone(),
            pause_until: preferences.pause_until,
            replacements: preferences.replacements,
            publications: preferences.publications,
            status: self.status,
            interests: self.interests.clone(),
        }
    }

    /// The same as a JSON value.
    pub fn to_record(&self) -> Value {
        serde_json::to_value(self.record()).expect("texts, numbers and lists have a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::{Subscriber, SubscriberId};
    use serde_json::json;

    fn read(value: Value) -> Result<NewSubscriber, Vec<String>> {
        let Value::Object(table) = value else {
            panic!("not an object")
        };
        let mut fields = Fields::new(table);
        let subscriber = read_subscriber(&mut fields, None);
        let problems: Vec<String> = fields
            .into_problems()
            .iter()
            .map(ToString::to_string)
            .collect();
        if problems.is_empty() {
            Ok(subscriber.unwrap())
        } else {
            Err(problems)
        }
    }

    #[test]
    fn an_address_alone_is_a_subscriber_with_the_defaults() {
        let ada = read(json!({ "email": "ada@example.org" })).unwrap();
        assert_eq!(ada.preferences, Preferences::default());
        assert_eq!((ada.status, ada.interests.len()), (Status::Active, 0));
    }

    #[test]
    fn what_is_exported_is_read_back_the_same() {
        let record = json!({
            "email": "ada@example.org", "name": "Ada", "timezone": "Europe/Berlin", "send_at": "06:30",
            "days": ["mon", "fri"], "frequency": "weekly", "weekday": "fri", "max_papers": 5, "abstracts": "full",
            "min_score": 0.35, "when_empty": "note", "format": "text", "language": "de", "pause_until": "2026-08-04",
            "replacements": true, "publications": false, "status": "paused",
            "interests": [{
                "name": "PEFT", "description": "adapters", "weight": 2.5, "keywords": ["low-rank adaptation"], "must_not": ["survey"],
                "authors": ["Emmy Noether"], "categories": ["cs.LG", "cs.*"], "liked": ["2106.09685"], "disliked": [],
            }],
        });
        let details = read(record.clone()).unwrap();
        let again = Subscriber {
            id: SubscriberId(1),
            generation: 0,
            details,
        }
        .to_record();
        assert_eq!(again, record);
        assert_eq!(again.as_object().unwrap().len(), RECORD_KEYS.len());
    }

    #[test]
    fn everything_wrong_with_a_record_is_said_at_once() {
        let problems = read(json!({
            "email": "not an address", "timezone": "Berlin", "send_at": "7", "days": ["mon", "someday"],
            "frequency": "hourly", "max_papers": 0, "min_score": 2, "pause_until": "soon", "status": "happy",
            "interests": [{ "name": "a", "weight": 0, "liked": ["two words"] }, { "name": "A", "weight": "lots" }, "text"],
        }))
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"));
    }
}
