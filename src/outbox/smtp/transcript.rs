//! The transcript of a conversation, for people to read.

use std::sync::{Arc, Mutex, PoisonError};

/// Longest line that is kept, in characters.
const LINE_CHARS_MAX: usize = 500;

/// The number of lines that are kept; no conversation has more.
const LINES_MAX: usize = 400;

/// The side that sent a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client: we.
    Client,
    /// The server.
    Server,
}

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptLine {
    /// The side that sent it.
    pub side: Side,
    /// The line without its end.
    pub text: String,
}

/// The kind of line that the client sends next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Command,
    /// Part of a login, which is not recorded.
    Secret,
    /// The message itself.
    Text,
}

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<TranscriptLine>,
    next: Next,
    /// Of our line that is being written.
    begun: String,
    text_bytes: usize,
}

/// Records a conversation, without passwords and messages. Clones share the record.
#[derive(Debug, Clone, Default)]
pub struct Transcript(Arc<Mutex<Kept>>);

impl Transcript {
    /// The lines so far.
    pub fn lines(&self) -> Vec<TranscriptLine> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .lines
            .clone()
    }

    /// Adds a note, for example that the connection is encrypted from here on.
    pub(super) fn note(&self, side: Side, text: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(side, text);
    }

    pub(super) fn client(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.next == Next::Text {
            kept.text_bytes += bytes.len();
            return;
        }
        for piece in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            kept.begun.push_str(piece);
            if piece.ends_with('\n') {
                let line = std::mem::take(&mut kept.begun);
                kept.said(line.trim_end());
            }
        }
    }

    pub(super) fn server(&self, line: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.next == Next::Text {
            let text = format!(
                "(the message and the dot that ends it: {} bytes)",
                kept.text_bytes
            );
            kept.push(Side::Client, &text);
        }
        kept.next = match line.get(..3) {
            Some("334") => Next::Secret,
            Some("354") => Next::Text,
            _ => Next::Command,
        };
        kept.text_bytes = 0;
        kept.push(Side::Server, line.trim_end());
    }
}

impl Kept {
    fn said(&mut self, line: &str) {
        let mechanism = line
            .get(..5)
            .filter(|verb| verb.eq_ignore_ascii_case("AUTH "))
            .map(|_| &line[5..]);
        if self.next == Next::Secret {
            self.push(Side::Client, "(the login, which is not shown)");
        } else if let Some(mechanism) = mechanism {
            let mechanism = mechanism.split(' ').next().unwrap_or_default();
            self.push(
                Side::Client,
                &format!("AUTH {mechanism} (the login, which is not shown)"),
            );
            self.next = Next::Secret;
        } else {
            self.push(Side::Client, line);
        }
    }

    fn push(&mut self, side: Side, text: &str) {
        if self.lines.len() < LINES_MAX {
            let text = text
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(LINE_CHARS_MAX)
                .collect();
            self.lines.push(TranscriptLine { side, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_holds_neither_the_login_nor_the_message() {
        let transcript = Transcript::default();
        transcript.server("220 mx ready\r\n");
        transcript.client(b"EHLO a\r");
        transcript.client(b"\n");
        transcript.server("250-mx\r\n");
        transcript.server("250 AUTH PLAIN LOGIN\r\n");
        transcript.client(b"AUTH PLAIN c2VjcmV0\r\n");
        transcript.server("535 no\r\n");
        transcript.client(b"AUTH LOGIN\r\n");
        for _ in 0..2 {
            transcript.server("334 VXNlcm5hbWU6\r\n");
            transcript.client(b"c2VjcmV0\r\n");
        }
        transcript.server("235 welcome\r\n");
        transcript.client(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
        transcript.server("250 ok\r\n");
        transcript.server("250 ok\r\n");
        transcript.server("354 go\r\n");
        transcript.client(b"Subject: secret\r\n\r\nsecret");
        transcript.client(b"\r\n.\r\n");
        transcript.server("250 taken\r\n");
        transcript.client(b"QUIT\r\n");
        let lines = transcript.lines();
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert!(
            !text
                .iter()
                .any(|line| line.contains("c2VjcmV0") || line.contains("secret")),
            "{text:?}"
        );
        for expected in [
            "EHLO a",
            "AUTH PLAIN (the login, which is not shown)",
            "RCPT TO:<b@example.org>",
            "QUIT",
        ] {
            assert!(text.contains(&expected), "{expected}: {text:?}");
        }
        assert!(
            text.contains(&"(the message and the dot that ends it: 30 bytes)"),
            "{text:?}"
        );
    }
}
