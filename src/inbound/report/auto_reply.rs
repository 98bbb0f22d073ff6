//! Recognizes automatic answers, which are no failures.

use super::headers::Headers;

/// Headers that only machines that answer write (RFC 3834 section 8 tells of the habit).
const HEADERS: &[&str] = &[
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply-from",
    "x-autoreply-from",
    "x-autoreply-domain",
    "x-ms-exchange-inbox-rules-loop",
    "x-mail-autoreply",
    "x-pm-autoreply",
    "x-cron-env",
    "x-vacation",
    "x-facebook-notify",
    // Challenges: "prove that you are a person".
    "x-boxtrapper",
    "x-tmda-fingerprint",
    "x-spamarrest",
    "x-challenge-response",
    "x-asknotice",
];

/// Words in the subjects of automatic answers, in lower case.
const SUBJECTS: &[&str] = &[
    "automatic reply",
    "auto reply",
    "autoreply",
    "auto-reply",
    "auto response",
    "auto-response",
    "autoresp",
    "autorespons",
    "out of office",
    "out of the office",
    "out-of-office",
    "away from",
    "absence du bureau",
    "absent du bureau",
    "absente du bureau",
    "absence :",
    "afwezigheid",
    "nicht im büro",
    "non in ufficio",
    "退職",
    "異動のお知らせ",
    "on vacation",
    "vacation",
    "on holiday",
    "on leave",
    "away until",
    "i am away",
    "automatische antwort",
    "abwesenheit",
    "abwesend",
    "automatische beantwortung",
    "urlaub",
    "réponse automatique",
    "reponse automatique",
    "message d'absence",
    "risposta automatica",
    "fuori sede",
    "fuori ufficio",
    "assente",
    "respuesta automática",
    "respuesta automatica",
    "fuera de la oficina",
    "ausente",
    "resposta automática",
    "resposta automatica",
    "automatisch antwoord",
    "afwezig",
    "automatiskt svar",
    "autosvar",
    "frånvaro",
    "automaattinen vastaus",
    "poissa",
    "automatická odpověď",
    "automatyczna odpowiedź",
    "autoodpowiedź",
    "automatikus válasz",
    "автоматический ответ",
    "автоответ",
    "отсутствие",
    "自動応答",
    "自動返信",
    "不在",
    "自动回复",
    "自動回覆",
    "자동 회신",
    "부재중",
    // Challenges and receipts.
    "please confirm your",
    "confirm your message",
    "your message awaits",
    "verification required",
    "requires verification",
    "requires confirmation",
    "verify#",
    "confirmation required",
    "confirm your e-mail",
    "confirm your email",
    "awaiting your approval",
    "held for confirmation",
    "sender verification",
    "challenge",
    "boxbe",
    "spam arrest",
    "ticket",
    "case #",
    "we have received your",
    "we received your",
    "thank you for contacting",
    "thank you for your",
    "read:",
    "gelesen:",
    "lu :",
    "leído:",
    "letto:",
    "not read:",
    "ungelesen:",
    "return receipt",
    "read receipt",
    "lesebestätigung",
    "empfangsbestätigung",
    "開封済み",
];

/// Whether `headers` are those of an automatic answer.
pub(super) fn is_reply(headers: &Headers) -> bool {
    let says = |name: &str, words: &[&str]| {
        headers.all(name).any(|value| {
            let value = value.to_ascii_lowercase();
            words.iter().any(|word| value.contains(word))
        })
    };
    HEADERS.iter().any(|name| headers.has(name))
        || says("auto-submitted", &["auto-replied", "auto-notified"])
        || says("precedence", &["auto_reply", "auto-reply", "autoreply"])
        || says("x-precedence", &["auto_reply", "auto-reply"])
        || says("x-apple-action", &["vacation"])
        || says("x-delivery-agent", &["tmda"])
        || says("x-mailer", &["vacation", "autoresponder", "vmailer-auto"])
        || headers.has("x-auto-response-suppress")
            && says("return-path", &["<>"])
            && !headers.has("x-failed-recipients")
        || headers
            .parameter("content-type", "report-type")
            .is_some_and(|kind| kind.contains("disposition-notification"))
        || has_subject(headers)
}

