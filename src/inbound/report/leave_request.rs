//! Recognizes requests to unsubscribe in the text of a mail.

use super::auto_reply::is_answer;
use super::headers::Headers;
use crate::refusal::holds;

/// Requests that are the whole subject or the whole first line, in lower case.
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

/// Requests within a sentence, in lower case; `*` stands for up to 60 bytes.
const PHRASES: &[&str] = &[
    // English.
    "unsubscribe me",
    "unsubscribe my",
    "unsubscribe us",
    "unsubscribe this",
    "please unsubscribe",
    "kindly unsubscribe",
    "to unsubscribe",
    "be unsubscribed",
    "am unsubscribing",
    "hereby unsubscribe",
    "unsubscribe from",
    "remove me",
    "remove my",
    "remove us",
    "remove this address",
    "remove this email",
    "delete me",
    "delete my",
    "be removed from",
    "to be removed",
    "be taken off",
    "take me off",
    "take me out",
    "take us off",
    "take my * off",
    "drop me from",
    "cancel my",
    "cancel this sub",
    "cancel the sub",
    "end my sub",
    "terminate my",
    "discontinue my",
    "stop sending",
    "stop emailing",
    "stop mailing",
    "stop writing",
    "stop these",
    "stop this",
    "stop the mail",
    "stop the email",
    "stop receiving",
    "sign me off",
    "opt me out",
    "to opt out",
    "not want to receive",
    "not wish to receive",
    "don't want to receive",
    "don't wish to receive",
    "don't want to get",
    "longer want to receive",
    "longer wish to receive",
    "longer want to get",
    "don't want any more",
    "don't want these",
    "do not want these",
    "do not want any more",
    "no more emails",
    "no more mail",
    "no longer interested in receiving",
    "leave this list",
    "leave the list",
    "leave your list",
    "leave this mailing",
    "leave the mailing",
    // German.
    "melden sie mich * ab",
    "meldet mich * ab",
    "melde mich * ab",
    "melde ich mich * ab",
    "bitte * abmelden",
    "mich * abmelden",
    "mich abmelden",
    "bitte * abbestellen",
    "möchte * abbestellen",
    "will * abbestellen",
    "bestelle * ab",
    "nehmen sie mich * aus",
    "nehmen sie mich * von",
    "nehmt mich * aus",
    "nehmt mich * von",
    "nimm mich * aus",
    "nehmen sie meine * aus",
    "mich * aus dem verteiler",
    "mich * aus ihrem verteiler",
    "mich * aus eurem verteiler",
    "mich * aus der liste",
    "mich * von der liste",
    "mich * von ihrer liste",
    "tragen sie mich * aus",
    "tragt mich * aus",
    "trag mich * aus",
    "mich * austragen",
    "bitte * austragen",
    "streichen sie mich",
    "streicht mich",
    "löschen sie mich",
    "löschen sie meine",
    "löscht mich",
    "löscht meine",
    "entfernen sie mich",
    "entfernen sie meine",
    "entfernt mich",
    "mich * entfernen",
    "mich zu entfernen",
    "keine * mails mehr",
    "keine mails mehr",
    "keine e-mails mehr",
    "keine nachrichten mehr",
    "keine weiteren",
    "nicht mehr erhalten",
    "nicht mehr bekommen",
    "nicht mehr anschreiben",
    "kündige hiermit",
    "kündige * abo",
    "kündigen sie mein",
    "abo * kündigen",
    "abonnement * kündigen",
    "sie mir keine",
    "schickt mir keine",
    // French.
    "me désabonner",
    "me desabonner",
    "me désinscrire",
    "me desinscrire",
    "désabonnez-moi",
    "desabonnez-moi",
    "désabonnez moi",
    "désinscrivez-moi",
    "desinscrivez-moi",
    "désinscrivez moi",
    "je me désabonne",
    "je me désinscris",
    "retirez-moi",
    "retirez moi",
    "retirez mon",
    "enlevez-moi",
    "enlevez moi",
    "supprimez-moi",
    "supprimez mon",
    "supprimer mon adresse",
    "rayez-moi",
    "me retirer",
    "me supprimer",
    "être retiré",
    "être désinscrit",
    "être désabonné",
    "ne plus recevoir",
    "plus recevoir",
    "plus m'envoyer",
    "arrêtez de m",
    "cessez de m",
    "annuler mon abonnement",
    "annulez mon",
    "résilier mon",
    "résiliez mon",
    "fin à mon abonnement",
    // Spanish.
    "darme de baja",
    "dame de baja",
    "denme de baja",
    "deme de baja",
    "dadme de baja",
    "den de baja mi",
    "dar de baja mi",
    "quiero * baja",
    "deseo * baja",
    "solicito * baja",
    "cancelar mi",
    "cancelen mi",
    "cancele mi",
    "cancela mi",
    "anular mi",
    "elimíname",
    "eliminame",
    "elimínenme",
    "eliminenme",
    "eliminarme",
    "elimine mi",
    "eliminen mi",
    "eliminar mi",
    "bórrenme",
    "borrenme",
    "bórrame",
    "borrarme",
    "quítenme",
    "quitenme",
    "quítame",
    "quitarme",
    "sáquenme",
    "saquenme",
    "no quiero recibir",
    "no deseo recibir",
    "no quiero seguir",
    "no deseo seguir",
    "dejar de recibir",
    "dejen de enviar",
    "deje de enviar",
    "no me envíen",
    "no me envien",
    "no más correos",
    "desuscribirme",
    "desuscríbanme",
    "desuscribanme",
    "desinscribirme",
    // Italian.
    "cancellatemi",
    "cancellarmi",
    "mi cancelli",
    "disiscrivetemi",
    "disiscrivermi",
    "disiscrivere il mio",
    "rimuovetemi",
    "rimuovermi",
    "rimuovere il mio",
    "rimuovete il mio",
    "toglietemi",
    "togliermi",
    "eliminatemi",
    "essere cancellat",
    "essere rimoss",
    "annullare * iscrizione",
    "annullate * iscrizione",
    "cancellare * iscrizione",
    "cancellate * iscrizione",
    "cancellare il mio",
    "cancellate il mio",
    "più ricevere",
    "non inviatemi più",
    "non mandatemi più",
    "smettete di",
    "disdire",
    "annullare * abbonamento",
    // Portuguese.
    "descadastrar",
    "descadastrem",
    "descadastre",
    "cancelar minha",
    "cancelar a minha",
    "cancelem minha",
    "cancelem a minha",
    "cancele minha",
    "cancele a minha",
    "cancelar a inscrição",
    "cancelar a assinatura",
    "cancelar a subscrição",
    "anular a minha",
    "remover-me",
    "removam-me",
    "remova-me",
    "me remova",
    "me removam",
    "me remover",
    "remova meu",
    "remova o meu",
    "removam meu",
    "removam o meu",
    "remover meu",
    "remover o meu",
    "retirem-me",
    "me retirem",
    "me retire",
    "me tirem",
    "me exclua",
    "exclua meu",
    "excluam meu",
    "mais receber",
    "receber mais",
    "deixar de receber",
    "parem de enviar",
    "pare de enviar",
    "parem de me",
    "não me enviem",
    "sair da lista",
    "sair desta lista",
    "desinscrever",
    // Dutch.
    "uitschrijven",
    "schrijf mij * uit",
    "schrijf me * uit",
    "schrijft u mij * uit",
    "mij * afmelden",
    "me * afmelden",
    "me afmelden",
    "mij afmelden",
    "meld mij * af",
    "meld me * af",
    "verwijder mij",
    "verwijder me",
    "mij verwijderen",
    "me verwijderen",
    "mij * verwijderen",
    "me * verwijderen",
    "haal mij * van",
    "haal me * van",
    "haal mij uit",
    "haal me uit",
    "abonnement * opzeggen",
    "abonnement opzeggen",
    "zeg * op",
    "geen * mails meer",
    "geen mails meer",
    "geen e-mails meer",
    "geen mail meer",
    "niet meer ontvangen",
    "stuur mij geen",
    "stuur me geen",
    // Swedish, Polish, Russian, Chinese, Japanese.
    "avregistrera mig",
    "ta bort mig",
    "avsluta min",
    "avprenumerera mig",
    "wypisanie",
    "wypiszcie mnie",
    "wypisać mnie",
    "usuńcie mnie",
    "usunięcie mnie",
    "nie chcę otrzymywać",
    "отпишите",
    "прошу отписать",
    "хочу отписаться",
    "удалите меня",
    "исключите меня",
    "не хочу получать",
    "не присылайте",
    "请取消",
    "请退订",
    "取消我的",
    "帮我退订",
    "不想再收到",
    "不要再发",
    "配信を停止",
    "解除してください",
    "送らないでください",
];

