#!/usr/bin/env python3
"""What DKIM costs: the CPU time of `publish` with and without [dkim], and of `deliver` after each.

    tests/load/sign.py [--binary target/release/paperboy] [--people 1500]

Mails are signed when they are composed, so `deliver` is no slower for it.
The cost of an RSA-2048 signature alone is that of OpenSSL here; ring's, which
the program uses, is some 1.5 times that. Needs Python 3, openssl, smtp-sink.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import deliver

KEY = pathlib.Path(__file__).parent.parent / "it/keys/dkim-rsa-pkcs8.pem"
DKIM = '[dkim]\ndomain = "example.org"\nselector = "digest"\nrsa_key_file = "dkim.pem"'


def cpu_of(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(binary, port, people, dkim):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "dkim.pem").write_bytes(KEY.read_bytes())
        os.chmod(folder / "dkim.pem", 0o600)
        deliver.prepare(binary, folder, port, 16, dkim)
        with open(folder / "papers.jsonl", "w") as papers:
            for n in range(200):
                paper = {"id": f"2608.{n:05}", "title": f"Low-rank adaptation {n}", "abstract": f"We adapt {n}. " * 60,
                         "authors": ["A B"], "categories": ["cs.LG"], "announced": "2026-08-04"}
                papers.write(json.dumps(paper) + "\n")
        with open(folder / "people.jsonl", "w") as readers:
            for n in range(people):
                readers.write(json.dumps({"email": f"reader{n}@example.org"}) + "\n")
        run = [binary, "-c", folder / "paperboy.toml"]
        subprocess.run([*run, "papers", "import", folder / "papers.jsonl"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*run, "subscribers", "import", folder / "people.jsonl"], check=True, stdout=subprocess.DEVNULL)
        published = cpu_of([*run, "publish", "--now", "2026-08-05T12:00:00Z"])
        delivered = cpu_of([*run, "deliver", "--until-empty"])
        return published / people * 1e6, delivered / people * 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/paperboy")
    parser.add_argument("--people", type=int, default=1500)
    options = parser.parse_args()
    binary = pathlib.Path(options.binary).resolve()
    said = subprocess.run(["openssl", "speed", "-seconds", "2", "-mr", "rsa2048"], capture_output=True, text=True)
    line = next(line for line in said.stdout.splitlines() if line.startswith("+F2"))
    alone = float(line.split(":")[3])
    # Newer versions print signatures a second, older ones seconds a signature.
    alone = 1e6 / alone if alone > 1 else alone * 1e6
    sink, port = deliver.run_sink()
    try:
        runs = [(measure(binary, port, options.people, ""), measure(binary, port, options.people, DKIM)) for _ in "12"]
    finally:
        sink.kill()
    plain, signed = (tuple(min(run[which][step] for run in runs) for step in (0, 1)) for which in (0, 1))
    print(f"publish: {plain[0]:.0f} us CPU a mail, with DKIM {signed[0]:.0f}: {signed[0] - plain[0]:.0f} more")
    print(f"deliver: {plain[1]:.0f} us CPU a mail, with DKIM {signed[1]:.0f}: {signed[1] - plain[1]:.0f} more")
    print(f"RSA-2048 signature by OpenSSL alone: {alone:.0f} us")


if __name__ == "__main__":
    main()
