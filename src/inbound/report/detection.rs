//! Tells reports in prose from other mail, and delays from failures, by the words that mail
//! systems use.

use super::headers::Headers;
use super::notice::{Rank, on_line};
use crate::refusal::addresses::{addresses, is_same};
use crate::refusal::start_of;
use crate::refusal::{EnhancedCode, find_reply};

/// Names of mail systems in From, in lower case.
const SENDERS: &[&str] = &[
    "mailer-daemon",
    "mailer daemon",
    "mailerdaemon",
    "mailer_daemon",
    "mail-daemon",
    "mdaemon",
    "postmaster",
    "mail delivery",
    "delivery subsystem",
    "maildelivery",
    "mail subsystem",
    "mail system",
    "mail administrator",
    "system administrator",
    "mailadmin",
    "delivery status",
    "mmailer-daemon",
    "mail router",
    "post_office",
    "post_master",
    "postoffice",
    "email gateway",
    "mailgateway",
    "pmta",
    "mail-master",
    "emailadmin",
];

/// Names that mail systems share with other senders.
const SENDERS_AT_TIMES: &[&str] = &[
    "bounce",
    "notification@",
    "mta@",
    "no-reply@",
    "noreply@",
    "administrator@",
];

/// Phrases in subjects of reports, in lower case.
const SUBJECTS: &[&str] = &[
    "undeliver",
    "undelivered",
    "returned mail",
    "return mail",
    "returned message",
    "returned to sender",
    "returning message",
    "mail returned",
    "delivery failure",
    "delivery fail",
    "delivery status",
    "delivery notification",
    "delivery report",
    "delivery error",
    "delivery problem",
    "delivery not",
    "delivery has",
    "delivery unsuccessful",
    "delivery attempt",
    "delivery of",
    "failed delivery",
    "failed mail",
    "mail failed",
    "failure notice",
    "failure delivery",
    "failure report",
    "failure",
    "mail system error",
    "mail error",
    "mail failure",
    "mail delivery",
    "mail could not",
    "message could not",
    "not delivered",
    "non delivery",
    "non-delivery",
    "nondeliverable",
    "non delivered",
    "nondelivery",
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "wasn't delivered",
    "was not delivered",
    "unable to deliver",
    "unable to send",
    "cannot send",
    "could not send",
    "bounce",
    "user unknown",
    "unknown user",
    "unknown address",
    "rejected",
    "message status",
    "dsn:",
    "ndr",
    "problem delivering",
    "error sending",
    "error mail",
    "unzustellbar",
    "nicht zugestellt",
    "nicht zustellbar",
    "zustellung",
    "fehlgeschlagen",
    "non remis",
    "non distribu",
    "échec",
    "echec",
    "non recapit",
    "mancato recapito",
    "no entregado",
    "no se puede entregar",
    "não entregue",
    "falha",
    "недоставлен",
    "не доставлен",
    "не удалось доставить",
    "配信不能",
    "配送",
    "送信エラー",
    "エラー",
    "投递",
    "退信",
    "退回",
    "not accepted",
    "message blocked",
    "mail blocked",
    "message quarantined",
    "communication failure",
    "warning: could not send",
    "message delayed",
    "delayed",
    "mail warning",
    "considered unsolicited",
    "error report",
];

/// Phrases in introductions of reports, in lower case.
const BODIES: &[&str] = &[
    "could not be delivered",
    "couldn't be delivered",
    "wasn't delivered",
    "was not delivered",
    "not be delivered",
    "cannot be delivered",
    "can't be delivered",
    "unable to deliver",
    "undeliverable",
    "did not reach",
    "didn't reach",
    "delivery failed",
    "failed permanently",
    "delivery to the following",
    "delivery has failed",
    "delivery failure",
    "failed to deliver",
    "failed to be delivered",
    "the following address",
    "following addresses failed",
    "permanent error",
    "permanent fatal errors",
    "has been rejected",
    "was rejected",
    "rejected your message",
    "your message was",
    "message bounced",
    "bounced",
    "not delivered",
    "returned to you",
    "returned message",
    "transcript of session",
    "failure reasons",
    "mail delivery",
    "could not deliver",
    "couldn't deliver",
    "not able to deliver",
    "user unknown",
    "unknown user",
    "no such user",
    "error that the other server returned",
    "unknown recipient",
    "recipient address",
    "delivery error",
    "is full",
    "following recipient",
    "following reason",
    "mailbox unavailable",
    "mailbox is full",
    "mailbox full",
    "over quota",
    "does not exist",
    "doesn't exist",
    "send your message",
    "550 ",
    "554 ",
    "552 ",
    "5.1.1",
    "failed recipient",
    "unzustellbar",
    "konnte nicht zugestellt",
    "n'a pas pu",
    "n'a pu être",
    "no se pudo",
    "no pudo ser",
    "non è stato possibile",
    "не может быть доставлено",
    "не удалось",
    "配信できません",
    "送信できません",
    "配送できません",
    "届けることができません",
    "宛先",
    "message blocked",
    "blocked",
    "delayed",
    "not yet been delivered",
    "error:",
    "failed addresses",
    "no valid recipients",
];

