"""Prints the numbers that tests/golden.rs compares with, as JSON.

Run with scikit-learn 1.9.1, statsmodels 0.15.0, krippendorff 0.9.0, irrCAC 0.4.4, scipy 1.12.0:
    python golden.py > ../data/golden.json
Calls: sklearn.metrics.cohen_kappa_score(labels=..., replace_undefined_by=nan), its mean over pairs
on jointly rated rows for Light's kappa, sklearn.metrics.matthews_corrcoef / jaccard_score /
f1_score on the table's labels; statsmodels.stats.inter_rater.cohens_kappa(table).std_kappa, fleiss_kappa;
statsmodels.stats.contingency_tables.mcnemar / SquareTable.homogeneity / Table2x2;
statsmodels' cohens_kappa(table, weights=1 - own) for an own matrix;
irrCAC.table.CAC(table, weights, digits=14) (standard errors: Gwet's, multinomial, divided by n);
irrCAC.raw.CAC(ratings, weights, categories, digits=14) (Gwet's linearised, divided by n(n-1));
krippendorff.alpha(value_counts=...). A value that is missing or not finite is null.
"""

import json
import math
import sys
import warnings
from importlib.metadata import version
from itertools import combinations

import krippendorff
import numpy as np
import pandas as pd
from irrCAC.raw import CAC as RawCAC
from irrCAC.table import CAC as TableCAC
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score, matthews_corrcoef
from statsmodels.stats.contingency_tables import SquareTable, Table2x2, mcnemar
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

warnings.filterwarnings("ignore")

TABLES = {
    "survey_3x3": [[13, 0, 0], [0, 20, 7], [0, 4, 56]],
    "survey_paradox": [[130, 56], [9, 5]],
    "balanced": [[40, 9], [6, 45]],
    "rare_positive": [[3, 12], [7, 978]],
    "large": [[1860, 5312], [2411, 57870]],
    "perfect": [[10, 0], [0, 20]],
    "reversed": [[0, 15], [25, 0]],
    "constant_first": [[12, 8], [0, 0]],
    "constant_second": [[0, 5], [0, 35]],
    "zero_cell": [[20, 0], [5, 30]],
    "one_both": [[1, 0], [0, 99]],
    "independent": [[20, 30], [40, 60]],
    "three_unused": [[10, 2, 0], [3, 15, 0], [0, 0, 0]],
    "three_sparse": [[8, 1, 0], [0, 0, 3], [2, 0, 40]],
    "four": [[40, 5, 3, 1], [6, 30, 8, 2], [2, 9, 25, 7], [0, 3, 6, 20]],
    "five": [[9, 1, 0, 0, 2], [2, 12, 3, 0, 0], [0, 4, 8, 5, 1], [0, 1, 2, 14, 3], [1, 0, 0, 2, 11]],
    "off_diagonal": [[0, 4, 9], [7, 0, 3], [2, 8, 0]],
    "tiny": [[1, 1], [1, 1]],
    "both_constant": [[17, 0], [0, 0]],
    "constant_opposed": [[0, 17], [0, 0]],
    "three_constant_first": [[0, 0, 0], [5, 7, 3], [0, 0, 0]],
    "three_constant_second": [[4, 0, 0], [9, 0, 0], [2, 0, 0]],
    "three_constant_both": [[0, 0, 0], [0, 21, 0], [0, 0, 0]],
    "four_zero_cells": [[30, 0, 2, 0], [0, 25, 0, 1], [4, 0, 18, 0], [0, 3, 0, 9]],
    "study_size": [[465, 6987], [12013, 47988]],
    "study_size_three": [[29250, 9871, 57], [7764, 17853, 214], [31, 2254, 159]],
}
RNG = np.random.RandomState(20260821)
# No scheme of Gwet's: symmetric, 1 on the diagonal, of no simple order.
OWN = {
    q: np.array([[1.0 if i == j else (7 * (i + j) + 3 * i * j) % 10 / 10 for j in range(q)]
                 for i in range(q)])
    for q in range(2, 6)
}
for index in range(6):
    q = 2 + index % 3
    TABLES[f"random_{q}_{index}"] = RNG.randint(0, 40, size=(q, q)).tolist()

