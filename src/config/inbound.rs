//! Reads `[inbound]`.

use super::files::Files;
use super::sections::{host_name, is_loopback, needed, tagged_address};
use crate::fields::Fields;
use crate::inbound::{ImapSecurity, ImapSettings, InboundSettings, LmtpSettings, WebhookSettings};
use crate::links::ReturnAddresses;
use base64::Engine as _;
use std::net::SocketAddr;

pub(super) fn read_inbound(fields: &mut Fields, files: &mut Files) -> InboundSettings {
    InboundSettings {
        addresses: ReturnAddresses {
            bounce: fields.parsed("bounce_address", tagged_address),
            unsubscribe: fields.parsed("unsubscribe_address", tagged_address),
        },
        maildir: files.path(fields, "maildir"),
        imap: fields
            .section("imap", |fields| read_imap(fields, files))
            .flatten(),
        lmtp: fields.section("lmtp", read_lmtp).flatten(),
        webhooks: fields
            .section("webhooks", |fields| read_webhooks(fields, files))
            .unwrap_or_default(),
    }
}

const SECURITY: [(&str, ImapSecurity); 3] = [
    ("tls", ImapSecurity::Tls),
    ("starttls", ImapSecurity::StartTls),
    ("none", ImapSecurity::None),
];

fn read_imap(fields: &mut Fields, files: &mut Files) -> Option<ImapSettings> {
    let host = needed(fields, "host", host_name);
    let port = fields.number("port", 1..=65_535).map(|port| port as u16);
    let security = fields
        .choice("security", &SECURITY)
        .unwrap_or(ImapSecurity::Tls);
    let username = fields.needed("username");
    let given = fields.has("password") || fields.has("password_file");
    let password = files.secret(fields, "password", "password_file");
    if password.is_none() && !given {
        fields.refuse("password", None, "must be given, here or as password_file");
    }
    let mailbox = fields
        .parsed("mailbox", mailbox_name)
        .unwrap_or_else(|| "INBOX".to_owned());
    let done_mailbox = fields.parsed("done_mailbox", mailbox_name);
    let ca_file = files.readable(fields, "ca_file");
    if let Some(host) = host
        .as_deref()
        .filter(|host| security == ImapSecurity::None && !is_loopback(host))
    {
        let remedy = format!(
            "must be tls or starttls, since {host} is another machine and could not be told the password in secret"
        );
        fields.refuse("security", Some("\"none\"".to_owned()), remedy);
    }
    Some(ImapSettings {
        host: host?,
        // RFC 8314 section 3.2: 993 has TLS from the first byte.
        port: port.unwrap_or(if security == ImapSecurity::Tls {
            993
        } else {
            143
        }),
        security,
        username: username?,
        password: password?,
        mailbox,
        done_mailbox,
        ca_file,
    })
}

/// The name of a mailbox, in ASCII: others need an encoding of their own (RFC 3501 section
/// 5.1.3).
fn mailbox_name(text: &str) -> Result<String, &'static str> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if plain && text.len() <= 200 {
        Ok(text.to_owned())
    } else {
        Err("must be a mailbox in plain letters, like INBOX or INBOX.Bounces")
    }
}

fn read_lmtp(fields: &mut Fields) -> Option<LmtpSettings> {
    let wrong = "must be an address and port of this machine, like 127.0.0.1:2424";
    let listen = |text: &str| text.parse::<SocketAddr>().map_err(|_| wrong);
    let found = needed(fields, "listen", listen)?;
    if !found.ip().is_loopback() {
        // LMTP has no authentication and must not be open to the world (RFC 2033 section 5).
        fields.refuse("listen", Some(format!("\"{found}\"")), wrong);
    }
    Some(LmtpSettings { listen: found })
}

