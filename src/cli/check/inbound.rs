//! Checks that reports and unsubscribe mail can come in.

use super::{CheckLine, Level, line, with_causes};
use crate::config::Config;
use crate::inbound::imap::Mailbox;
use crate::inbound::{ImapSettings, InboundSettings, lmtp};
use crate::outbox::Transport;
use crate::outbox::smtp::{Dialer, Timeouts};
use crate::subscriber::Address;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time limit of the service's answer.
const WAIT: Duration = Duration::from_secs(10);

/// A tag that no mail has: the question is whether the relay accepts tags.
const TAG: &str = "check";

/// One line for each address and each way in of the settings.
pub(super) async fn check(config: &Config) -> Vec<CheckLine> {
    let settings = &config.inbound;
    let mut lines = Vec::new();
    for (key, address) in [
        ("bounce_address", &settings.addresses.bounce),
        ("unsubscribe_address", &settings.addresses.unsubscribe),
    ] {
        if let Some(address) = address {
            lines.extend(takes_tags(config, key, address).await);
        }
    }
    lines.extend(settings.maildir.as_deref().map(maildir));
    if let Some(imap) = &settings.imap {
        lines.push(mailbox(imap).await);
    }
    if let Some(lmtp) = settings.lmtp {
        lines.push(served(lmtp.listen, settings).await);
    }
    let is_read = settings.maildir.is_some() || settings.imap.is_some() || settings.lmtp.is_some();
    if let Some(address) = settings.addresses.bounce.as_ref().filter(|_| !is_read) {
        let text = format!(
            "no maildir, imap or lmtp in [inbound]: your mail server must pipe mail for {address} into `paperboy inbound`"
        );
        lines.push(line("inbound", Level::Ok, text));
    }
    lines
}

/// Checks that the relay accepts mail to the address with a tag, as reports come. A relay knows
/// that for its own domains only.
async fn takes_tags(config: &Config, key: &str, address: &Address) -> Option<CheckLine> {
    let Transport::Smtp(smtp) = &config.transport else {
        return None;
    };
    let (local, domain) = address.as_str().rsplit_once('@')?;
    let tagged: Address = format!("{local}+{TAG}@{domain}").parse().ok()?;
    // A relay that cannot be reached has a line of its own.
    let mut connection = Dialer::new(smtp, Timeouts::default())
        .ok()?
        .open()
        .await
        .ok()?;
    let offered = connection
        .offer(&config.site.from.email.clone(), &(&tagged).into())
        .await;
    // The connection ends here, before the text of a mail.
    Some(match offered {
        Ok(()) => line(
            "inbound",
            Level::Ok,
            format!("{} takes mail for {tagged}", smtp.host),
        ),
        Err(refusal) => {
            let text = format!(
                "inbound.{key}: {} refuses mail for {tagged} ({refusal}), so nothing will come back: let it take tags \
                 (Postfix: recipient_delimiter = +), or, if it is not the server of {domain}, ask that one",
                smtp.host
            );
            line("inbound", Level::Warn, text)
        }
    })
}

fn maildir(folder: &Path) -> CheckLine {
    let shown = folder.display();
    let fail = |text: String| line("inbound", Level::Fail, format!("inbound.maildir: {text}"));
    for name in ["new", "cur"] {
        if let Err(error) = std::fs::read_dir(folder.join(name)) {
            return fail(format!(
                "cannot read {shown}/{name} ({error}): it must be a Maildir, with new, cur and tmp, that this user may read"
            ));
        }
        // Processed mail is moved, which needs write access to the folders.
        let probe = folder.join(name).join(".paperboy-check");
        let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
        if let Err(error) = written {
            return fail(format!(
                "cannot write to {shown}/{name} ({error}): reports could not be marked as taken in; run `check` as the \
                 user of the service, and give it the Maildir"
            ));
        }
    }
    let waiting = std::fs::read_dir(folder.join("new")).map_or(0, Iterator::count);
    line(
        "inbound",
        Level::Ok,
        format!("the Maildir {shown} can be read; {waiting} mails are new"),
    )
}

async fn mailbox(settings: &ImapSettings) -> CheckLine {
    let mut mailbox = match Mailbox::open(settings).await {
        Ok(mailbox) => mailbox,
        Err(error) => {
            return line(
                "inbound",
                Level::Fail,
                format!("inbound.imap: {}", with_causes(error)),
            );
        }
    };
    let (name, host) = (&settings.mailbox, &settings.host);
    let can_move = mailbox.can_move();
    let waiting = mailbox.unseen().await.map(|unseen| unseen.len());
    mailbox.close().await;
    match (waiting, &settings.done_mailbox) {
        (Err(error), _) => line(
            "inbound",
            Level::Fail,
            format!("inbound.imap: {}", with_causes(error)),
        ),
        (Ok(_), Some(done)) if !can_move => {
            let text = format!(
                "inbound.imap: {host} cannot move mail (it lacks MOVE, RFC 6851), so reports stay in {name} marked as \
                 seen: leave out done_mailbox = {done:?}"
            );
            line("inbound", Level::Warn, text)
        }
        (Ok(_), _) => line(
            "inbound",
            Level::Ok,
            format!("{host} takes the login and shows {name}"),
        ),
    }
}

/// Checks that our own LMTP server answers there and accepts mail for us.
async fn served(listen: SocketAddr, settings: &InboundSettings) -> CheckLine {
    let ours = settings
        .addresses
        .bounce
        .as_ref()
        .or(settings.addresses.unsubscribe.as_ref());
    let Some(ours) = ours else {
        let text = "inbound.lmtp takes mail for no address: fill in bounce_address".to_owned();
        return line("inbound", Level::Fail, text);
    };
    let Ok(Ok(stream)) = timeout(WAIT, TcpStream::connect(listen)).await else {
        let text = format!(
            "nothing answers at inbound.lmtp.listen, {listen}: check again when the service runs"
        );
        return line("inbound", Level::Warn, text);
    };
    match timeout(WAIT, greeted(stream, ours)).await {
        Ok(Ok(true)) => line(
            "inbound",
            Level::Ok,
            format!("LMTP at {listen} takes mail for {ours}"),
        ),
        Ok(Ok(false)) => {
            let text = format!(
                "LMTP at {listen} refuses mail for {ours}: the service runs with other settings; restart it"
            );
            line("inbound", Level::Fail, text)
        }
        _ => {
            let text = format!(
                "another program answers at {listen}: choose another port for inbound.lmtp.listen"
            );
            line("inbound", Level::Fail, text)
        }
    }
}

/// Whether the recipient is accepted; an error if another server answers.
async fn greeted(stream: TcpStream, ours: &Address) -> std::io::Result<bool> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let greeting = lines.next_line().await?.unwrap_or_default();
    if greeting != lmtp::GREETING {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    for command in ["LHLO check", "MAIL FROM:<>"] {
        write.write_all(format!("{command}\r\n").as_bytes()).await?;
        reply(&mut lines).await?;
    }
    write
        .write_all(format!("RCPT TO:<{ours}>\r\nQUIT\r\n").as_bytes())
        .await?;
    Ok(reply(&mut lines).await?.starts_with("250"))
}

/// The last line of a reply.
async fn reply(
    lines: &mut Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>,
) -> std::io::Result<String> {
    loop {
        let line = lines.next_line().await?.unwrap_or_default();
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}
