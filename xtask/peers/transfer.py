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
from scipy.sparse import hstack
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
    views = [
        dict(
            analyzer=view["analyzer"],
            ngram_range=tuple(view["ngrams"]),
            min_df=next(iter(view["min_df"].values())),
            max_df=next(iter(view["max_df"].values())),
            max_features=view["max_features"],
            sublinear_tf=view["sublinear"],
        )
        for view in settings["views"]
    ]
    limits = [view["max_chars"] for view in settings["views"]]
    texts = texts_of(corpora)
    rows = defaultdict(dict)
    for row in read(out / "rows.csv"):
        rows[row["corpus"]][row["sha256"]] = row["label"] == "malicious"
    tests = defaultdict(lambda: defaultdict(list))
    for row in read(out / "predictions.csv"):
        tests[row["split"], row["train"], row["test"]][row["fold"]].append(row)
    print(f"scikit-learn {sklearn.__version__}, {views}, C={settings['model.c']}")
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
            fitted = [TfidfVectorizer(**view) for view in views]
            x, x_test = [], []
            for view, most in zip(fitted, limits):
                x.append(view.fit_transform(texts[sha][:most] for sha in shas))
                x_test.append(view.transform(texts[row["sha256"]][:most] for row in fold))
            x, x_test = hstack(x).tocsr(), hstack(x_test).tocsr()
            y = [rows[line["train"]][sha] for sha in shas]
            model = LogisticRegression(
                C=settings["model.c"], class_weight="balanced", tol=1e-6, max_iter=10_000
            ).fit(x, y)
            said = model.predict(x_test)
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
