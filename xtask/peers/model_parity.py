"""Compares finished runs of clawsig with scikit-learn's LogisticRegression on the same matrix.

model_parity.py NAME=RUN...

For each run: scikit-learn's lbfgs at its default stop (tol 1e-4, max_iter as in the tutorials) and
converged (tol 1e-7, max_iter 20000), on the rows, weights and C that the run trained with. One line
each: the excess of the objective over the run's, the share of test rows with the same prediction,
and the largest difference of accuracy, macro F1 and log-loss on test.
"""

import csv
import json
import sys
import warnings

import numpy as np
import scipy.sparse as sp
import sklearn
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
SPLITS = ["train", "validation", "test"]


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def rows_of(run, model):
    """The matrices and labels of training and test, and our predictions of test."""
    predicted = {row["id"]: row["predicted"] for row in table(f"{run}/evaluate/predictions.csv")
                 if row["split"] == "test"}
    x, ids, labels, splits = [], [], [], []
    for split in SPLITS:
        x.append(sp.load_npz(f"{run}/features/{split}.npz"))
        rows = table(f"{run}/features/rows_{split}.csv")
        ids += [row["id"] for row in rows]
        labels += [row["verdict"] for row in rows]
        splits += [split] * len(rows)
    x = sp.vstack(x, format="csr")
    if model["target"] == "non-clean":
        labels = [label if label == "clean" else "non-clean" for label in labels]
    labels, splits = np.array(labels), np.array(splits)
    known = np.isin(labels, model["classes"])
    test = np.array([i in predicted for i in ids]) & known
    if model["settings"]["split"] == "official":
        test &= splits == "test"
        train = (splits == "train") & known
    else:
        train = ~test & known
    ours = np.array([predicted[i] for i, wanted in zip(ids, test) if wanted])
    return x[train], labels[train], x[test], labels[test], ours


def compare(name, run):
    model = json.load(open(f"{run}/train/model.json"))
    ours = json.load(open(f"{run}/evaluate/metrics.json"))["test"]
    x, y, x_test, y_test, predicted = rows_of(run, model)
    classes, c = model["classes"], model["settings"]["c"]
    number = np.array([classes.index(label) for label in y])
    truth = np.array([classes.index(label) for label in y_test])
    predicted = np.array([classes.index(label) for label in predicted])
    counts = np.bincount(number)
    balanced = model["settings"]["class_weight"] == "balanced"
    weight = (len(y) / (len(classes) * counts))[number] if balanced else np.ones(len(y))
    print(f"\n{name}: {x.shape[0]} x {x.shape[1]}, {x.nnz} entries, C {c:g}, "
          f"{'balanced' if balanced else 'unweighted'}, rows by class {dict(zip(classes, counts.tolist()))}, "
          f"{len(truth)} test rows")
    print(f"  clawsig {model['solver']}: objective {model['objective']:.8f}, proven gap "
          f"{model['relative_gap']:.1e}, {model['iterations']} iterations", flush=True)
    for tol, limit in ((1e-4, 2000), (1e-7, 20000)):
        peer = LogisticRegression(C=c, class_weight="balanced" if balanced else None, tol=tol,
                                  max_iter=limit).fit(x, number)
        z = x @ peer.coef_.T + peer.intercept_
        z = np.hstack([np.zeros_like(z), z]) if len(classes) == 2 else z
        top = z.max(axis=1)
        loss = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[np.arange(len(number)), number]
        objective = (weight * loss).sum() + (peer.coef_**2).sum() / (2 * c)
        p = peer.predict_proba(x_test)
        guess = p.argmax(axis=1)
        # Metrics rounded alike: the classes of the target that have test rows, as in metrics.json.
        theirs = {
            "accuracy": metrics.accuracy_score(truth, guess),
            "macro F1": metrics.f1_score(truth, guess, average="macro", labels=sorted(set(truth))),
            "log-loss": metrics.log_loss(truth, p, labels=range(len(classes))),
        }
        mine = {
            "accuracy": ours["overall"]["accuracy"]["value"],
            "macro F1": ours["macro"]["f1"]["value"],
            "log-loss": ours["overall"]["log_loss"]["value"],
        }
        worst = max(theirs, key=lambda key: abs(theirs[key] - mine[key]))
        print(f"  scikit-learn {sklearn.__version__} tol {tol:g}: objective {objective:.8f}, "
              f"{objective / model['objective'] - 1:+.1e} of ours, {int(peer.n_iter_.max())} iterations, "
              f"{100 * (guess == predicted).mean():.3f} % of predictions equal, largest difference "
              f"{abs(theirs[worst] - mine[worst]):.1e} ({worst})", flush=True)


for argument in sys.argv[1:]:
    compare(*argument.split("=", 1))