/// Words of a sentence that is no request although it holds one of the phrases: negations,
/// conditions, questions, other people, and parts of the mail.
const VETOES: &[&str] = &[
    // English.
    "don't unsubscribe",
    "not unsubscribe",
    "never unsubscribe",
    "not to unsubscribe",
    "not want to unsubscribe",
    "don't want to unsubscribe",
    "not wish to unsubscribe",
    "don't wish to unsubscribe",
    "not going to unsubscribe",
    "not planning to",
    "no need to unsubscribe",
    "don't remove",
    "not remove",
    "not want to be removed",
    "don't want to be removed",
    "don't delete",
    "not delete",
    "don't cancel",
    "not cancel",
    "don't stop",
    "not stop",
    "never stop",
    "not want to opt",
    "don't want to opt",
    "not take me off",
    "don't take me off",
    "not leave",
    "if ",
    "unless",
    "whether",
    "before i",
    "how to",
    "how do",
    "how can",
    "way to",
    "tried to",
    "trying to",
    "where ",
    "when i",
    "why ",
    "option",
    "only",
    "weekend",
    "except",
    "colleague",
    "friend",
    "he wants",
    "she wants",
    "they want",
    "people",
    "someone",
    "paper ",
    "papers by",
    "interest",
    "keyword",
    "topic",
    "author",
    "as a liked",
    // German.
    "nicht abmelden",
    "nicht abbestellen",
    "nicht austragen",
    "nicht löschen",
    "nicht entfernen",
    "nicht aus dem verteiler",
    "nicht kündigen",
    "nicht vom verteiler",
    "mich nicht",
    "wenn ",
    "falls ",
    "ob ",
    "wie kann",
    "wie man",
    "wie ich",
    "möglichkeit",
    "nur ",
    "kolleg",
    "thema",
    "stichwort",
    // French.
    "ne me désabonnez",
    "ne me désinscrivez",
    "ne me retirez",
    "pas me désabonner",
    "pas me désinscrire",
    "pas à me dés",
    "si je",
    "si vous",
    "comment ",
    "moyen de",
    "possible de",
    "seulement",
    "uniquement",
    "collègue",
    // Spanish.
    "no quiero darme",
    "no deseo darme",
    "no me den de baja",
    "no quiero cancelar",
    "no cancelen",
    "no me eliminen",
    "si quiero",
    "si me",
    "cómo ",
    "como puedo",
    "forma de",
    "manera de",
    "solo ",
    "sólo ",
    "solamente",
    "colega",
    "compañer",
    // Italian.
    "non cancellatemi",
    "non voglio cancellar",
    "non voglio disiscriver",
    "non voglio essere",
    "non rimuovetemi",
    "non toglietemi",
    "non disiscrivetemi",
    "se voglio",
    "se mi",
    "come ",
    "modo per",
    "modo di",
    "soltanto",
    // Portuguese.
    "não me removam",
    "não me remova",
    "não quero cancelar",
    "não quero sair",
    "não cancelem",
    "não quero me descad",
    "se eu",
    "como posso",
    "como faço",
    "apenas",
    "só ",
    // Dutch.
    "niet uitschrijven",
    "niet afmelden",
    "niet verwijder",
    "schrijf me niet",
    "schrijf mij niet",
    "als ik",
    "hoe ",
    "mogelijk om",
    "manier om",
    "alleen",
    "collega",
];

