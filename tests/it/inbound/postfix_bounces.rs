//! Our own mail, refused by a real Postfix, comes back to the real program by every way in.

use crate::harness::environment::{missing, runs};
use crate::harness::fake_smtp::FakeRelay;
use crate::harness::mail_servers::{
    Dovecot, NOBODY, Postfix, free_port, keep_secret, listens, maildir,
};
use crate::operation::daemon::{Place, Service, today, until};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use tokio::task::spawn_blocking;

/// An installation whose reports go to bounces+TOKEN@NAME.example, and that one reader has
/// subscribed to.
struct House {
    name: &'static str,
    place: Place,
}

impl House {
    async fn new(name: &'static str) -> Self {
        let nowhere = FakeRelay::start().await;
        let place = Place::new(&nowhere, &today());
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755)).unwrap();
        House { name, place }
    }

    /// Writes the settings, and delivers an issue to a reader whom the relay does not know.
    fn sends(&self, relay: u16, inbound: &str) {
        let path = self.place.path("paperboy.toml");
        let settings = fs::read_to_string(&path).unwrap();
        let port = settings
            .lines()
            .find(|line| line.starts_with("port = "))
            .unwrap()
            .to_owned();
        let name = self.name;
        let more = format!("\n[inbound]\nbounce_address = \"bounces@{name}.example\"\n{inbound}");
        fs::write(
            &path,
            settings.replace(&port, &format!("port = {relay}")) + &more,
        )
        .unwrap();
        self.place.says("papers import", &["papers.jsonl"]);
        self.place.says(
            "subscribers add --min-score 0",
            &[&format!("{name}-reader@example.org")],
        );
        let said = self.place.says("publish --now 2100-01-01T12:00:00Z", &[]);
        assert!(said.starts_with("1 issue"), "{said}");
        let said = self.place.says("deliver", &[]);
        assert!(said.contains("1 accepted"), "{said}");
    }

    async fn starts(&self) -> Service {
        self.place.starts(&["--role", "inbound"]).await
    }

    async fn has_suppressed(&self) {
        let address = format!("{}-reader@example.org", self.name);
        let mut said = String::new();
        until(&format!("{}: the reader is suppressed", self.name), || {
            said = self.place.says("suppressions list --json", &[]);
            said.contains(&address)
        })
        .await;
        let all: serde_json::Value = serde_json::from_str(&said).unwrap();
        let evidence = &all[0]["evidence"];
        assert_eq!(
            (&evidence["class"], &evidence["status"]),
            (&"hard".into(), &"5.1.1".into()),
            "{said}"
        );
    }
}

/// As in `deploy/README.md`, section "What comes back".
fn postfix(folder: &Path, lmtp: u16, dovecot: &Path, alias: &str) -> String {
    let aliases = folder.join("aliases");
    fs::write(&aliases, alias).unwrap();
    // local(8) runs the command as the owner of the table.
    chown(&aliases, Some(NOBODY), Some(NOBODY)).unwrap();
    maildir(&folder.join("mail/bounces"));
    let mailboxes = folder.join("mailboxes");
    let text = format!(
        "bounces@maildir.example mail/bounces/\nbounces@imap.example {}/\n",
        dovecot.display()
    );
    fs::write(
        &mailboxes,
        text.replace(
            "mail/bounces/",
            &format!("{}/", folder.join("mail/bounces").display()),
        ),
    )
    .unwrap();
    format!(
        "recipient_delimiter = +\nmydestination = alias.example\nalias_maps = texthash:{}\nlocal_recipient_maps =\n\
         virtual_mailbox_domains = example.org, maildir.example, imap.example\nvirtual_mailbox_base = /\n\
         virtual_mailbox_maps = texthash:{}\ntransport_maps = inline:{{lmtp.example=lmtp:inet:127.0.0.1:{lmtp}}}\n",
        aliases.display(),
        mailboxes.display()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_postfix_cannot_deliver_comes_back_by_every_way_in_and_suppresses_its_reader() {
    let Some(dovecot) = Dovecot::start(None).await else {
        return missing("Dovecot, or root to run it,");
    };
    let houses = [
        House::new("alias").await,
        House::new("maildir").await,
        House::new("imap").await,
        House::new("lmtp").await,
    ];
    let [by_alias, by_maildir, by_imap, by_lmtp] = &houses;
    let lmtp = free_port();
    let inbox = dovecot.mail();
    // The program where every user may run it.
    let program = by_alias.place.path("paperboy");
    fs::copy(env!("CARGO_BIN_EXE_paperboy"), &program).unwrap();
    let alias = format!(
        "bounces \"|{} --config {} inbound\"\n",
        program.display(),
        by_alias.place.path("paperboy.toml").display()
    );
    let started =
        spawn_blocking(move || Postfix::start(&|folder| postfix(folder, lmtp, &inbox, &alias)))
            .await
            .unwrap();
    let Some(postfix) = started else {
        return missing("Postfix, or root to run it,");
    };
    listens(postfix.port).await;
    let bounces = postfix.folder.path().join("mail/bounces");
    by_alias.sends(postfix.port, "");
    // It is run as the owner of the table of aliases.
    assert!(runs(
        Command::new("chown")
            .args(["-R", "nobody"])
            .arg(by_alias.place.folder.path())
    ));
    by_alias.has_suppressed().await;
    by_maildir.sends(
        postfix.port,
        &format!("maildir = \"{}\"", bounces.display()),
    );
    keep_secret(&by_imap.place.path("imap-password"), "geheim");
    let imap = format!(
        "[inbound.imap]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nusername = \"x\"\npassword_file = \
         \"imap-password\"",
        dovecot.port
    );
    by_imap.sends(postfix.port, &imap);
    by_lmtp.sends(
        postfix.port,
        &format!("[inbound.lmtp]\nlisten = \"127.0.0.1:{lmtp}\""),
    );
    for house in [by_maildir, by_imap, by_lmtp] {
        let mut service = house.starts().await;
        house.has_suppressed().await;
        service.stops().await;
    }
    spawn_blocking(move || drop(postfix)).await.unwrap();
}