/// Whether the subject is that of an automatic answer.
///
/// The subject of an answer holds ours, with the title of a paper, whose words say nothing: only
/// what stands in front of it counts.
fn has_subject(headers: &Headers) -> bool {
    let subject = headers
        .decoded("subject")
        .unwrap_or_default()
        .to_lowercase();
    let subject = subject.trim();
    if answer_mark(subject).is_some() {
        return false;
    }
    let is_answer = headers.has("in-reply-to") || headers.has("references");
    SUBJECTS.iter().any(|words| {
        // Short words count at the start alone: a title may hold them anywhere.
        if is_answer || words.ends_with(':') || words.chars().count() < 9 && words.is_ascii() {
            subject
                .trim_start_matches(['[', '(', '*'])
                .starts_with(words)
        } else {
            subject.contains(words)
        }
    }) || subject.starts_with("auto:")
}

/// Whether a machine wrote it and none will read an answer: a null return path
/// (RFC 5321 section 4.5.5), or what Exchange says of its out-of-office mails,
/// which it takes for generated ones.
pub(super) fn is_of_a_machine(headers: &Headers) -> bool {
    let generated = headers
        .get("auto-submitted")
        .is_some_and(|value| value.to_lowercase().contains("auto-generated"));
    headers
        .get("return-path")
        .is_some_and(|path| path.trim() == "<>")
        || generated
            && (headers.has("in-reply-to")
                || headers.has("x-auto-response-suppress")
                || is_answer(headers))
}

/// Whether the subject is that of an answer or of a forwarded mail: reports make their own.
pub(super) fn is_answer(headers: &Headers) -> bool {
    let subject = headers
        .decoded("subject")
        .unwrap_or_default()
        .to_lowercase();
    answer_mark(subject.trim_start()).is_some()
}

/// The mark of an answer that a subject begins with, in lower case: `re:`, `aw:`, `re[2]:`.
fn answer_mark(subject: &str) -> Option<&str> {
    const MARKS: [&str; 24] = [
        "re", "aw", "sv", "antw", "vs", "odp", "ynt", "rif", "res", "resp", "ref", "vá", "atb",
        "отв", "απ", "回复", "回覆", "答复", "答覆", "fw", "fwd", "wg", "tr", "rv",
    ];
    let end = subject.find([':', '：'])?;
    let mark = subject[..end].trim_end();
    let mark = mark.split(['[', '(']).next().unwrap_or_default();
    MARKS.contains(&mark.trim_end()).then_some(mark)
}

/// Whether other people's lists, newsletters or forms wrote it: nothing that comes back.
pub(super) fn is_bulk(headers: &Headers) -> bool {
    headers.has("list-unsubscribe") || headers.has("list-post")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answering_machines_are_known_by_their_headers_and_subjects() {
        let check = |text: &str, expected: bool| {
            assert_eq!(is_reply(&Headers::read(text)), expected, "{text}");
        };
        check("Auto-Submitted: auto-replied (vacation)", true);
        check("Subject: Automatische Antwort: Papers", true);
        check("Subject: =?utf-8?B?5LiN5Zyo?=", true);
        check(
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
            true,
        );
        check("Subject: Undelivered Mail Returned to Sender", false);
        check(
            "Auto-Submitted: auto-generated\nSubject: failure notice",
            false,
        );
        check("Subject: Re: An absent-minded search for planets", false);
        // Words of our subject, which holds the title of a paper.
        for words in SUBJECTS {
            check(&format!("Subject: Re: Papers: a {words} of planets"), false);
            check(&format!("Subject: AW: {words} planets"), false);
            let answer = format!("In-Reply-To: <1@x>\nSubject: Papers: the {words} of planets");
            check(&answer, false);
        }
        check("In-Reply-To: <1@x>\nSubject: Automatic reply: Papers", true);
        check(
            "In-Reply-To: <1@x>\nSubject: Réponse automatique : Papers",
            true,
        );
    }
}
