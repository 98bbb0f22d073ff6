//! The texts of pages that readers open by a link from a mail, and of every page's layout.

use super::text::{PluralText, Text, words};

words! {
    /// The layout of every page.
    pub struct FrameWords {
        pub skip: Text,
        pub trending: Text,
        pub search: Text,
        pub find: Text,
        pub atom: Text,
        pub json: Text,
        pub pages: Text,
        pub summary: Text,
        pub description: Text,
        pub card: Text,
        pub empty: Text,
    }
}

words! {
    /// Error pages.
    pub struct MessagesWords {
        pub bad_link: Text,
        pub bad_link_text: Text,
        pub cut_off: Text,
        pub get_link: Text,
        pub worn_out: Text,
        pub worn_out_confirm: Text,
        pub worn_out_owner: Text,
        pub subscribe: Text,
        pub too_often: Text,
        pub too_often_text: Text,
        pub torn: Text,
        pub torn_text: Text,
        pub nowhere: Text,
        pub nowhere_text: Text,
    }
}

words! {
    /// The confirmation of a subscription or of a change of address.
    pub struct ConfirmWords {
        pub heading: Text,
        pub text: Text,
        pub button: Text,
        pub done: Text,
        pub done_text: Text,
        pub moving: Text,
        pub moving_text: Text,
        pub moved: Text,
        pub moved_text: Text,
        pub agree: Text,
        pub agree_text: Text,
        pub waiting: Text,
        pub waiting_text: Text,
        pub preferences: Text,
    }
}

words! {
    /// The page to unsubscribe.
    pub struct LeaveWords {
        pub title: Text,
        pub heading: Text,
        pub text: Text,
        pub button: Text,
        pub break_heading: Text,
        pub break_text: Text,
        pub weeks: PluralText,
        pub paused: Text,
        pub paused_text: Text,
        pub gone: Text,
        pub gone_text: Text,
        pub unclear: Text,
        pub unclear_text: Text,
    }
}

words! {
    /// The page of the feedback links.
    pub struct FeedbackWords {
        pub ask_more: Text,
        pub ask_less: Text,
        pub ask_save: Text,
        pub nothing_yet: Text,
        pub more: Text,
        pub less: Text,
        pub save: Text,
        pub saved: Text,
        pub already: Text,
        pub undo: Text,
        pub otherwise: Text,
        pub taken_back: Text,
        pub forgotten: Text,
        pub nothing_said: Text,
        pub unchanged: Text,
        pub unclear: Text,
        pub kept: Text,
        pub up: Text,
        pub down: Text,
        pub own_section: Text,
        pub nearest_up: Text,
        pub all_down: Text,
        pub not_again: Text,
        pub from_then: Text,
        pub someday: Text,
        pub about: Text,
        pub about_any: Text,
        pub authors: Text,
        pub follow: Text,
        pub mute: Text,
        pub unmute: Text,
        pub followed: Text,
        pub followed_text: Text,
        pub followed_already: Text,
        pub unmuted_too: Text,
        pub unfollowed: Text,
        pub unfollowed_text: Text,
        pub muted: Text,
        pub muted_text: Text,
        pub muted_already: Text,
        pub unmuted: Text,
        pub unmuted_text: Text,
        pub unmuted_already: Text,
        pub list: Text,
    }
}

words! {
    /// The pages to export and erase data.
    pub struct OwnerWords {
        pub export: Text,
        pub export_text: Text,
        pub export_button: Text,
        pub erase: Text,
        pub erase_text: Text,
        pub erase_button: Text,
        pub erased: Text,
        pub erased_text: Text,
    }
}

words! {
    /// The head of all pages of preferences.
    pub struct PreferencesWords {
        pub heading: Text,
        pub nav: Text,
        pub picks: Text,
        pub library: Text,
        pub sent: Text,
        pub account: Text,
        pub pending: Text,
        pub paused: Text,
        pub left: Text,
        pub refused: Text,
        pub come_back: Text,
        pub resume: Text,
    }
}