/// Phrases in notes about delays: the mail is still under way.
const DELAYS: &[&str] = &[
    "will be retried",
    "will continue to",
    "still trying",
    "still be retried",
    "not yet been delivered",
    "has not yet",
    "no action is required",
    "do not need to resend",
    "you do not need to",
    "delivery attempts will continue",
    "delivery will continue",
    "will keep trying",
    "we will keep",
    "is delayed",
    "has been delayed",
    "been delayed",
    "will try again",
    "this is a warning message only",
    "this is just a warning",
    "it is only a warning",
    "temporary non-critical",
    "temporary error, i will retry",
    "will be re-tried",
    "delivery incomplete",
    "gmail will retry",
];

/// Phrases that say that a delay has ended in failure.
const GIVEN_UP: &[&str] = &[
    "giving up",
    "given up",
    "gave up",
    "will not be retried",
    "no further attempts",
    "failed permanently",
    "permanent error",
    "permanent fatal",
    "could not be delivered to one or more",
];

/// Whether a mail in prose is a report of a failure.
///
/// Anybody may write "your mail was not delivered": shops, thieves, people who
/// have left. So a report must also show whom it is about or what a server
/// said, or bring the mail back; `ours` are the addresses that it was sent to,
/// which show nothing.
pub(super) fn is_report(
    headers: &Headers,
    notice: &str,
    returned: &Headers,
    ours: &[String],
) -> bool {
    if headers.has("x-failed-recipients")
        || headers
            .parameter("content-type", "report-type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("delivery-status"))
    {
        return true;
    }
    let from = headers.decoded("from").unwrap_or_default().to_lowercase();
    let subject = headers
        .decoded("subject")
        .unwrap_or_default()
        .to_lowercase();
    let start = start_of(notice, 6_000).to_lowercase();
    let is_system = is_of_system(headers);
    let is_likely = is_system
        || SENDERS_AT_TIMES.iter().any(|words| from.contains(words))
        || headers.get("return-path").is_some_and(|path| {
            path.trim() == "<>" || path.to_lowercase().contains("mailer-daemon")
        });
    // "Re:" is a person's, or their machine's.
    let about_failure = !super::auto_reply::is_answer(headers)
        && SUBJECTS.iter().any(|words| subject.contains(words));
    let tells_failure = BODIES.iter().any(|words| start.contains(words));
    let stranger = |address: &str| !ours.iter().any(|one| is_same(one, address));
    let stands = |worst: Rank| {
        notice
            .lines()
            .take(200)
            .flat_map(on_line)
            .any(|(rank, address)| rank <= worst && stranger(&address))
    };
    let named = || stands(Rank::Refused);
    let mentioned = || addresses(start_of(notice, 4_000)).any(|(a, b)| stranger(&notice[a..b]));
    let brought_back = !returned.is_empty();
    let quotes_server = || EnhancedCode::find(notice).is_some() || find_reply(notice).is_some();
    if is_system {
        let shows = || brought_back || mentioned() || quotes_server();
        return (about_failure || tells_failure || from.contains("mailer-daemon") && named())
            && shows();
    }
    // A list or group adds its headers to reports that it passes on, and to its members' posts.
    if super::auto_reply::is_bulk(headers) {
        let fits = about_failure && (tells_failure || is_likely);
        return fits && brought_back && (named() || quotes_server());
    }
    match (is_likely, about_failure, tells_failure) {
        (true, true, _) => brought_back || named() || quotes_server(),
        (true, false, true) => {
            stands(Rank::Labelled) && brought_back || quotes_server() && (brought_back || named())
        }
        // Some gateways write as a person of theirs; then both must fit, and more be shown.
        (false, true, true) => brought_back || named() && quotes_server(),
        _ => false,
    }
}

/// Whether a mail system wrote it, by the name in From.
pub(super) fn is_of_system(headers: &Headers) -> bool {
    let from = headers.decoded("from").unwrap_or_default().to_lowercase();
    SENDERS.iter().any(|words| from.contains(words))
}

/// Whether `notice` says that delivery is still being tried.
pub(super) fn is_delay(headers: &Headers, notice: &str) -> bool {
    let start = start_of(notice, 4_000).to_lowercase();
    let subject = headers
        .decoded("subject")
        .unwrap_or_default()
        .to_lowercase();
    let delayed = DELAYS.iter().any(|words| start.contains(words))
        || subject.contains("(delay)")
        || subject.contains("delivery delayed");
    delayed && !GIVEN_UP.iter().any(|words| start.contains(words)) && !subject.contains("fail")
}
