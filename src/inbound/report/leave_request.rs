//! Mails of people who want to leave: to the address for it, or in plain words.

use super::headers::Headers;

/// What people write, each the whole subject or the whole first line.
const WORDS: &[&str] = &[
    // English.
    "unsubscribe",
    "stop",
    "remove",
    "remove me",
    "please remove me",
    "leave",
    "cancel",
    "opt out",
    "opt-out",
    "optout",
    "signoff",
    "unsubscribe me",
    "please unsubscribe",
    "please unsubscribe me",
    "stop sending",
    "stop it",
    "end",
    "quit",
    "take me off",
    "take me off this list",
    "no more",
    "no more mail",
    "no more emails",
    "please stop",
    "please remove me from this list",
    "remove me from this list",
    "unsubscribe please",
    "cancel subscription",
    "delete me",
    // German, French, Spanish, Portuguese, Italian, Dutch.
    "abmelden",
    "abbestellen",
    "austragen",
    "kündigen",
    "bitte abmelden",
    "bitte abbestellen",
    "stopp",
    "löschen",
    "abmeldung",
    "bitte austragen",
    "désabonner",
    "desabonner",
    "désinscription",
    "désinscrire",
    "me désabonner",
    "se désabonner",
    "desinscription",
    "arrêter",
    "arreter",
    "cancelar suscripción",
    "darse de baja",
    "baja",
    "darme de baja",
    "cancelar",
    "anular",
    "eliminar suscripción",
    "parar",
    "sair",
    "cancelar inscrição",
    "descadastrar",
    "remover",
    "cancellami",
    "cancellazione",
    "disiscrivimi",
    "disiscrizione",
    "annulla iscrizione",
    "basta",
    "afmelden",
    "uitschrijven",
    "stoppen",
    "opzeggen",
    // Nordic, Polish, Czech, Hungarian, Romanian, Turkish, Greek.
    "avsluta",
    "avregistrera",
    "avprenumerera",
    "avmeld",
    "meld av",
    "afmeld",
    "frameld",
    "peruuta",
    "lopeta tilaus",
    "peru tilaus",
    "wypisz",
    "wypisz mnie",
    "rezygnuję",
    "anuluj",
    "odhlásit",
    "odhlásit se",
    "odhlásiť",
    "leiratkozás",
    "leiratkozom",
    "dezabonare",
    "abonelikten çık",
    "iptal",
    "διαγραφή",
    "κατάργηση",
    // Russian, Ukrainian, Chinese, Japanese, Korean, Arabic, Hebrew, Hindi.
    "отписаться",
    "отписка",
    "отпишите меня",
    "стоп",
    "відписатися",
    "退订",
    "取消订阅",
    "退訂",
    "取消訂閱",
    "配信停止",
    "解除",
    "登録解除",
    "購読解除",
    "停止",
    "수신거부",
    "구독취소",
    "구독 취소",
    "إلغاء الاشتراك",
    "הסר",
    "הסרה",
    "बंद करें",
];

/// Whether a person says that they want no more.
///
/// The whole subject, or the whole first line that they wrote themselves, must
/// be such words: somebody who writes about unsubscribing does not unsubscribe.
pub(super) fn is_request(headers: &Headers, body: &str) -> bool {
    let subject = headers.decoded("subject").unwrap_or_default();
    let is_reply = [
        "re:", "aw:", "sv:", "antw:", "fw:", "fwd:", "wg:", "vs:", "odp:", "ynt:",
    ]
    .iter()
    .any(|start| subject.to_lowercase().starts_with(start));
    if !is_reply && says(&subject) {
        return true;
    }
    let own = body.lines().map(str::trim).find(|line| !line.is_empty());
    own.is_some_and(|line| !line.starts_with('>') && says(line))
}

fn says(line: &str) -> bool {
    if line.len() > 120 {
        return false;
    }
    let plain = line.to_lowercase();
    let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
    WORDS.contains(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_are_a_wish() {
        let check = |subject: &str, body: &str, expected: bool| {
            assert_eq!(
                is_request(&Headers::read(&format!("Subject: {subject}")), body),
                expected,
                "{subject}: {body}"
            );
        };
        check("Unsubscribe", "", true);
        check("Re: papers", "\n STOP!\n> On Monday …", true);
        check("", "Bitte abmelden.", true);
        check("=?utf-8?B?6YCA6K6i?=", "", true);
        check("Re: unsubscribe", "How can I stop this?", false);
        check("how do I unsubscribe", "it is not clear to me", false);
        check("Re: papers", "> unsubscribe", false);
        check("", "I cannot stop reading", false);
    }
}
