#!/usr/bin/env python3
"""The whole line, from the day's papers to the relay, beside smtp-source with mails as large.

    tests/load/line.py [--binary target/release/paperboy] [--people 10000] [--papers 1500] [--liked 5] [--dir FOLDER]

Makes up an archive, a day of PAPERS, and readers with an interest of their own: half have words only, half like
LIKED papers besides. Times `publish` and `deliver` into smtp-sink over 16 connections, then smtp-source with as many
mails of the mean size. Exits with 1 below the bar of DESIGN.md section 13. Needs Python 3 and Postfix's smtp-sink
and smtp-source; the ledger is durable and lies in FOLDER, on a real disk.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import deliver
import idle

RATIO_MIN = 0.25
CONNECTIONS = 16
TODAY = "2026-08-04"
SUBJECTS = 400


def about(rng, subject, count):
    """Text with words of everybody's and a few of its subject."""
    own = " ".join(f"s{subject}x{rng.randrange(12)}" for _ in range(max(count // 6, 1)))
    return f"{own} {idle.words(rng, count)}"


def made_up(rng, number, day):
    subject = rng.randrange(SUBJECTS)
    return subject, {
        "id": f"{day[2:4]}{day[5:7]}.{number:05}", "title": about(rng, subject, 9),
        "abstract": ". ".join(about(rng, subject, 20) for _ in range(8)),
        "authors": [f"A{rng.randrange(30000)} B{rng.randrange(300)}" for _ in range(4)],
        "categories": rng.sample(idle.CATEGORIES, 2), "announced": day,
    }


def make_up(folder, archive, papers, people, liked):
    rng = random.Random(1)
    older = [made_up(rng, n, f"2026-{5 + n * 2 // archive:02}-{n % 28 + 1:02}") for n in range(archive)]
    by_subject = {}
    for subject, paper in older:
        by_subject.setdefault(subject, []).append(paper["id"])
    with open(folder / "papers.jsonl", "w") as out:
        for _, paper in older + [made_up(rng, n, TODAY) for n in range(papers)]:
            out.write(json.dumps(paper) + "\n")
    with open(folder / "people.jsonl", "w") as out:
        for n in range(people):
            subject = rng.randrange(SUBJECTS)
            interest = {"name": f"Subject {subject}", "description": about(rng, subject, 12)}
            if n % 2:
                interest["liked"] = rng.sample(by_subject[subject], min(liked, len(by_subject[subject])))
            reader = {"email": f"reader{n}@example.org", "max_papers": 15, "min_score": 0, "interests": [interest]}
            out.write(json.dumps(reader) + "\n")


def timed(command):
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began, json.loads(done.stdout)


def mean_size(paperboy, people):
    """Bytes of a mail, of 20 readers' ones."""
    addresses = [f"reader{n * people // 20}@example.org" for n in range(20)]
    mails = [
        subprocess.run([*paperboy, "preview", address, "--date", TODAY, "--format", "eml"], check=True, capture_output=True)
        for address in addresses
    ]
    return sum(len(mail.stdout) for mail in mails) // len(mails)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/paperboy")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--papers", type=int, default=1_500)
    parser.add_argument("--archive", type=int, default=20_000)
    parser.add_argument("--liked", type=int, default=5)
    parser.add_argument("--dir", help="where the database lies; a real disk")
    options = parser.parse_args()
    binary = pathlib.Path(options.binary).resolve()
    if options.dir:
        os.makedirs(options.dir, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.dir) as scratch:
        folder = pathlib.Path(scratch)
        make_up(folder, options.archive, options.papers, options.people, options.liked)
        sink, port = deliver.run_sink()
        try:
            deliver.prepare(binary, folder, port, CONNECTIONS)
            paperboy = [binary, "-c", folder / "paperboy.toml"]
            for what in ("papers", "subscribers"):
                file = folder / ("papers.jsonl" if what == "papers" else "people.jsonl")
                subprocess.run([*paperboy, what, "import", file], check=True, stdout=subprocess.DEVNULL)
            os.sync()
            size = mean_size(paperboy, options.people)
            publishing, published = timed([*paperboy, "publish", "--now", f"{TODAY}T23:00:00Z", "--json"])
            delivering, delivered = timed([*paperboy, "deliver", "--until-empty", "--json"])
            mails = delivered["accepted"]
            if mails != options.people:
                sys.exit(f"not everybody got a mail: {published} {delivered}")
            sourced = deliver.source(port, mails, size, CONNECTIONS)
        finally:
            sink.kill()
            sink.wait()
    rate = mails / (publishing + delivering)
    print(
        f"{mails} mails of {size} bytes: publish {publishing:.1f} s, deliver {delivering:.1f} s, {rate:.0f} a second;"
        f" smtp-source {sourced:.0f}: {rate / sourced:.2f} (bar: {RATIO_MIN})"
    )
    sys.exit(0 if rate / sourced >= RATIO_MIN else 1)


if __name__ == "__main__":
    main()
