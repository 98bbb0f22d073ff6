//! Finds the refused command in the words that a report quotes. Pure.

use super::{TEXT_BYTES_MAX, start_of};

/// The command that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `MAIL FROM`: it is about the sender.
    Mail,
    /// `RCPT TO`: it is about the recipient.
    Rcpt,
    /// `DATA` or the end of the text.
    Data,
}

/// Phrases of mail systems for each command, in lower case: Postfix, Exim, sendmail and its kin,
/// qmail, Courier, Exchange, `OpenSMTPD`, Google's old numbered states.
const WORDS: &[(Command, &[&str])] = &[
    (
        Command::Data,
        &[
            "end of data",
            "data command",
            "to data:",
            ">>> data",
            ">>>> data",
            ">>> .",
            "command\ndata",
            "after data",
            "during data",
            "sending message body",
            "message body",
            "after pipelined end",
            "final dot",
            "(state 17)",
            "(state 18)",
            "[data]",
            "end-of-data",
            "after sending message",
            "response to the data",
            "to data",
        ],
    ),
    (
        Command::Rcpt,
        &[
            "rcpt to",
            "rcpt command",
            "does not like recipient",
            "recipient(s) rejected",
            "(state 13)",
            "(state 14)",
            "(state 9)",
            "[rcpt_to]",
            "[rcpt to]",
            ">>> rcpt",
        ],
    ),
    (
        Command::Mail,
        &[
            "mail from",
            "does not like sender",
            "mail command",
            "[mail_from]",
            ">>> mail",
        ],
    ),
];

/// The command that `text` names last before a reply, if it names one.
pub fn find_command(text: &str) -> Option<Command> {
    let text = start_of(text, TEXT_BYTES_MAX).to_lowercase();
    // Carriers that judge after the text: au names nobody then ("550 : User unknown"), docomo names
    // the address bare.
    let carriers = text.contains("550 : user unknown")
        || text.contains("550: : user unknown")
        || text.contains("550 :\nuser unknown");
    let bare = text
        .find("550 unknown user ")
        .or_else(|| text.find("550-'unknown user "))
        .is_some_and(|at| {
            text[at..]
                .split_whitespace()
                .nth(3)
                .or_else(|| text[at..].split_whitespace().nth(2))
                .is_some_and(|word| word.contains('@') && !word.starts_with('<'))
        });
    if (carriers || bare) && !text.contains("rcpt") {
        return Some(Command::Data);
    }
    // A server that was sent RCPT and DATA together answers DATA with 503 or "no valid recipients":
    // what came before that was about RCPT.
    if text.contains("<<< 503") || text.contains("no valid recipients") {
        return Some(Command::Rcpt);
    }
    let last = |words: &[&str]| words.iter().filter_map(|words| text.rfind(words)).max();
    WORDS
        .iter()
        .filter_map(|(stage, words)| Some((last(words)?, *stage)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, stage)| stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_command_is_the_last_one_named() {
        assert_eq!(
            find_command("host said: 550 no (in reply to end of DATA command)"),
            Some(Command::Data)
        );
        assert_eq!(
            find_command(">>> MAIL From:<a@b>\n<<< 250\n>>> RCPT To:<c@d>\n<<< 550"),
            Some(Command::Rcpt)
        );
        assert_eq!(
            find_command("SMTP error from remote mail server after MAIL FROM:<a@b>"),
            Some(Command::Mail)
        );
        assert_eq!(find_command("no such user"), None);
    }
}
