"""The peer's side of the model benchmark: scikit-learn's LogisticRegression.

model.py generate DIR ROWS COLS ENTRIES   writes a synthetic problem (seeded)
model.py convert RUN DIR                  writes the training problem of a run's features
model.py solve DIR C balanced|none TOL MAX_ITER [SOLVER [L1_RATIO]]

DIR holds indptr.npy (int64), indices.npy (int32), data.npy (float64), labels.npy (int32) and
cols.npy; the Rust side, `cargo run --release -p clawsig-model --example bench_model`, reads the
same. The objective printed is the sum of weighted losses plus |w|^2 / (2C) (and its L1 kin).
"""

import csv
import json
import os
import resource
import sys
import time

import numpy as np
import scipy.sparse as sp


def generate(folder, rows, cols, entries):
    """Zipf-distributed terms with L2-normalised rows and four dense signals; three classes, the
    rarest with 0.34 % of the rows, as in the published training split."""
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(42)
    terms = cols - 4
    weight = 1.0 / (np.arange(terms) + 2.7) ** 0.75
    weight = weight[rng.permutation(terms)]
    cdf = np.cumsum(weight / weight.sum())
    length = rng.lognormal(0.0, 0.6, rows)
    length = np.maximum(8, length * (entries / rows - 4) * 1.13 / length.mean()).astype(int)
    labels = rng.choice(3, rows, p=[0.6189, 0.3777, 0.0034]).astype(np.int32)
    topic = rng.normal(0, 1, (3, terms))
    indptr, indices, data = [0], [], []
    shifted = [np.cumsum(w / w.sum()) for w in (weight * np.exp(0.35 * t) for t in topic)]
    for row in range(rows):
        source = labels[row] if rng.random() < 0.8 else rng.integers(3)
        drawn = np.searchsorted(shifted[source], rng.random(length[row]))
        column, count = np.unique(np.minimum(drawn, terms - 1), return_counts=True)
        value = (1 + np.log(count)) * (1 + np.log(1.0 / (cdf[column] - np.where(column > 0, cdf[column - 1], 0) + 1e-9)) / 4)
        value /= np.sqrt((value**2).sum())
        signals = rng.normal(0.4 * labels[row] - 0.2, 1.0, 4)
        indices.append(np.concatenate([column, np.arange(terms, cols)]).astype(np.int32))
        data.append(np.concatenate([value, signals]))
        indptr.append(indptr[-1] + len(data[-1]))
    save(folder, np.array(indptr), np.concatenate(indices), np.concatenate(data), labels, cols)


def convert(run, folder):
    x = sp.load_npz(f"{run}/features/train.npz")
    with open(f"{run}/features/rows_train.csv", newline="") as file:
        verdicts = [row["verdict"] for row in csv.DictReader(file)]
    classes = {"clean": 0, "suspicious": 1, "malicious": 2}
    os.makedirs(folder, exist_ok=True)
    save(folder, x.indptr, x.indices, x.data, [classes[v] for v in verdicts], x.shape[1])


def save(folder, indptr, indices, data, labels, cols):
    labels = np.array(labels, dtype=np.int32)
    np.save(f"{folder}/indptr.npy", np.asarray(indptr, dtype=np.int64))
    np.save(f"{folder}/indices.npy", np.asarray(indices, dtype=np.int32))
    np.save(f"{folder}/data.npy", np.asarray(data, dtype=np.float64))
    np.save(f"{folder}/labels.npy", labels)
    np.save(f"{folder}/cols.npy", np.array([cols], dtype=np.int64))
    print(f"{len(labels)} rows, {cols} columns, {indptr[-1]} entries, classes {np.bincount(labels)}")


def solve(folder, c, balanced, tol, max_iter, solver="lbfgs", l1_ratio="0"):
    import sklearn
    from sklearn.linear_model import LogisticRegression

    load = lambda name: np.load(f"{folder}/{name}.npy")
    indptr, indices, data, y, cols = map(load, ["indptr", "indices", "data", "labels", "cols"])
    x = sp.csr_matrix((data, indices, indptr.astype(np.int32)), shape=(len(y), int(cols[0])))
    c, l1_ratio = float(c), float(l1_ratio)
    model = LogisticRegression(
        C=c, class_weight=None if balanced == "none" else balanced, tol=float(tol),
        max_iter=int(max_iter), solver=solver, l1_ratio=l1_ratio)
    begin = time.perf_counter()
    model.fit(x, y)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    z = x @ model.coef_.T + model.intercept_
    if len(model.classes_) == 2:
        z = np.hstack([np.zeros_like(z), z])
    top = z.max(axis=1, keepdims=True)
    loss = np.log(np.exp(z - top).sum(axis=1)) + top[:, 0] - z[np.arange(len(y)), y]
    weight = np.ones(len(y))
    if balanced == "balanced":
        weight = (len(y) / (len(model.classes_) * np.bincount(y)))[y]
    w = model.coef_
    objective = (weight * loss).sum() + ((1 - l1_ratio) * 0.5 * (w**2).sum() + l1_ratio * abs(w).sum()) / c
    p = np.exp(z - top)
    p /= p.sum(axis=1, keepdims=True)
    residual = weight[:, None] * (p - np.eye(p.shape[1])[y])
    if len(w) == 1:
        residual = residual[:, 1:]
    gradient = np.abs(x.T @ residual + w.T / c).max()
    gradient = max(gradient, np.abs(residual.sum(axis=0)).max())
    print(json.dumps({
        "method": f"scikit-learn {sklearn.__version__} {solver} tol {tol}", "rows": len(y),
        "columns": int(cols[0]), "entries": int(indptr[-1]), "seconds": round(seconds, 2),
        "iterations": int(np.max(model.n_iter_)), "objective": round(float(objective), 8),
        "gradient_norm": float(f"{gradient:.2e}"), "peak_megabytes": round(peak / 1024, 1)}))


if __name__ == "__main__":
    if sys.argv[1] == "generate":
        generate(sys.argv[2], *map(int, sys.argv[3:6]))
    elif sys.argv[1] == "convert":
        convert(*sys.argv[2:])
    else:
        solve(*sys.argv[2:])
