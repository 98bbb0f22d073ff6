#!/usr/bin/env python3
"""Cuts connections at random bytes while `paperboy deliver` is killed at random moments.

    tests/load/cut.py [--binary target/release/paperboy] [--mails 3000] [--kills 40] [--daemon] [--seed N]

A scripted server closes, resets or falls silent after a random number of
bytes, also between keeping a mail and saying so, and refuses now and then.
When all is quiet its log is compared with `outbox list --json`. Needs Python 3
alone, and nothing of paperboy but the program.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import deliver

CONNECTIONS = 6
LOG = collections.defaultdict(list)
LOCK = threading.Lock()
STATE = {"kind": True, "cuts": 0, "refused": 0, "silent_keeps": 0}
RANDOM = random.Random()


class Cut(Exception):
    pass


class Talk:
    """One connection, which ends after so many bytes in either direction."""

    def __init__(self, stream):
        self.stream = stream
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        with LOCK:
            # Most connections live for a while; some hardly begin.
            self.left = 10**12 if STATE["kind"] else int(RANDOM.expovariate(1 / 120_000))
            self.how = RANDOM.choice(["close", "close", "reset"])

    def spend(self, count):
        self.left -= count
        if self.left < 0:
            raise Cut

    def line(self):
        while b"\n" not in self.buffer:
            data = self.stream.recv(max(1, min(65536, self.left)))
            if not data:
                raise EOFError
            self.buffer += data
            self.spend(len(data))
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def say(self, reply):
        reply = reply + b"\r\n"
        if len(reply) > self.left:
            self.stream.sendall(reply[: max(0, self.left)])
            raise Cut
        self.stream.sendall(reply)
        self.spend(len(reply))

    def refuses(self):
        with LOCK:
            return not STATE["kind"] and RANDOM.random() < 0.01

    def run(self):
        try:
            self.talk()
        except Cut:
            with LOCK:
                STATE["cuts"] += 1
            if self.how == "reset":
                self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (EOFError, OSError):
            pass
        self.stream.close()

    def talk(self):
        self.say(b"220 cut.example ESMTP")
        to = None
        while True:
            line = self.line()
            word = line[:4].upper()
            if word == b"EHLO":
                self.say(b"250-cut.example\r\n250-8BITMIME\r\n250 PIPELINING")
            elif word == b"MAIL":
                self.say(b"250 2.1.0 ok")
            elif word == b"RCPT":
                if self.refuses():
                    with LOCK:
                        STATE["refused"] += 1
                    to = None
                    self.say(b"451 4.7.1 greylisted")
                else:
                    to = line[line.index(b"<") + 1 : line.index(b">")].decode()
                    self.say(b"250 2.1.5 ok")
            elif word == b"DATA" and to is None:
                self.say(b"503 5.5.1 RCPT first")
            elif word == b"DATA":
                self.say(b"354 go ahead")
                text = []
                while (line := self.line()) != b".\r\n":
                    text.append(line[1:] if line.startswith(b".") else line)
                time.sleep(RANDOM.uniform(0, 0.03))
                if self.refuses():
                    self.say(b"451 4.3.0 not now")
                    continue
                # Kept: from here on it counts, whether or not it can be said.
                with LOCK:
                    LOG[to].append(b"".join(text))
                    silent = not STATE["kind"] and RANDOM.random() < 0.01
                    STATE["silent_keeps"] += silent
                if silent:
                    raise Cut
                self.say(b"250 2.0.0 kept")
                to = None
            elif word == b"RSET":
                to = None
                self.say(b"250 2.0.0 ok")
            elif word == b"QUIT":
                self.say(b"221 2.0.0 bye")
                return
            else:
                self.say(b"500 5.5.2 what?")


def serve(listener):
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=Talk(stream).run, daemon=True).start()


def listed(binary, folder):
    out = subprocess.run(
        [binary, "-c", folder / "paperboy.toml", "outbox", "list", "--json"], check=True, capture_output=True
    )
    return json.loads(out.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/paperboy")
    parser.add_argument("--mails", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--daemon", action="store_true", help="kill `run --role deliver` instead of `deliver`")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    RANDOM.seed(options.seed)
    binary = pathlib.Path(options.binary).resolve()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        more = "retry_minutes = [0]\nbreaker_seconds = 0"
        deliver.prepare(binary, folder, listener.getsockname()[1], CONNECTIONS, more)
        deliver.fill(folder / "paperboy.db", options.mails, 6000)
        STATE["kind"] = False
        kills = 0
        for run in range(10_000):
            # The daemon never ends by itself, so the last runs are always the command's.
            is_daemon = options.daemon and kills < options.kills
            work = ["run", "--role", "deliver"] if is_daemon else ["deliver", "--until-empty", "--json"]
            child = subprocess.Popen(
                [binary, "-c", folder / "paperboy.toml", *work],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            try:
                child.wait(RANDOM.uniform(0.01, 0.25) if kills < options.kills else None)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                kills += 1
                continue
            waiting = [row for row in listed(binary, folder) if row["state"] not in ("accepted", "held")]
            if not waiting:
                break
            time.sleep(1)
            # Towards the end the server is kind, so that it ends.
            STATE["kind"] = kills >= options.kills and len(waiting) < options.mails / 20
        rows = listed(binary, folder)
        judge(rows, kills, run + 1, options.mails)


def judge(rows, kills, runs, mails):
    states = collections.Counter(row["state"] for row in rows)
    copies = {row["address"]: len(LOG[row["address"]]) for row in rows}
    second = sum(1 for count in copies.values() if count > 1)
    print(f"{runs} runs, {kills} of them killed; the server cut {STATE['cuts']} connections, refused"
          f" {STATE['refused']} times, kept {STATE['silent_keeps']} mails without a word")
    print(f"{len(rows)} mails: {dict(states)}; {second} arrived twice")
    wrong = []
    for row in rows:
        got = LOG[row["address"]]
        if len(got) > 2:
            wrong.append(("more than two copies", row))
        if any(copy != got[0] for copy in got):
            wrong.append(("copies differ", row))
        if len(got) > row["attempts"]:
            wrong.append(("sent unrecorded", row))
        if row["state"] == "accepted" and not got:
            wrong.append(("never arrived", row))
        if row["state"] not in ("accepted", "held"):
            wrong.append(("not final", row))
        if any(row["message_id"].encode() not in copy for copy in got):
            wrong.append(("another Message-ID", row))
    if len(rows) != mails or set(LOG) - set(copies):
        wrong.append(("the lists differ", len(rows)))
    # A second copy needs a death or a cut connection: each leaves one mail a connection at most.
    if second > kills * CONNECTIONS + STATE["cuts"]:
        wrong.append(("more second copies than connections broke", second))
    for what, row in wrong[:10]:
        print(what, row)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
