//! Subscribers in files: the JSON object of `import` and `export`.

use super::{Address, Interest, InterestWeight, NewSubscriber, PREFERENCES, Status};
use crate::fields::Fields;
use crate::paper::PaperId;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Returns the keys of the object, in the order in which listings show them.
pub fn record_keys() -> impl Iterator<Item = &'static str> {
    let preferences = PREFERENCES.iter().map(|preference| preference.key);
    ["email", "name"]
        .into_iter()
        .chain(preferences)
        .chain(["status", "interests"])
}

/// Longest name of a person or an interest, in characters.
pub const NAME_CHARS_MAX: usize = 200;

/// Most interests of one subscriber.
pub const INTERESTS_MAX: usize = 100;

/// Reads a subscriber, starting from the known one or the defaults. Returns `None` if the
/// address is invalid. Problems are noted in `fields`; an invalid value keeps its earlier one.
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
                    fields.refuse("email", Some(format!("{text:?}")), error.to_string());
                })
                .ok()
        }),
    };
    let mut preferences = before
        .map(|before| before.preferences.clone())
        .unwrap_or_default();
    preferences.read(fields);
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

/// Reads an interest, starting from the known one.
///
/// Without a name it is named after its first words.
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

/// A subscriber in files and listings.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SubscriberRecord {
    /// Address to which issues go.
    pub email: Address,
    /// Name; may be empty.
    pub name: String,
    /// Preferences by key. The API's document takes them from [`PREFERENCES`].
    #[serde(flatten)]
    #[schema(ignore)]
    pub preferences: Map<String, Value>,
    /// Status of the subscription.
    pub status: Status,
    /// Interests; empty for the trending papers.
    pub interests: Vec<Interest>,
}

impl NewSubscriber {
    /// Returns the object that `import` reads back.
    pub fn record(&self) -> SubscriberRecord {
        SubscriberRecord {
            email: self.address.clone(),
            name: self.name.clone(),
            preferences: self.preferences.to_json(),
            status: self.status,
            interests: self.interests.clone(),
        }
    }

    /// Returns the object as a JSON value.
    pub fn to_record(&self) -> Value {
        serde_json::to_value(self.record()).expect("texts, numbers and lists have a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::{Preferences, Subscriber, SubscriberId};
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
    fn an_exported_record_is_read_back_the_same() {
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
        let mut expected = record;
        for (key, value) in Preferences::default().to_json() {
            expected
                .as_object_mut()
                .unwrap()
                .entry(key)
                .or_insert(value);
        }
        assert_eq!(again, expected);
        assert_eq!(again.as_object().unwrap().len(), record_keys().count());
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
