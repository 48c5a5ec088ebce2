"""The original notebook's steps in Python, without its figures: data frames of every split, rates,
overlaps and agreement of the three scanners, TF-IDF and four numbers, logistic regression, the
test report.

notebook.py FOLDER RUN [TOL]   FOLDER has the splits as JSON lines; the training rows are those of the
clawsig run RUN (features/rows_train.csv), so that both sides fit the same rows.
"""

import csv
import itertools
import json
import resource
import sys
import time

import numpy as np
import pandas as pd
import scipy.sparse as sp
import sklearn
from sklearn import metrics
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

begin = time.perf_counter()
NUMBERS = ["skillspector_score", "static_finding_count", "skillspector_issue_count",
           "virustotal_malicious_count"]
SCANNERS = ["static", "virustotal", "skillspector"]


with open(f"{sys.argv[2]}/features/rows_train.csv", newline="") as file:
    wanted = {row["id"] for row in csv.DictReader(file)}
frames = {split: pd.read_json(f"{sys.argv[1]}/{split}.jsonl", lines=True)
          for split in ("train", "validation", "test", "eval_holdout")}
reading = time.perf_counter() - begin
train = frames["train"]
train = train[train["id"].isin(wanted)]
test = frames["test"]

flags = {s: train[f"{s}_status"].isin(["suspicious", "malicious"]).to_numpy() for s in SCANNERS}
rates = {s: float(flags[s].mean()) for s in SCANNERS}
patterns = np.unique(np.stack([flags[s] for s in SCANNERS]), axis=1, return_counts=True)
kappas = {f"{a} and {b}": float(metrics.cohen_kappa_score(flags[a], flags[b]))
          for a, b in itertools.combinations(SCANNERS, 2)}
jaccards = {f"{a} and {b}": float(metrics.jaccard_score(flags[a], flags[b]))
            for a, b in itertools.combinations(SCANNERS, 2)}

text = lambda rows: rows["skill_md_content"].fillna("").str[:6000]
number = lambda rows: rows[NUMBERS].fillna(0).to_numpy(float)
label = lambda rows: rows["clawscan_verdict"].to_numpy()
vectorizer = TfidfVectorizer(max_features=20000, ngram_range=(1, 2), min_df=3, sublinear_tf=True)
scaler = StandardScaler()
x = sp.hstack([vectorizer.fit_transform(text(train)), scaler.fit_transform(number(train))], "csr")
x_test = sp.hstack([vectorizer.transform(text(test)), scaler.transform(number(test))], "csr")
tol = float(sys.argv[3]) if len(sys.argv) > 3 else 1e-4
model = LogisticRegression(C=4, class_weight="balanced", max_iter=2000, tol=tol).fit(x, label(train))
guess = model.predict(x_test)
report = metrics.classification_report(label(test), guess, output_dict=True)
confusion = metrics.confusion_matrix(label(test), guess)
wrong = test["skill_slug"][label(test) != guess][:8]
seconds = time.perf_counter() - begin

ours = json.load(open(f"{sys.argv[2]}/evaluate/metrics.json"))["test"]
differences = [abs(report["accuracy"] - ours["overall"]["accuracy"]["value"]),
               abs(report["macro avg"]["f1-score"] - ours["macro"]["f1"]["value"])]
differences += [abs(report[c][n] - ours[c][m]["value"]) for c in ("clean", "suspicious", "malicious")
                for n, m in (("precision", "precision"), ("recall", "recall"), ("f1-score", "f1"))
                if "value" in ours[c][m]]
print(json.dumps({
    "method": f"scikit-learn {sklearn.__version__} tol {tol:g}", "rows": len(train), "entries": x.nnz,
    "seconds": round(seconds, 2), "of_which_reading": round(reading, 2),
    "iterations": int(model.n_iter_.max()),
    "accuracy": round(report["accuracy"], 4), "macro_f1": round(report["macro avg"]["f1-score"], 4),
    "largest_difference_of_a_metric": float(f"{max(differences):.1e}"),
    "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
