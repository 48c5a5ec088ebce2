"""Other families of models beside clawsig's logistic regression, on a finished run's own matrices.

families.py NAME=RUN...

Each family is fitted on the training rows for every value of its small grid, and its best macro F1 on
the validation rows stands in the table, with that model's mean average precision where it ranks:
- logistic regression (clawsig): the run's own grid.csv;
- complement naive Bayes on the text columns;
- linear SVM on all columns, balanced classes;
- gradient-boosted trees on the columns that are not text and on the class scores of a linear model of the
  text, out of fold in training, as the seed tutorial suggests next.
"""

import csv
import sys
import warnings

import numpy as np
import scipy.sparse as sp
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC

warnings.filterwarnings("ignore")


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def scores(model, x, y, classes):
    """Macro F1 over the classes with rows, and the mean of their average precisions."""
    predicted = model.predict(x)
    present = [c for c in classes if (y == c).any()]
    f1 = f1_score(y, predicted, labels=present, average="macro", zero_division=0)
    rank = model.predict_proba(x) if hasattr(model, "predict_proba") else model.decision_function(x)
    rank = np.stack([-rank, rank], axis=1) if rank.ndim == 1 else rank
    known = list(model.classes_)
    areas = [average_precision_score(y == c, rank[:, known.index(c)])
             if c in known and not (y == c).all() else 0.0 for c in present]
    return f1, float(np.mean(areas))


def text_scores(text, y, text_valid):
    """Class scores of a linear model of the text: out of fold in training, all of it beyond."""
    linear = LogisticRegression(C=4, class_weight="balanced", max_iter=2000)
    folds = StratifiedKFold(min(5, np.unique(y, return_counts=True)[1].min()), shuffle=True, random_state=42)
    inside = cross_val_predict(linear, text, y, cv=folds, method="predict_proba")
    return inside, linear.fit(text, y).predict_proba(text_valid)


def compare(name, run):
    x, x_valid = (sp.load_npz(f"{run}/features/{split}.npz").tocsr() for split in ("train", "validation"))
    y, y_valid = (np.array([row["verdict"] for row in table(f"{run}/features/rows_{split}.csv")])
                  for split in ("train", "validation"))
    x, y, x_valid, y_valid = x[y != ""], y[y != ""], x_valid[y_valid != ""], y_valid[y_valid != ""]
    is_text = np.array([row["group"] == "text" for row in table(f"{run}/features/columns.csv")])
    classes = sorted(set(y))
    counts = lambda y: ", ".join(f"{c} {(y == c).sum()}" for c in classes)
    print(f"{name}: training rows {counts(y)}; validation rows {counts(y_valid)}")
    line = lambda family, tried, f1, area: print(f"  {family:<46} {tried:<22} {f1:9.4f} {area:9.4f}")
    print(f"  {'family':<46} {'best of':<22} {'macro F1':>9} {'PR-AUC':>9}")
    best = max(table(f"{run}/train/grid.csv"), key=lambda row: float(row["macro_f1"] or 0))
    tried = len(table(f"{run}/train/grid.csv"))
    line("logistic regression (clawsig)", f"{tried} values of C", float(best["macro_f1"]), float(best["macro_pr_auc"]))
    text, text_valid = x[:, is_text], x_valid[:, is_text]
    grids = [
        ("complement naive Bayes, text", "3 values of alpha", text, text_valid,
         [ComplementNB(alpha=a) for a in (0.1, 0.5, 1.0)]),
        ("linear SVM", "4 values of C", x, x_valid,
         [LinearSVC(C=c, class_weight="balanced", max_iter=20000) for c in (0.06, 0.25, 1, 4)]),
    ]
    if len(classes) > 1:
        inside, beyond = text_scores(text, y, text_valid)
        rest, rest_valid = x[:, ~is_text].toarray(), x_valid[:, ~is_text].toarray()
        trees = [HistGradientBoostingClassifier(learning_rate=r, max_iter=200, class_weight="balanced",
                                                random_state=42) for r in (0.05, 0.1)]
        grids.append(("boosted trees, signals and a linear text score", "2 learning rates",
                      np.hstack([rest, inside]), np.hstack([rest_valid, beyond]), trees))
    for family, what, own, own_valid, models in grids:
        found = [scores(model.fit(own, y), own_valid, y_valid, classes) for model in models]
        line(family, what, *max(found))


print(f"scikit-learn {sklearn.__version__}")
for argument in sys.argv[1:]:
    compare(*argument.rsplit("=", 1))