fn read_webhooks(fields: &mut Fields, files: &mut Files) -> WebhookSettings {
    WebhookSettings {
        ses_topic: fields.parsed("ses_topic", |text: &str| {
            let fits =
                text.starts_with("arn:aws") && text.split(':').count() == 6 && text.split(':').nth(2) == Some("sns");
            if fits {
                Ok(text.to_owned())
            } else {
                Err("must be the ARN of an SNS topic, like arn:aws:sns:eu-west-1:123456789012:bounces")
            }
        }),
        postmark_secret: files.secret(fields, "postmark_secret", "postmark_secret_file"),
        brevo_secret: files.secret(fields, "brevo_secret", "brevo_secret_file"),
        mailgun_signing_key: files.secret(fields, "mailgun_signing_key", "mailgun_signing_key_file"),
        sendgrid_public_key: fields.parsed("sendgrid_public_key", |text: &str| {
            let key = base64::engine::general_purpose::STANDARD.decode(text).ok();
            let fits = key.is_some_and(|key| crate::inbound::hooks::is_p256_key(&key));
            if fits {
                Ok(text.to_owned())
            } else {
                Err("must be the verification key that SendGrid shows, a line of base 64 that begins with MFkw")
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    /// The problems of `[inbound…]` settings, a line each.
    #[track_caller]
    fn check(settings: &str, expected: &[&str]) {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
        write("secret", &"s".repeat(32));
        write("password", "geheim\n");
        let site = "[site]\nbase_url = \"https://papers.uni.test\"\nfrom = \"papers@uni.test\"\ncontact = \"ada@uni.test\"\n";
        write("paperboy.toml", &format!("{site}{settings}"));
        let loaded = Config::load(&place.path().join("paperboy.toml"), std::iter::empty());
        let said = loaded
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        let folder = place.path().display().to_string();
        let lines: Vec<String> = said
            .lines()
            .skip(1)
            .map(|line| line.trim().replace(&folder, "DIR"))
            .collect();
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, words) in lines.iter().zip(expected) {
            assert!(
                line.starts_with(words),
                "{line}\ndoes not begin with\n{words}"
            );
        }
        assert!(!said.contains("geheim"), "a password: {said}");
    }

    const IMAP: &str = "[inbound.imap]\nhost = \"imap.uni.test\"\nusername = \"x\"\npassword_file = \"password\"\n";

    #[test]
    fn each_mistake_about_what_comes_back_has_a_line_that_says_what_would_be_right() {
        check(IMAP, &[]);
        check(
            "[inbound]\nbounce_adress = \"a@b.test\"\n",
            &["inbound.bounce_adress"],
        );
        check(
            "[inbound]\nbounce_address = \"a+b@c.test\"\n",
            &["inbound.bounce_address = \"a+b@c.test\": must have no + before the @"],
        );
        check(
            &format!(
                "[inbound]\nunsubscribe_address = \"{}@c.test\"\n",
                "a".repeat(60)
            ),
            &["inbound.unsubscribe_address"],
        );
        check(
            "[inbound.imap]\nport = 70000\nsecurity = \"ssl\"\n",
            &[
                "inbound.imap.host: must be",
                "inbound.imap.port = 70000: must be",
                "inbound.imap.security = \"ssl\": must be one of tls, starttls, none",
                "inbound.imap.username: must be",
                "inbound.imap.password: must be given, here or as password_file",
            ],
        );
        check(
            &format!("{IMAP}security = \"none\"\n"),
            &["inbound.imap.security = \"none\": must be tls or starttls"],
        );
        check(
            &format!("{IMAP}password = \"geheim\"\n"),
            &["inbound.imap.password: is given twice"],
        );
        check(
            &format!("{IMAP}mailbox = \"Entwürfe\"\n"),
            &["inbound.imap.mailbox = \"Entwürfe\": must be a mailbox"],
        );
        check(
            &format!("{IMAP}ca_file = \"nowhere.pem\"\n"),
            &["inbound.imap.ca_file = \"nowhere.pem\": cannot read"],
        );
        check(
            &IMAP.replace("\"password\"", "\"nowhere\""),
            &["inbound.imap.password_file = \"nowhere\": cannot read"],
        );
        for listen in ["\"2424\"", "\"0.0.0.0:2424\"", "\"localhost:2424\""] {
            check(
                &format!("[inbound.lmtp]\nlisten = {listen}\n"),
                &[&format!(
                    "inbound.lmtp.listen = {listen}: must be an address and port of this machine"
                )],
            );
        }
        check("[inbound.lmtp]\n", &["inbound.lmtp.listen: must be"]);
        check(
            "[inbound.webhooks]\nses_topic = \"bounces\"\nsendgrid_public_key = \"AAAA\"\nmailgun_key = \"x\"\n",
            &[
                "inbound.webhooks.ses_topic = \"bounces\": must be the ARN of an SNS topic",
                "inbound.webhooks.sendgrid_public_key = \"AAAA\": must be the verification key",
                "inbound.webhooks.mailgun_key",
            ],
        );
    }
}
