"""The table of `clawsig transfer` by scikit-learn, on the same rows.

`transfer.py OUT CORPUS...`: OUT is the folder that `clawsig transfer CORPUS... --out OUT` wrote, the
corpora JSON lines with a field `text`. Each line of the table is fitted anew with TfidfVectorizer and
LogisticRegression at the settings in OUT/transfer.json, on the rows that rows.csv and predictions.csv
name, and compared. The exit code is 1 if a macro F1 differs by more than 0.01.
"""

import csv
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

MOST = 0.01


def texts_of(paths):
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line).get("text")
                if text:
                    found[hashlib.sha256(text.encode()).hexdigest()] = text
    return found


def read(path):
    with open(path, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def main():
    out, *corpora = sys.argv[1:]
    out = Path(out)
    result = json.loads((out / "transfer.json").read_text())
    settings = result["settings"]
    text = settings["text"]
    min_df = float(text["tfidf.min_df"]) if "." in text["tfidf.min_df"] else int(text["tfidf.min_df"])
    vectorizer = dict(
        ngram_range=tuple(json.loads(text["tfidf.ngrams"])),
        min_df=min_df,
        max_df=float(text["tfidf.max_df"]),
        max_features=int(text["tfidf.max_features"]) or None,
        sublinear_tf=text["tfidf.sublinear"] == "true",
    )
    limit = int(text["text.max_chars"]) or None
    texts = {sha: found[:limit] for sha, found in texts_of(corpora).items()}
    rows = defaultdict(dict)
    for row in read(out / "rows.csv"):
        rows[row["corpus"]][row["sha256"]] = row["label"] == "malicious"
    tests = defaultdict(lambda: defaultdict(list))
    for row in read(out / "predictions.csv"):
        tests[row["split"], row["train"], row["test"]][row["fold"]].append(row)
    print(f"scikit-learn {sklearn.__version__}, {vectorizer}, C={settings['model.c']}")
    print("| split | train | test | rows | clawsig | scikit-learn | difference | other predictions |")
    print("|---|---|---|---|---|---|---|---|")
    worst = 0.0
    for line in result["results"]:
        key = (line["split"], line["train"], line["test"])
        ours = line["macro_f1"].get("value")
        if ours is None:
            continue
        truth, theirs, other = [], [], 0
        for fold in tests[key].values():
            held_out = {row["sha256"] for row in fold}
            shas = [sha for sha in rows[line["train"]] if sha not in held_out]
            if line["split"] == "leave one source out" and line["shared"]:
                # The source's rows that are near-duplicates of training rows train nothing either.
                print(f"{key}: {line['shared']} shared rows, not compared")
                break
            fitted = TfidfVectorizer(**vectorizer)
            x = fitted.fit_transform(texts[sha] for sha in shas)
            y = [rows[line["train"]][sha] for sha in shas]
            model = LogisticRegression(
                C=settings["model.c"], class_weight="balanced", tol=1e-8, max_iter=10_000
            ).fit(x, y)
            said = model.predict(fitted.transform(texts[row["sha256"]] for row in fold))
            theirs.extend(said)
            truth.extend(row["label"] == "malicious" for row in fold)
            other += sum(
                bool(a) != (float(row["p_malicious"]) > 0.5) for a, row in zip(said, fold)
            )
        if not truth:
            continue
        f1 = f1_score(truth, theirs, average="macro")
        worst = max(worst, abs(ours - f1))
        print(
            f"| {' | '.join(key)} | {len(truth)} | {ours:.4f} | {f1:.4f} | {ours - f1:+.4f} | {other} |"
        )
    print(f"largest difference {worst:.4f}, allowed {MOST}")
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
