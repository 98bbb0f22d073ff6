#!/usr/bin/env python3
"""What paperboy costs when it has nothing to do: 100,000 papers, 10,000 subscribers.

    tests/load/idle.py [--binary target/release/paperboy] [--papers 100000] [--people 10000]

Makes up papers and readers, starts `run` with all roles, and measures the time until /readyz says yes (best and
worst of ten starts), and over a minute of idling the share of one core and the resident memory at its end. Beside
them: the time of `paperboy --version`, which is what starting any program costs here, and the memory right after the
start. Exits with 1 if a bar of DESIGN.md section 13 is missed. Linux only: it reads /proc.
"""

import argparse
import json
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

RESIDENT_MIB_MAX = 80
CORE_SHARE_MAX = 0.01
READY_SECONDS_MAX = 0.5
CATEGORIES = ["cs.LG", "cs.CL", "cs.CV", "math.NT", "stat.ML", "q-bio.NC"]


def words(rng, count):
    """Words with the frequencies of a language: few common, many rare (Zipf)."""
    return " ".join(f"w{min(int(rng.paretovariate(0.9)), 60000)}" for _ in range(count))


def make_up(folder, papers, people):
    rng = random.Random(1)
    with open(folder / "papers.jsonl", "w") as out:
        for n in range(papers):
            day = n * 200 // papers
            paper = {
                "id": f"26{day // 28 % 12 + 1:02}.{n % 100000:05}", "title": words(rng, 9),
                "abstract": ". ".join(words(rng, 20) for _ in range(8)),
                "authors": [f"A{rng.randrange(30000)} B{rng.randrange(300)}" for _ in range(4)],
                "categories": rng.sample(CATEGORIES, 2), "announced": f"2026-{day // 28 + 1:02}-{day % 28 + 1:02}",
            }
            out.write(json.dumps(paper) + "\n")
    with open(folder / "people.jsonl", "w") as out:
        for n in range(people):
            interest = {"name": words(rng, 2), "keywords": [words(rng, 2)], "categories": [rng.choice(CATEGORIES)]}
            reader = {"email": f"reader{n}@example.org", "send_at": f"{n % 24:02}:{n % 60:02}", "interests": [interest]}
            out.write(json.dumps(reader) + "\n")


def resident_mib(pid):
    fields = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) for line in fields if line.endswith(" kB")}
    return found["Rss"] / 1024, found["Anonymous"] / 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def start(binary, folder, port):
    """The service, and the seconds until it was ready."""
    log = open(folder / "run.log", "ab")
    began = time.monotonic()
    service = subprocess.Popen([binary, "-c", folder / "paperboy.toml", "run"], stdout=log, stderr=log)
    while not ready(port):
        if service.poll() is not None or time.monotonic() - began > 60:
            sys.exit(f"the service did not start:\n{(folder / 'run.log').read_text()[-2000:]}")
        time.sleep(0.002)
    return service, time.monotonic() - began


def stop(service):
    service.terminate()
    service.wait(timeout=60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=pathlib.Path, default="target/release/paperboy")
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    binary = options.binary.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        subprocess.run([binary, "init", folder], check=True, stdout=subprocess.DEVNULL)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        # A source that has nothing new: what is measured is waiting, not a transfer.
        (folder / "paperboy.toml").write_text(
            '[site]\nbase_url = "http://localhost"\nfrom = "D <d@example.org>"\ncontact = "o@example.org"\n'
            f'secret_file = "secret"\n[web]\nlisten = "127.0.0.1:{port}"\n'
            '[[source]]\nkind = "jsonl"\npath = "none.jsonl"\n'
        )
        (folder / "none.jsonl").write_text("")
        make_up(folder, options.papers, options.people)
        for words_of in [["papers", "import", folder / "papers.jsonl"],
                         ["subscribers", "import", folder / "people.jsonl"]]:
            began = time.monotonic()
            done = subprocess.run([binary, "-c", folder / "paperboy.toml", *words_of], capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            print(f"{words_of[0]} imported in {time.monotonic() - began:.1f} s", flush=True)

        began = time.monotonic()
        for _ in range(10):
            subprocess.run([binary, "--version"], check=True, stdout=subprocess.DEVNULL)
        bare = (time.monotonic() - began) / 10
        times = []
        for _ in range(10):
            service, seconds = start(binary, folder, port)
            times.append(seconds)
            stop(service)
        service, _ = start(binary, folder, port)
        at_start, _ = resident_mib(service.pid)
        before = cpu_seconds(service.pid)
        time.sleep(options.seconds)
        share = (cpu_seconds(service.pid) - before) / options.seconds
        resident, own = resident_mib(service.pid)
        stop(service)

        print(f"ready after {min(times) * 1000:.0f} to {max(times) * 1000:.0f} ms, median "
              f"{statistics.median(times) * 1000:.0f} ms, {statistics.median(times) / bare:.0f} times `--version`")
        print(f"resident: {at_start:.0f} MiB at the start, {resident:.0f} MiB after {options.seconds} s, "
              f"of it {own:.0f} MiB its own (the rest is the program's and the database's file)")
        print(f"idle: {share * 100:.2f} % of a core")
        missed = [resident > RESIDENT_MIB_MAX, share >= CORE_SHARE_MAX, statistics.median(times) >= READY_SECONDS_MAX]
        sys.exit(1 if any(missed) else 0)


if __name__ == "__main__":
    main()