nan = math.nan
RATINGS = {
    "four_raters_gaps": (5, [
        [1, 1, nan, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4],
        [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [nan, 5, 5, 5], [nan, nan, 1, 1], [nan, nan, 3, nan],
    ]),
    "three_binary": (2, [[1, 1, 1]] * 9 + [[1, 1, 2]] * 4 + [[2, 1, 2]] * 3 + [[2, 2, 2]] * 20),
    "two_raters": (3, [[1, 1]] * 8 + [[1, 2]] * 3 + [[2, 2]] * 12 + [[3, 2]] * 4 + [[3, 3]] * 9 + [[2, 1]]),
    "one_constant": (2, [[1, 1, 1]] * 5 + [[1, 1, 2]] * 6 + [[1, 2, 2]] * 7),
    "all_constant": (3, [[2, 2, 2]] * 9),
    "one_category_gaps": (2, [[1, 1, nan]] * 5 + [[nan, 1, 1]] * 4),
    "every_rater_constant": (3, [[1, 2, 3]] * 8),
    "unused_category": (4, [[1, 1, 2]] * 5 + [[2, 2, 2]] * 6 + [[4, 4, 2]] * 3 + [[1, 4, 1]] * 2),
}
for index in range(6):
    q, raters, rows = 2 + index % 3, 3 + index % 4, 15 + 10 * index
    truth = RNG.randint(1, q + 1, size=(rows, 1))
    noise = RNG.randint(1, q + 1, size=(rows, raters))
    data = np.where(RNG.rand(rows, raters) < 0.65, truth, noise).astype(float)
    data[RNG.rand(rows, raters) < 0.15] = nan
    RATINGS[f"random_{q}_{index}"] = (q, data.tolist())


def number(call):
    try:
        value = float(call())
    except Exception:
        return None
    return value if math.isfinite(value) else None


def pair(call):
    """Value, standard error and p-value of an irrCAC result."""
    try:
        est = call()["est"]
        out = [float(est["coefficient_value"]), float(est["se"])]
    except Exception:
        return None
    return out if all(map(math.isfinite, out)) else None


def table_numbers(rows):
    table = np.array(rows)
    q = len(rows)
    a = np.repeat(np.arange(q), table.sum(axis=1))
    b = np.concatenate([np.repeat(np.arange(q), row) for row in rows])
    out = {"counts": rows}
    labels = list(range(q))
    kappa = lambda **more: cohen_kappa_score(a, b, labels=labels, replace_undefined_by=math.nan, **more)
    out["sklearn_kappa"] = number(kappa)
    for weights in ("linear", "quadratic"):
        out[f"sklearn_kappa_{weights}"] = number(lambda: kappa(weights=weights))
    out["sklearn_mcc"] = number(lambda: matthews_corrcoef(a, b))
    out["sklearn_jaccard"] = number(
        lambda: jaccard_score(a, b, labels=[0], average="macro", zero_division=0))
    out["sklearn_f1"] = number(
        lambda: f1_score(a, b, labels=[0], average="macro", zero_division=np.nan))
    out["statsmodels_kappa"] = number(lambda: cohens_kappa(table).kappa)
    out["statsmodels_kappa_se"] = number(lambda: cohens_kappa(table).std_kappa)
    out["statsmodels_kappa_max"] = number(lambda: cohens_kappa(table).kappa_max)
    out["statsmodels_stuart_maxwell"] = [
        number(lambda: SquareTable(table, shift_zeros=False).homogeneity().statistic),
        number(lambda: SquareTable(table, shift_zeros=False).homogeneity().pvalue),
    ]
    if q == 2:
        out["statsmodels_mcnemar_exact"] = number(lambda: mcnemar(table, exact=True).pvalue)
        out["statsmodels_mcnemar_corrected"] = [
            number(lambda: mcnemar(table, exact=False, correction=True).statistic),
            number(lambda: mcnemar(table, exact=False, correction=True).pvalue),
        ]
        out["statsmodels_odds_ratio"] = number(lambda: Table2x2(table, shift_zeros=False).oddsratio)
        out["statsmodels_log_odds_se"] = number(lambda: Table2x2(table, shift_zeros=False).log_oddsratio_se)
    frame = pd.DataFrame(rows)
    for weights in ("identity", "linear", "quadratic", "ordinal"):
        for name, method in [("cohen", "cohen"), ("scott", "scott"), ("bp", "bp"), ("gwet", "gwet"),
                             ("krippendorff", "krippendorff"), ("pa", "pa2")]:
            out[f"irrcac_{name}_{weights}"] = pair(
                lambda: getattr(TableCAC(frame, weights=weights, digits=14), method)())
    out["own_weights"] = OWN[q].tolist()
    for name in ("cohen", "scott", "bp", "gwet", "krippendorff"):
        out[f"irrcac_{name}_own"] = pair(
            lambda: getattr(TableCAC(frame, weights=OWN[q], digits=14), name)())
    own = lambda: cohens_kappa(table, weights=1 - OWN[q])
    out["statsmodels_kappa_own"] = [number(lambda: own().kappa), number(lambda: own().std_kappa)]
    return out


def rating_numbers(q, rows):
    frame = pd.DataFrame(rows)
    categories = [float(c) for c in range(1, q + 1)]
    out = {"categories": q, "rows": [[None if math.isnan(x) else int(x) for x in r] for r in rows]}
    for weights in ("identity", "linear", "quadratic"):
        for method in ("fleiss", "conger", "gwet", "bp", "krippendorff"):
            out[f"irrcac_{method}_{weights}"] = pair(
                lambda: getattr(RawCAC(frame, weights=weights, categories=categories, digits=14), method)())
    answers = np.array(rows)
    labels = list(range(1, q + 1))
    kappas = []
    for a, b in combinations(range(answers.shape[1]), 2):
        both = ~np.isnan(answers[:, a]) & ~np.isnan(answers[:, b])
        kappas.append(number(lambda: cohen_kappa_score(
            answers[both, a].astype(int), answers[both, b].astype(int), labels=labels,
            replace_undefined_by=math.nan)))
    out["sklearn_light"] = None if None in kappas else float(np.mean(kappas))
    counts = np.array([[sum(x == c for x in r) for c in categories] for r in rows])
    for level in ("nominal", "ordinal", "interval"):
        out[f"krippendorff_{level}"] = number(lambda: krippendorff.alpha(
            value_counts=counts, value_domain=categories, level_of_measurement=level))
    if not any(math.isnan(x) for r in rows for x in r):
        out["statsmodels_fleiss"] = number(lambda: fleiss_kappa(counts, method="fleiss"))
        out["statsmodels_randolph"] = number(lambda: fleiss_kappa(counts, method="randolph"))
    return out


packages = ["scikit-learn", "statsmodels", "krippendorff", "irrCAC", "scipy", "numpy"]
json.dump({
    "versions": {name: version(name) for name in packages},
    "tables": {name: table_numbers(rows) for name, rows in TABLES.items()},
    "ratings": {name: rating_numbers(q, rows) for name, (q, rows) in RATINGS.items()},
}, sys.stdout, separators=(",", ":"))
