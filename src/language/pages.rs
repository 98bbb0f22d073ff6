//! The texts of all web pages.

use super::preferences::{
    AccountWords, ChoicesWords, FormWords, InterestWords, LibraryWords, LinkWords, MineWords,
    PicksWords, PreviewWords, SentWords, SignupWords, WrongWords,
};
use super::public::{DayWords, InvitationWords, PaperWords, SearchWords};
use super::reader::{
    ConfirmWords, FeedbackWords, FrameWords, LeaveWords, MessagesWords, OwnerWords,
    PreferencesWords,
};
use super::text::words;

words! {
    /// The texts of web pages, a group for each page. Templates see the group of their
    /// page as `words`.
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
