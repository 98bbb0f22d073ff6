//! The texts of the sign-up and of the preferences.

use super::text::{PluralText, Text, words};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// Error messages beside the fields of a form.
    pub struct WrongWords {
        pub above: Text,
        pub not_saved: Text,
        pub empty: Text,
        pub address: Text,
        pub address_long: Text,
        pub address_letters: Text,
        pub address_role: Text,
        pub address_brief: Text,
        pub address_yours: Text,
        pub address_meant: Text,
        pub timezone: Text,
        pub time: Text,
        pub date: Text,
        pub days: Text,
        pub choice: Text,
        pub language: Text,
        pub whole_number: Text,
        pub number: Text,
        pub long: Text,
        pub many_interests: Text,
        pub same_name: Text,
        pub unknown: Text,
        pub category: Text,
        pub unclear: Text,
    }
}

words! {
    /// Labels that the sign-up and the preferences share.
    pub struct FormWords {
        pub interests: Text,
        pub papers_hint: Text,
        pub when: Text,
        pub mailbox: Text,
    }
}

words! {
    /// The sign-up.
    pub struct SignupWords {
        pub heading: Text,
        pub text: Text,
        pub today: Text,
        pub again: Text,
        pub address: Text,
        pub meant: Text,
        pub meant_yes: Text,
        pub meant_no: Text,
        pub words: Text,
        pub words_hint: Text,
        pub examples: Text,
        pub examples_hint: Text,
        pub fields: Text,
        pub fields_hint: Text,
        pub daily: Text,
        pub weekly: Text,
        pub consent: Text,
        pub preview: Text,
        pub done: Text,
        pub closed: Text,
        pub closed_text: Text,
        pub your_papers: Text,
    }
}

words! {
    /// The fields of an interest.
    pub struct InterestWords {
        pub text: Text,
        pub add: Text,
        pub new: Text,
        pub numbered: Text,
        pub name: Text,
        pub weight: Text,
        pub weight_less: Text,
        pub weight_usual: Text,
        pub weight_more: Text,
        pub weight_own: Text,
        pub weight_hint: Text,
        pub description: Text,
        pub keywords: Text,
        pub keywords_hint: Text,
        pub must_not: Text,
        pub one_a_line: Text,
        pub authors: Text,
        pub categories: Text,
        pub categories_hint: Text,
        pub examples: Text,
        pub examples_of: Text,
        pub unlisted: Text,
        pub works: PluralText,
        pub liked: Text,
        pub disliked: Text,
        pub more: Text,
        pub less: Text,
        pub unknown: Text,
        pub up: Text,
        pub remove: Text,
    }
}

/// The form of the preferences.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "en.toml holds the texts and explains them")]
pub struct ChoicesWords {
    pub content: Text,
    pub save: Text,
    pub save_and_look: Text,
    pub saved: Text,
    pub saved_from: Text,
    /// Label and hint (`KEY_hint`) of each preference by its key, and of the words of a choice.
    #[serde(flatten)]
    pub labels: BTreeMap<String, Text>,
}

words! {
    /// The preview of the next issue.
    pub struct PreviewWords {
        pub title: Text,
        pub heading: Text,
        pub text: Text,
        pub line: Text,
        pub none: Text,
        pub back: Text,
        pub no_papers: Text,
        pub nothing: Text,
        pub no_mail: Text,
        pub considered: PluralText,
        pub no_room: PluralText,
        pub below: PluralText,
        pub again: Text,
        pub again_text: Text,
    }
}

words! {
    /// Recent picks.
    pub struct PicksWords {
        pub text: Text,
        pub of: Text,
        pub save: Text,
        pub mute: Text,
        pub none: Text,
        pub muted: Text,
        pub muted_hint: Text,
        pub unmute: Text,
        pub name: Text,
        pub now_muted: Text,
        pub now_unmuted: Text,
        pub no_paper: Text,
        pub noted: Text,
        pub taken_back: Text,
    }
}

words! {
    /// The import of a library.
    pub struct LibraryWords {
        pub text: Text,
        pub interest: Text,
        pub interest_hint: Text,
        pub file: Text,
        pub file_hint: Text,
        pub paste: Text,
        pub button: Text,
        pub yours: Text,
        pub read: PluralText,
        pub known: Text,
        pub aside: Text,
        pub entry: Text,
        pub unknown: Text,
        pub more: Text,
        pub too_large: Text,
        pub long_name: Text,
        pub nothing: Text,
        pub no_form: Text,
        pub bad_json: Text,
    }
}

words! {
    /// Sent mails and the consent record.
    pub struct SentWords {
        pub text: Text,
        pub at: Text,
        pub server: Text,
        pub none: Text,
        pub waiting: Text,
        pub on_its_way: Text,
        pub accepted: Text,
        pub deferred: Text,
        pub rejected: Text,
        pub uncertain: Text,
        pub held: Text,
        pub expired: Text,
        pub agreed: Text,
        pub asked: Text,
        pub confirmed: Text,
        pub moved: Text,
        pub did_agree: Text,
        pub consent: Text,
        pub no_record: Text,
    }
}

words! {
    /// Change of address, export, erasure, unsubscribing.
    pub struct AccountWords {
        pub another: Text,
        pub new_address: Text,
        pub move_text: Text,
        pub move_button: Text,
        pub data: Text,
        pub data_text: Text,
        pub export: Text,
        pub erase: Text,
        pub links: Text,
        pub links_text: Text,
        pub links_button: Text,
        pub leave: Text,
        pub leave_text: Text,
        pub mailed: Text,
        pub gone: Text,
        pub retired: Text,
        pub resumed: Text,
        pub moving: Text,
    }
}

words! {
    /// The form that requests the link to the preferences.
    pub struct LinkWords {
        pub heading: Text,
        pub text: Text,
        pub button: Text,
        pub done: Text,
    }
}

words! {
    /// A subscriber's issues and saved papers.
    pub struct MineWords {
        pub issues: Text,
        pub no_issues: Text,
        pub no_issue: Text,
        pub feed: Text,
        pub saved: Text,
        pub newest: Text,
        pub none_saved: Text,
    }
}

#[cfg(test)]
mod tests {
    use crate::language::Locale;
    use crate::subscriber::{PREFERENCES, PreferenceKind};

    #[test]
    fn every_preference_has_a_label() {
        let labels = Locale::english().pages().choices.labels.clone();
        for preference in PREFERENCES {
            assert!(labels.contains_key(preference.key), "{}", preference.key);
            if let PreferenceKind::Choice { words, .. } = preference.kind {
                for word in words {
                    assert!(labels.contains_key(*word), "{word}");
                }
            }
        }
    }
}
