//! Real mail servers, each in a folder of its own: Postfix and Dovecot. Both need root.

use crate::harness::environment::runs;
use crate::outbox::tls::Authority;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// The user that mail belongs to.
pub(crate) const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

pub(crate) async fn listens(port: u16) {
    for _ in 0..800 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        sleep(Duration::from_millis(25)).await;
    }
    panic!("nothing listens on {port}");
}

/// A folder that every user may enter.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A Maildir of [`NOBODY`]'s.
pub(crate) fn maildir(at: &Path) {
    for path in [
        at.to_owned(),
        at.join("new"),
        at.join("cur"),
        at.join("tmp"),
    ] {
        fs::create_dir(&path).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A Postfix that takes mail from this machine.
pub(crate) struct Postfix {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
}

impl Postfix {
    /// Starts one that mailboxes of `virtual_mailbox_maps` belong to [`NOBODY`] in; `more` are
    /// lines for its `main.cf`, from the folder that it may write to. `None` if there is no Postfix
    /// here.
    pub(crate) fn start(more: &dyn Fn(&Path) -> String) -> Option<Self> {
        if !is_root() || !Path::new("/usr/lib/postfix/sbin/master").exists() {
            return None;
        }
        let (folder, port) = (open_folder(), free_port());
        let path = |name: &str| folder.path().join(name);
        for name in ["config", "queue", "data", "mail"] {
            fs::create_dir(path(name)).unwrap();
        }
        chown(path("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        assert!(runs(Command::new("chown").arg("postfix").arg(path("data"))));
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {here}/queue\ndata_directory = {here}/data\n\
             daemon_directory = /usr/lib/postfix/sbin\ncommand_directory = /usr/sbin\nmail_owner = postfix\n\
             setgid_group = postdrop\nmyhostname = localhost\ninet_interfaces = loopback-only\n\
             inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject\n\
             smtpd_reject_unlisted_recipient = no\nvirtual_mailbox_base = {here}/mail\n\
             virtual_uid_maps = static:{NOBODY}\nvirtual_gid_maps = static:{NOBODY}\nvirtual_minimum_uid = 1\n\
             enable_long_queue_ids = yes\n\
             minimal_backoff_time = 2s\nmaximal_backoff_time = 5s\nqueue_run_delay = 2s\n{more}",
            here = folder.path().display(),
            more = more(folder.path()),
        );
        fs::write(path("config/main.cf"), main).unwrap();
        let mut master = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
        for (service, command) in [
            ("cleanup unix n", "0 cleanup"),
            ("qmgr unix n", "1 qmgr"),
            ("tlsmgr unix -", "1 tlsmgr"),
            ("rewrite unix -", "- trivial-rewrite"),
            ("bounce unix -", "0 bounce"),
            ("defer unix -", "0 bounce"),
            ("trace unix -", "0 bounce"),
            ("proxymap unix -", "- proxymap"),
            ("error unix -", "- error"),
            ("retry unix -", "- error"),
            ("smtp unix -", "- smtp"),
            ("lmtp unix -", "- lmtp"),
            ("anvil unix -", "1 anvil"),
            ("showq unix n", "- showq"),
        ] {
            writeln!(master, "{service} - n - {command}").unwrap();
        }
        // These two write as other users.
        master.push_str("virtual unix - n n - - virtual\nlocal unix - n n - - local\n");
        fs::write(path("config/master.cf"), master).unwrap();
        let postfix = Postfix { folder, port };
        assert!(postfix.told("start"), "postfix does not start");
        Some(postfix)
    }

    fn told(&self, what: &str) -> bool {
        runs(
            Command::new("postfix")
                .arg("-c")
                .arg(self.folder.path().join("config"))
                .arg(what),
        )
    }

    /// The mails in a Maildir below `mail`.
    pub(crate) fn mails(&self, name: &str) -> Vec<PathBuf> {
        let read = fs::read_dir(self.folder.path().join("mail").join(name).join("new"));
        read.map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.told("stop");
    }
}

/// A Dovecot with one Maildir for whoever logs in with the password `geheim`.
pub(crate) struct Dovecot {
    pub(crate) folder: TempDir,
    /// In the clear, or with STARTTLS.
    pub(crate) port: u16,
    /// TLS from the first byte, if it has a certificate.
    pub(crate) tls_port: u16,
    child: Child,
}

impl Dovecot {
    /// Starts one, with a certificate of `authority` for `name` if given. `None` if there is no
    /// Dovecot here.
    pub(crate) async fn start(certificate: Option<(&Authority, &str)>) -> Option<Self> {
        if !is_root() || !Path::new("/usr/lib/dovecot/imap").exists() {
            return None;
        }
        let (folder, port, tls_port) = (open_folder(), free_port(), free_port());
        fs::create_dir(folder.path().join("run")).unwrap();
        maildir(&folder.path().join("mail"));
        let here = folder.path().display();
        let (tls, imaps) = match certificate {
            None => ("ssl = no\n".to_owned(), 0),
            Some((authority, name)) => {
                let files = authority.certifies(name);
                let (cert, key) = (files.cert_file.display(), files.key_file.display());
                (
                    format!("ssl = yes\nssl_cert = <{cert}\nssl_key = <{key}\n"),
                    tls_port,
                )
            }
        };
        let settings = format!(
            "base_dir = {here}/run\nlog_path = {here}/log\nprotocols = imap\nlisten = 127.0.0.1\n{tls}\
             disable_plaintext_auth = no\nauth_failure_delay = 0\nmail_location = maildir:{here}/mail\n\
             first_valid_uid = 1\nnamespace inbox {{\n inbox = yes\n}}\n\
             service imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n\
             inet_listener imaps {{\n port = {imaps}\n ssl = yes\n }}\n}}\n\
             passdb {{\n driver = static\n args = password=geheim\n}}\n\
             userdb {{\n driver = static\n args = uid={NOBODY} gid={NOBODY} home={here}/mail\n}}\n"
        );
        fs::write(folder.path().join("dovecot.conf"), settings).unwrap();
        let child = Command::new("/usr/sbin/dovecot")
            .arg("-F")
            .arg("-c")
            .arg(folder.path().join("dovecot.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let dovecot = Dovecot {
            folder,
            port,
            tls_port,
            child,
        };
        listens(port).await;
        Some(dovecot)
    }

    pub(crate) fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Puts a mail into INBOX, as a mail server does.
    pub(crate) fn delivers(&self, name: &str, mail: &str) {
        deliver(&self.mail(), name, mail);
    }
}

/// Puts a mail into a Maildir of [`NOBODY`]'s.
pub(crate) fn deliver(maildir: &Path, name: &str, mail: &str) {
    let path = maildir.join("tmp").join(name);
    fs::write(&path, mail).unwrap();
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::rename(&path, maildir.join("new").join(name)).unwrap();
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // By its own number: SIGTERM, for it to end its children.
        runs(Command::new("kill").arg(self.child.id().to_string()));
        let _ = self.child.wait();
    }
}

/// Writes a file that its owner alone can read, as a service asks of its secrets.
pub(crate) fn keep_secret(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}
