//! The words of the web pages: those that a reader comes to by a link from a mail,
//! and the list of all.

use super::preferences::{
    AccountWords, ChoicesWords, FormWords, InterestWords, LibraryWords, LinkWords, MineWords,
    PicksWords, PreviewWords, SentWords, SignupWords, WrongWords,
};
use super::public::{DayWords, InvitationWords, PaperWords, SearchWords};
use super::{PluralText, Text};
use serde::{Deserialize, Serialize};

/// Words of a page: each is a text of the file, by its name there.
macro_rules! words {
    ($(#[$doc:meta])* pub struct $name:ident { $(pub $word:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "the texts in en.toml say what each is")]
        pub struct $name {
            $(pub $word: $kind,)*
        }
    };
}
pub(super) use words;

words! {
    /// All of them, by the page; `en.toml` says them in English. Templates see those
    /// of their page as `words`.
    pub struct PageWords {
        pub frame: FrameWords,
        pub messages: MessagesWords,
        pub confirm: ConfirmWords,
        pub leave: LeaveWords,
        pub feedback: FeedbackWords,
        pub owner: OwnerWords,
        pub preferences: PreferencesWords,
        pub invitation: InvitationWords,
        pub day: DayWords,
        pub paper: PaperWords,
        pub search: SearchWords,
        pub wrong: WrongWords,
        pub form: FormWords,
        pub signup: SignupWords,
        pub interest: InterestWords,
        pub choices: ChoicesWords,
        pub preview: PreviewWords,
        pub picks: PicksWords,
        pub library: LibraryWords,
        pub sent: SentWords,
        pub account: AccountWords,
        pub link: LinkWords,
        pub mine: MineWords,
    }
}

words! {
    /// The head and foot of every page.
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
    /// What is said of links that do not work, and of other mishaps.
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
    /// By the link that asks whether an address wants the subscription.
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
    /// By the link that leaves.
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
    /// By the links under a paper.
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
    /// By the link that fetches or erases all data.
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
    /// Above all pages of preferences.
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
