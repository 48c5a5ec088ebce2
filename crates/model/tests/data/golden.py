"""Prints golden.json: metrics and optima of scikit-learn 1.9.1 (numpy 1.26.4), all from seeds.

python golden.py > golden.json

Metrics: sklearn.metrics on twelve sets of synthetic predictions, among them ties, constant scores,
an absent class, one class only and a class of two rows; ECE from calibration_curve and the bins' rows,
recall at a rate from roc_curve. Calibrations, fitted and applied on the same rows: IsotonicRegression, and
Platt's curve as an unpenalised LogisticRegression(solver="newton-cholesky") on the log-odds, with each row
twice under the weights of his targets; both normalised. Optima: LogisticRegression(solver="lbfgs",
tol=1e-10, max_iter=100000) and, for L1, solver="saga"; objective = sum of weighted losses +
(1 - l1_ratio) |w|^2 / (2C) + l1_ratio |w|_1 / C.
"""

import json
import warnings

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")


def defined(value):
    return None if value is None or not np.isfinite(value) else float(value)


def ece(hit, p):
    observed, mean = calibration_curve(hit, p, n_bins=10)
    rows = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p), minlength=10)
    return float((abs(observed - mean) * rows[rows > 0]).sum() / len(p))


def recall_at(own, p, rate):
    fpr, tpr, _ = m.roc_curve(own, p, drop_intermediate=False)
    return float(tpr[fpr <= rate].max())


def calibrated(truth, p, curve):
    k = p.shape[1]
    if any(not 0 < (truth == c).sum() < len(truth) for c in range(k)):
        return None
    after = np.stack([curve(p[:, c], (truth == c).astype(int)) for c in range(k)], axis=1)
    sums = after.sum(axis=1, keepdims=True)
    return np.where(sums > 0, after / np.where(sums > 0, sums, 1), p).tolist()


def isotonic(p, own):
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, own).predict(p)


def platt(p, own):
    p = np.clip(p, 1e-12, 1 - 1e-12)
    f = np.log(p / (1 - p))[:, None]
    target = np.where(own == 1, (own.sum() + 1) / (own.sum() + 2), 1 / ((1 - own).sum() + 2))
    fit = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(
        np.vstack([f, f]), np.repeat([1, 0], len(p)), np.concatenate([target, 1 - target]))
    return fit.predict_proba(f)[:, 1]


def metric_case(name, k, truth, p):
    predicted = p.argmax(axis=1)
    labels = list(range(k))
    both = sorted(set(truth) | set(predicted))
    case = {"name": name, "k": k, "truth": truth.tolist(), "p": p.tolist()}
    case["accuracy"] = defined(m.accuracy_score(truth, predicted))
    case["balanced_accuracy"] = defined(m.balanced_accuracy_score(truth, predicted))
    case["kappa"] = defined(m.cohen_kappa_score(truth, predicted)) if len(both) > 1 else None
    one = len(set(truth)) < 2 or len(set(predicted)) < 2
    case["mcc"] = None if one else defined(m.matthews_corrcoef(truth, predicted))
    case["log_loss"] = defined(m.log_loss(truth, p, labels=labels))
    case["brier"] = defined(((p - np.eye(k)[truth]) ** 2).sum(axis=1).mean())
    per = m.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=np.nan)
    case["precision"] = [defined(v) for v in per[0]]
    case["recall"] = [defined(v) for v in per[1]]
    case["f1"] = [defined(v) for v in per[2]]
    present = sorted(set(truth))
    for average in ("macro", "weighted"):
        means = m.precision_recall_fscore_support(
            truth, predicted, labels=present, average=average, zero_division=np.nan)
        never = any(c not in predicted for c in present)
        case[average] = {"precision": None if never else defined(means[0]),
                         "recall": defined(means[1]), "f1": defined(means[2])}
    case["ece"] = ece((truth == predicted).astype(int), p.max(axis=1))
    case["class_ece"] = [ece((truth == c).astype(int), p[:, c]) for c in labels]
    case["isotonic"] = calibrated(truth, p, isotonic)
    case["platt"] = calibrated(truth, p, platt)
    rates = {"recall_at_fpr_0_1": 0.001, "recall_at_fpr_0_5": 0.005,
             "recall_at_fpr_1": 0.01, "recall_at_fpr_5": 0.05}
    for name in rates:
        case[name] = []
    case["roc_auc"], case["pr_auc"] = [], []
    for c in labels:
        own = (truth == c).astype(int)
        two = 0 < own.sum() < len(own)
        for name, rate in rates.items():
            case[name].append(recall_at(own, p[:, c], rate) if two else None)
        case["roc_auc"].append(defined(m.roc_auc_score(own, p[:, c])) if two else None)
        case["pr_auc"].append(defined(m.average_precision_score(own, p[:, c])) if own.sum() else None)
    return case