/// Beginnings of questions that ask us to do it.
const POLITE: &[&str] = &[
    "can you",
    "could you",
    "would you",
    "will you",
    "can i please",
    "may i ask you",
    "können sie",
    "könnten sie",
    "könnt ihr",
    "könntet ihr",
    "würden sie",
    "kannst du",
    "pouvez-vous",
    "pourriez-vous",
    "pouvez vous",
    "pourriez vous",
    "peux-tu",
    "podrían",
    "podría",
    "pueden",
    "puede",
    "podéis",
    "me pueden",
    "potete",
    "potreste",
    "può",
    "potrebbe",
    "puoi",
    "poderiam",
    "poderia",
    "podem",
    "pode",
    "kunt u",
    "kun je",
    "wilt u",
    "zou u",
    "kunnen jullie",
];

/// The longest own text in which a request is looked for, in bytes.
const OWN_BYTES_MAX: usize = 1_200;

/// Whether a person asks for no more mails.
///
/// The whole subject or the whole first line must be such words, or a sentence of their own text
/// must ask for it: somebody who writes about unsubscribing does not unsubscribe. Greeting, closing
/// and what is quoted are no part of it.
pub(super) fn is_request(headers: &Headers, body: &str) -> bool {
    let subject = headers.decoded("subject").unwrap_or_default();
    if !is_answer(headers) && (says(&subject) || asks(&subject)) {
        return true;
    }
    let own = own_lines(body);
    let is_first = own.iter().find(|line| !is_greeting(line));
    if is_first.is_some_and(|line| says(line)) {
        return true;
    }
    let text = own.join(" ");
    text.len() <= OWN_BYTES_MAX && asks(&text)
}

