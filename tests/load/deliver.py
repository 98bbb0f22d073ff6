#!/usr/bin/env python3
"""How fast `paperboy deliver` empties its queue, beside smtp-source.

    tests/load/deliver.py [--binary target/release/paperboy] [--mails 8000] [--dir FOLDER]

Both send mails of the same size over as many connections to the same
smtp-sink, one after the other, and again the other way round; what is printed
is the better run of each and their ratio. The ledger is durable: the queue
lies in FOLDER, on a real disk, and the time of one fdatasync there is printed
beside. Needs Python 3 and Postfix's smtp-sink and smtp-source.
"""

import argparse
import datetime
import json
import os
import pathlib
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

SETTINGS = """
[site]
base_url = "https://digest.example.org"
from = "Papers <digest@example.org>"
contact = "operator@example.org"
secret_file = "secret"
[smtp]
port = {port}
security = "none"
hello_name = "digest.example.org"
connections = {connections}
messages_per_connection = 1000
per_second = 0
resend_after_minutes = 0
{more}
"""


def fdatasync_ms(folder):
    """The median time of putting 8 KB at the end of a file onto the disk."""
    times = []
    with open(folder / "fsync", "wb") as file:
        for _ in range(60):
            file.write(b"x" * 8192)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    os.unlink(folder / "fsync")
    return sorted(times)[len(times) // 2] * 1000


def message(number, size):
    """A mail of about `size` bytes in lines of 76, as quoted-printable is."""
    head = (
        f"Message-ID: <issue.{number}@example.org>\r\nFrom: <digest@example.org>\r\n"
        f"To: <reader{number}@example.org>\r\nSubject: papers\r\n\r\n"
    )
    line = "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789\r\n"
    return (head + line * ((size - len(head)) // len(line))).encode()


def insert(db, table, values):
    """A row of `table`: what must be there and is not given is empty, or 0."""
    row = dict(values)
    for _, name, kind, not_null, default, _ in db.execute(f"PRAGMA table_info({table})"):
        if not_null and default is None and name not in row:
            row[name] = "" if kind == "TEXT" else 0
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def fill(path, mails, size):
    """Queues `mails` issues, as `publish` would."""
    now = int(time.time())
    db = sqlite3.connect(path)
    date = datetime.date.today().isoformat()
    for n in range(1, mails + 1):
        address = f"reader{n}@example.org"
        reader = {"id": n, "address": address, "address_key": address, "status": "active", "timezone": "UTC",
                  "send_at": "07:00:00", "days": '["mon"]', "frequency": "daily", "weekday": "mon", "max_papers": 10,
                  "abstracts": "short", "when_empty": "skip", "format": "html", "language": "en"}
        insert(db, "subscribers", reader)
        insert(db, "issues", {"id": n, "subscriber_id": n, "local_date": date, "composed_at": now})
        delivery = {"id": n, "subscriber_id": n, "address": address, "local_date": date, "subject": "papers",
                    "message_id": f"issue.{n}@example.org", "state": "rendered", "queued_at": now,
                    "expires_at": now + 64800, "next_at": now, "at": now}
        insert(db, "deliveries", delivery)
        insert(db, "messages", {"delivery_id": n, "bytes": message(n, size)})
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_sink():
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    sink = subprocess.Popen(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return sink, port
        except OSError:
            time.sleep(0.05)
    sys.exit("smtp-sink does not listen")


def source(port, mails, size, connections):
    began = time.perf_counter()
    subprocess.run(
        ["smtp-source", "-d", "-s", str(connections), "-m", str(mails), "-l", str(size), "-f", "a@example.org",
         "-t", "b@example.org", f"127.0.0.1:{port}"],
        check=True,
    )
    return mails / (time.perf_counter() - began)


def prepare(binary, folder, port, connections, more=""):
    (folder / "secret").write_text("0123456789abcdef0123456789abcdef\n")
    os.chmod(folder / "secret", 0o600)
    (folder / "paperboy.toml").write_text(SETTINGS.format(port=port, connections=connections, more=more))
    subprocess.run([binary, "-c", folder / "paperboy.toml", "migrate"], check=True, stdout=subprocess.DEVNULL)


def deliver(binary, folder, mails):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [binary, "-c", folder / "paperboy.toml", "deliver", "--until-empty", "--json"], check=True, capture_output=True
    )
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(done.stdout)
    if summary["accepted"] != mails:
        sys.exit(f"not all were accepted: {summary}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return mails / seconds, cpu / mails * 1e6, summary


def measure(binary, scratch, mails, size, connections):
    sink, port = run_sink()
    try:
        sourced, delivered = [], []
        for ours_first in (False, True):
            folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
            prepare(binary, folder, port, connections)
            fill(folder / "paperboy.db", mails, size)
            os.sync()
            if ours_first:
                delivered.append(deliver(binary, folder, mails))
            sourced.append(source(port, mails, size, connections))
            if not ours_first:
                delivered.append(deliver(binary, folder, mails))
            shutil.rmtree(folder)
        rate, cpu, summary = max(delivered, key=lambda run: run[0])
        print(
            f"{size // 1000:>4} KB {connections:>3} connections: {rate:7.0f}/s, smtp-source {max(sourced):7.0f}/s,"
            f" ratio {rate / max(sourced):.2f}; {cpu:.0f} us CPU a mail, {mails / summary['commits']:.1f} mails a commit,"
            f" {summary['commit_ms']:.2f} ms each",
            flush=True,
        )
    finally:
        sink.kill()
        sink.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/paperboy")
    parser.add_argument("--mails", type=int, default=8000)
    parser.add_argument("--dir", help="where the queue lies; a real disk")
    parser.add_argument("--only", help="SIZE_KB,CONNECTIONS")
    options = parser.parse_args()
    binary = pathlib.Path(options.binary).resolve()
    if options.dir:
        os.makedirs(options.dir, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.dir) as scratch:
        print(f"fdatasync of 8 KB: {fdatasync_ms(pathlib.Path(scratch)):.2f} ms", flush=True)
        rows = [(size, connections) for size in (4000, 40000) for connections in (4, 16, 64)]
        if options.only:
            size, connections = map(int, options.only.split(","))
            rows = [(size * 1000, connections)]
        for size, connections in rows:
            measure(binary, scratch, options.mails, size, connections)


if __name__ == "__main__":
    main()
