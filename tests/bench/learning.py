#!/usr/bin/env python3
"""Learning one interest beside scikit-learn's LinearSVC, as arxiv-sanity-lite calls it.

    tests/bench/learning.py FILE.jsonl[.gz]...

Both learn from 20 liked papers against the papers of the files (75,000 at
most). The bar is 500 times faster. Needs scikit-learn; says so without it.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import time

PAPERS_MAX = 75_000
LIKED = 20


def read(files):
    papers = []
    for file in files:
        with (gzip.open if file.endswith(".gz") else open)(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                paper = json.loads(line)
                papers.append(" ".join([paper["title"], paper.get("abstract", ""), " ".join(paper.get("authors", []))]))
                if len(papers) == PAPERS_MAX:
                    return papers
    return papers


def main():
    files = [os.path.abspath(file) for file in sys.argv[1:]]
    if not files:
        sys.exit(__doc__)
    try:
        import numpy
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.svm import LinearSVC
    except ImportError:
        print("skipped: scikit-learn is not installed (pip install scikit-learn)")
        return
    command = ["cargo", "bench", "--quiet", "--bench", "learning"]
    ours = subprocess.run(command, env={**os.environ, "PAPERBOY_PAPERS": ":".join(files)}, check=True, capture_output=True, text=True).stdout
    print(ours.strip())
    micros = float(re.search(r"([\d.]+) µs", ours).group(1))

    papers = read(files)
    vectorizer = TfidfVectorizer(
        strip_accents="unicode", stop_words="english", token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",
        ngram_range=(1, 2), max_features=20_000, sublinear_tf=True, max_df=0.1, min_df=5)
    matrix = vectorizer.fit_transform(papers).astype(numpy.float32)
    labels = numpy.zeros(len(papers), dtype=numpy.float32)
    labels[[at * 60 % len(papers) for at in range(LIKED)]] = 1.0
    start = time.perf_counter()
    LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01).fit(matrix, labels)
    seconds = time.perf_counter() - start
    print(f"scikit-learn's LinearSVC: {len(papers)} papers: {seconds * 1e3:.0f} ms; paperboy is {seconds * 1e6 / micros:.0f} × faster (bar: 500)")


if __name__ == "__main__":
    main()