fn says(line: &str) -> bool {
    if line.len() > 120 {
        return false;
    }
    let plain = line.to_lowercase();
    let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
    WORDS.contains(&plain)
}

/// Whether a sentence of `text` asks for it.
fn asks(text: &str) -> bool {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    text.split_inclusive(['.', '!', '?', ';', '。', '！', '？'])
        .any(|sentence| {
            let sentence = sentence.trim_start_matches(|c: char| !c.is_alphanumeric());
            let is_question = sentence.trim_end().ends_with(['?', '？']);
            let is_polite = || POLITE.iter().any(|words| holds(sentence, words));
            PHRASES.iter().any(|phrase| holds(sentence, phrase))
                && !VETOES.iter().any(|words| holds(sentence, words))
                && (!is_question || is_polite())
        })
}

/// The lines that the writer wrote: neither quoted ones nor what follows an attribution.
fn own_lines(body: &str) -> Vec<&str> {
    let mut own = Vec::new();
    let mut lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    while let Some(line) = lines.next() {
        if line == "--" || starts_quote(line) {
            break;
        }
        if line.starts_with('>') {
            continue;
        }
        if is_attribution(line) {
            // An answer may stand below what it quotes.
            if lines
                .clone()
                .next()
                .is_some_and(|next| next.starts_with('>'))
            {
                continue;
            }
            break;
        }
        own.push(line);
    }
    own
}

/// Whether a line begins the mail that is answered, as Outlook and its kin write it.
fn starts_quote(line: &str) -> bool {
    let line = line.to_lowercase();
    let is_rule = line.starts_with("-----") || line.starts_with("_____");
    let is_header = ["from:", "von:", "de:", "da:", "van:", "sent:", "gesendet:"]
        .iter()
        .any(|name| line.starts_with(name));
    is_rule || is_header
}

/// Whether a line is `On Monday, somebody wrote:`.
fn is_attribution(line: &str) -> bool {
    const ENDS: [&str; 9] = [
        "wrote",
        "schrieb",
        "écrit",
        "escribió",
        "scritto",
        "escreveu",
        "schreef",
        "skrev",
        "写道",
    ];
    let line = line.trim_end_matches([':', '：', ' ']).to_lowercase();
    let has_date = line.contains("20") && line.bytes().filter(u8::is_ascii_digit).count() >= 5;
    ENDS.iter().any(|end| line.ends_with(end)) && line.split_whitespace().count() > 1
        || has_date
            && ["on ", "am ", "le ", "el ", "il ", "em ", "op "]
                .iter()
                .any(|start| line.starts_with(start))
}

