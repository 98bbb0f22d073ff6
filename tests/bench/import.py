#!/usr/bin/env python3
"""Taking in papers, statistics included, beside `jq -c .` reading the same bytes.

    tests/bench/import.py PAPERBOY FILE.jsonl[.gz]...

PAPERBOY is a release build of the program. Both are run in turns, and the
fastest of three runs of each counts. The bar is 10 times jq's time. Needs jq;
says so without it.
"""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROUNDS = 3


def seconds(command, **kwargs):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
    return time.perf_counter() - start


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    paperboy, files = os.path.abspath(sys.argv[1]), sys.argv[2:]
    if shutil.which("jq") is None:
        print("skipped: jq is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        papers = os.path.join(folder, "papers.jsonl")
        lines = 0
        with open(papers, "wb") as out:
            for file in files:
                with (gzip.open if file.endswith(".gz") else open)(file, "rb") as source:
                    for line in source:
                        out.write(line)
                        lines += 1
        ours, theirs = [], []
        for round in range(ROUNDS):
            place = os.path.join(folder, str(round))
            subprocess.run([paperboy, "init", place], check=True, stdout=subprocess.DEVNULL)
            with open(os.path.join(folder, "out.json"), "wb") as out:
                theirs.append(seconds(["jq", "-c", ".", papers], stdout=out))
            ours.append(seconds([paperboy, "papers", "import", papers], cwd=place, stdout=subprocess.DEVNULL))
            shutil.rmtree(place)
        print(
            f"import: {lines} papers in {min(ours):.1f} s, jq -c . in {min(theirs):.2f} s: "
            f"{min(ours) / min(theirs):.1f} x (bar: 10)"
        )


if __name__ == "__main__":
    main()
