//! DKIM signatures, verified by another program: dkimpy.

use crate::harness::environment::{missing, python_with};
use paperboy::digest::{DkimError, DkimSettings, DkimSigner};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn key(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/digest/keys")
        .join(name)
}

fn signer(rsa: Option<&str>, ed25519: Option<&str>) -> DkimSigner {
    let settings = DkimSettings {
        domain: "example.org".to_owned(),
        selector: "digest".to_owned(),
        ed25519_selector: "digest-ed25519".to_owned(),
        rsa_key_file: rsa.map(key),
        ed25519_key_file: ed25519.map(key),
    };
    DkimSigner::load(&settings).unwrap()
}

const MAIL: &str = "From: Paper digest <digest@example.org>\r\n\
    To: =?utf-8?b?w4RkYQ==?= <ada@example.org>\r\n\
    Subject: 3 papers  on Tuesday,\r\n with a subject on two lines\r\n\
    Date: Tue, 04 Aug 2026 07:00:00 +0000\r\n\
    Message-ID: <20260804.0123456789abcdef@example.org>\r\n\
    List-Id: Paper digest <digest.example.org>\r\n\
    List-Unsubscribe: <https://digest.example.org/unsubscribe?t=AAAAAAAAAAAAAAAAAAAAAAAAAAAA>,\r\n <mailto:leave@example.org>\r\n\
    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
    Auto-Submitted: auto-generated\r\n\
    Feedback-ID: 20260804:digest:en:paperboy\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: 7bit\r\n\
    \r\n\
    Two  spaces, a\ttab, trailing blanks  \r\n\
    .a dot\r\n\
    \r\n\
    the end\r\n\
    \r\n";

/// Verifies each signature of each message; prints one line of True and False for each message.
const VERIFIER: &str = r#"
import json, sys, dkim
given = json.load(sys.stdin)
records = {name + ".": value for name, value in given["records"]}
def dns(name, timeout=5):
    return records.get((name.decode() if isinstance(name, bytes) else name), "").encode()
def verify(raw, n):
    try:
        return dkim.DKIM(raw, minkey=1024).verify(idx=n, dnsfunc=dns)
    except dkim.ValidationError:
        return False
for mail in given["mails"]:
    raw = mail.encode()
    count = sum(1 for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n") if line.lower().startswith(b"dkim-signature:"))
    print(*[verify(raw, n) for n in range(count)])
"#;

fn verify(signer: &DkimSigner, mails: &[String]) -> Option<Vec<String>> {
    let python = python_with("dkim, nacl")?;
    let records: Vec<_> = signer
        .records()
        .into_iter()
        .map(|record| (record.name, record.value))
        .collect();
    let given = serde_json::json!({ "records": records, "mails": mails });
    let mut verifier = Command::new(python)
        .args(["-c", VERIFIER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    verifier
        .stdin
        .take()
        .unwrap()
        .write_all(given.to_string().as_bytes())
        .unwrap();
    let said = verifier.wait_with_output().unwrap();
    assert!(said.status.success());
    Some(
        String::from_utf8(said.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect(),
    )
}

/// Rewrites a message as relays do: other folds and blanks, a trace header, another end.
fn refolded(signed: &str) -> String {
    let (head, body) = signed.split_once("\r\n\r\n").unwrap();
    let head = head
        .replace(";\r\n ", "; ")
        .replace("From: ", "FROM:  ")
        .replace("papers  on", "papers\r\n\ton");
    let body = body.replace("  \r\n", "\r\n").trim_end().to_owned();
    format!(
        "Received: from a by b;\r\n\tTue, 04 Aug 2026 07:00:01 +0000\r\n{head}\r\n\r\n{body}\r\n"
    )
}

#[test]
fn another_program_verifies_the_signatures_even_after_a_relay_refolded_the_message() {
    for (rsa, ed25519, verdict) in [
        (Some("dkim-rsa-pkcs1.pem"), None, "True"),
        (Some("dkim-rsa-pkcs8.pem"), None, "True"),
        (None, Some("dkim-ed25519.pem"), "True"),
        (
            Some("dkim-rsa-pkcs8.pem"),
            Some("dkim-ed25519.pem"),
            "True True",
        ),
    ] {
        let signer = signer(rsa, ed25519);
        let signed = String::from_utf8(signer.signed(MAIL.as_bytes())).unwrap();
        assert!(signed.ends_with(MAIL) && signed.lines().all(|line| line.len() <= 998));
        assert_eq!(
            signed.as_bytes(),
            signer.signed(MAIL.as_bytes()),
            "equal messages get equal signatures"
        );
        let spoiled = verdict.replace("True", "False");
        let cases = [
            (signed.clone(), verdict),
            (refolded(&signed), verdict),
            (signed.replace("a dot", "a dash"), spoiled.as_str()),
            (signed.replace("One-Click", "Two-Clicks"), spoiled.as_str()),
            // Oversigned: a second sender or subject breaks the signature.
            (
                format!("From: boss@example.org\r\n{signed}"),
                spoiled.as_str(),
            ),
            (format!("Subject: urgent\r\n{signed}"), spoiled.as_str()),
        ];
        let mails: Vec<String> = cases.iter().map(|(mail, _)| mail.clone()).collect();
        let Some(found) = verify(&signer, &mails) else {
            return missing("python3 with dkimpy and pynacl");
        };
        let expected: Vec<&str> = cases.iter().map(|(_, verdict)| *verdict).collect();
        assert_eq!(found, expected, "{rsa:?} {ed25519:?}");
    }
}

#[test]
fn the_signature_covers_the_right_headers() {
    let signed =
        String::from_utf8(signer(Some("dkim-rsa-pkcs8.pem"), None).signed(MAIL.as_bytes()))
            .unwrap();
    let names = signed
        .split_once(" h=")
        .unwrap()
        .1
        .split_once(';')
        .unwrap()
        .0
        .replace("\r\n ", "");
    let count = |name: &str| names.split(':').filter(|found| *found == name).count();
    for name in ["from", "to", "subject"] {
        assert_eq!(count(name), 2, "{name}");
    }
    for name in [
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "auto-submitted",
        "feedback-id",
    ] {
        assert_eq!(count(name), 1, "{name}");
    }
}

#[test]
fn errors_name_the_file_of_a_wrong_key() {
    let load = |name: &str| {
        let settings = DkimSettings {
            domain: "example.org".to_owned(),
            selector: "digest".to_owned(),
            ed25519_selector: "digest".to_owned(),
            rsa_key_file: Some(key(name)),
            ed25519_key_file: None,
        };
        DkimSigner::load(&settings).unwrap_err()
    };
    assert!(matches!(
        load("dkim-ed25519.pem"),
        DkimError::WrongKey { .. }
    ));
    assert!(matches!(load("nothing.pem"), DkimError::Unreadable { .. }));
}