/// Whether a line greets, and says nothing more.
fn is_greeting(line: &str) -> bool {
    const STARTS: [&str; 29] = [
        "hi",
        "hello",
        "hey",
        "dear",
        "good morning",
        "good afternoon",
        "good evening",
        "to whom",
        "hallo",
        "guten",
        "sehr geehrte",
        "liebe",
        "moin",
        "servus",
        "bonjour",
        "madame",
        "monsieur",
        "hola",
        "buen",
        "estimad",
        "ciao",
        "gentil",
        "salve",
        "olá",
        "ola",
        "prezad",
        "beste",
        "geachte",
        "caro",
    ];
    let line = line.to_lowercase();
    line.len() <= 60
        && STARTS.iter().any(|start| {
            line.strip_prefix(start).is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_alphanumeric()) || start.len() > 3
            })
        })
        && line.ends_with([',', '!', ':', '.', ' '])
        || ["hi", "hello", "hallo", "hola", "ciao", "bonjour"].contains(&line.as_str())
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

    #[test]
    fn a_sentence_may_be_a_wish() {
        let wishes = [
            "Hi,\n\nplease unsubscribe me.\n\nThanks, Ada",
            "Dear Sir or Madam, I wish to unsubscribe.",
            "Hello,\n\nUnsubscribe\n\nBest\nAda",
            "Could you please remove me from this list?",
            "I no longer wish to receive\nthese emails. Kind regards, Ada Lovelace",
            "I don\u{2019}t want to receive this any more.",
            "Take me off your mailing list!",
            "Please cancel my subscription, I have changed jobs.",
            "> Papers of today\n\nPlease stop sending me these.",
            "On Mon, 30 Nov 2026, Paper digest wrote:\n> papers\n\nplease take me off the list",
            "The link does not work. Please remove my address.",
            "Bitte nehmen Sie mich aus dem Verteiler.",
            "Guten Tag,\nich möchte mich vom Newsletter abmelden.\nMit freundlichen Grüßen",
            "Könnten Sie mich bitte aus der Liste entfernen?",
            "Hiermit melde ich mich von Ihrem Verteiler ab.",
            "Ich möchte keine Mails mehr bekommen.",
            "Bonjour, merci de me désinscrire de cette liste.",
            "Je ne souhaite plus recevoir vos messages.",
            "Pourriez-vous me retirer de la liste ?",
            "Buenos días, quiero darme de baja.",
            "Por favor, elimínenme de la lista.",
            "¿Podrían darme de baja, por favor?",
            "Buongiorno, vorrei disiscrivermi. Grazie",
            "Non desidero più ricevere queste email.",
            "Cancellatemi dalla lista, per favore.",
            "Olá, quero cancelar minha inscrição.",
            "Por favor, removam o meu endereço.",
            "Beste, ik wil me graag uitschrijven.",
            "Kunt u mij van de lijst verwijderen?",
            "Stuur mij geen mails meer.",
            "Прошу отписать меня от рассылки.",
            "请取消订阅，谢谢。",
        ];
        for body in wishes {
            assert!(
                is_request(&Headers::read("Subject: Re: Papers"), body),
                "{body}"
            );
        }
        assert!(is_request(
            &Headers::read("Subject: Please unsubscribe me"),
            ""
        ));
    }

    #[test]
    fn who_asks_about_leaving_or_mentions_it_stays() {
        let others = [
            "Is there a way to unsubscribe from the weekend issues only?",
            "How do I unsubscribe?",
            "Can I unsubscribe from one interest?",
            "Please do not unsubscribe me.",
            "I don't want to unsubscribe, I only want fewer papers.",
            "If I unsubscribe, what becomes of my library?",
            "My colleague wants to unsubscribe.",
            "I tried to unsubscribe a friend.",
            "Thank you, I never stop reading.",
            "The paper about unsubscribe links was great.",
            "Wie kann ich mich abmelden?",
            "Bitte nicht abmelden!",
            "Comment puis-je me désabonner ?",
            "Ne me désinscrivez pas.",
            "¿Cómo puedo darme de baja?",
            "No quiero darme de baja.",
            "Come posso disiscrivermi?",
            "Como posso cancelar minha inscrição?",
            "Hoe kan ik me uitschrijven?",
            "Thanks!\n\nOn Mon, 30 Nov 2026, Paper digest wrote:\n> please unsubscribe me",
            "Great.\n\nFrom: Paper digest\nPlease unsubscribe me from this list.",
        ];
        for body in others {
            assert!(
                !is_request(&Headers::read("Subject: Re: Papers"), body),
                "{body}"
            );
        }
    }
}