def cases():
    out = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        k = 2 if seed % 3 == 0 else 3
        n = 60 + 7 * seed
        shares = [0.6, 0.4] if k == 2 else [0.6, 0.35, 0.05]
        truth = rng.choice(k, n, p=shares)
        p = rng.dirichlet(np.ones(k), n)
        p = 0.6 * p + 0.4 * np.eye(k)[np.where(rng.random(n) < 0.7, truth, rng.integers(0, k, n))]
        name = "plain"
        if seed in (1, 2, 3):
            name, p = "ties", np.round(p * 4) + 1
        elif seed in (4, 6):
            name, p = "constant", np.tile(np.arange(k, 0, -1.0), (n, 1))
        elif seed == 5:
            name, truth = "absent class", np.minimum(truth, 1)
        elif seed == 7:
            name, truth = "one class", np.zeros(n, dtype=int)
        elif seed == 8:
            name, truth = "two rows", np.where(np.arange(n) < 2, 2, np.minimum(truth, 1))
        elif seed == 9:
            name, p = "certain", np.eye(k)[p.argmax(axis=1)]
        p = p / p.sum(axis=1, keepdims=True)
        out.append(metric_case(f"{seed}: {name}", k, truth, p))
    return out


def optima():
    out = []
    for seed, (k, c, balanced, l1) in enumerate([
            (2, 1.0, False, 0.0), (2, 4.0, True, 0.0), (3, 1.0, False, 0.0), (3, 4.0, True, 0.0),
            (4, 0.1, True, 0.0), (6, 2.0, False, 0.0), (2, 1.0, False, 1.0), (3, 2.0, True, 0.5)]):
        rng = np.random.default_rng(100 + seed)
        n, cols = 150, 20
        x = np.round(rng.normal(size=(n, cols)) * (rng.random((n, cols)) < 0.3), 3)
        score = x @ rng.normal(size=(cols, k)) + rng.gumbel(size=(n, k)) + np.linspace(1.5, 0, k)
        y = score.argmax(axis=1)
        y[:k] = np.arange(k)
        weight = (n / (k * np.bincount(y)))[y] if balanced else np.ones(n)
        best = None
        for state in range(8 if l1 else 1):  # SAGA ends elsewhere from run to run: the lowest counts
            model = LogisticRegression(
                C=c, class_weight="balanced" if balanced else None, tol=1e-10, max_iter=100000,
                l1_ratio=l1, solver="saga" if l1 else "lbfgs", random_state=state).fit(x, y)
            z = x @ model.coef_.T + model.intercept_
            if k == 2:
                z = np.hstack([np.zeros_like(z), z])
            top = z.max(axis=1)
            loss = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[np.arange(n), y]
            w = model.coef_
            found = (weight * loss).sum() + ((1 - l1) * (w**2).sum() / 2 + l1 * abs(w).sum()) / c
            if best is None or found < best[0]:
                best = (found, model)
        objective, model = best
        out.append({"k": k, "c": c, "balanced": balanced, "l1_ratio": l1, "objective": objective,
                    "x": x.tolist(), "y": y.tolist(), "predicted": model.predict(x).tolist()})
    return out


print(json.dumps({"metrics": cases(), "optima": optima()}))
