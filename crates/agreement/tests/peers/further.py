"""Golden numbers of the further statistics: weights of irrCAC, alpha's metrics of krippendorff, tests
of statsmodels and SciPy, intraclass correlations of pingouin. Usage: python further.py > further.json"""

import json
import warnings
from importlib.metadata import version

import krippendorff
import numpy as np
import pandas as pd
import pingouin
from irrCAC.raw import CAC as RawCAC
from irrCAC.table import CAC as TableCAC
from scipy.stats import friedmanchisquare
from statsmodels.stats.contingency_tables import SquareTable, cochrans_q
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20261126)
out = {"versions": {n: version(n) for n in
                    ["irrCAC", "krippendorff", "statsmodels", "scipy", "pingouin", "numpy"]}}

# Weighted coefficients of tables: CAC(table, weights=...).cohen() and the like.
tables = []
for q in (3, 4, 5):
    t = rng.integers(1, 30, (q, q)) + np.diag(rng.integers(10, 60, q))
    frame = pd.DataFrame(t)
    entry = {"counts": t.tolist()}
    for scheme in ("radical", "ratio", "circular", "bipolar"):
        cac = TableCAC(frame, weights=scheme, digits=12)
        for key, method in (("cohen", cac.cohen), ("gwet", cac.gwet), ("bp", cac.bp)):
            est = method()["est"]
            entry[f"{key}_{scheme}"] = [float(est["coefficient_value"]), float(est["se"])]
    square = SquareTable(t, shift_zeros=False)
    s = square.symmetry()
    b = square.homogeneity("bhapkar")
    entry["bowker"] = [float(s.statistic), float(s.pvalue), int(s.df)]
    entry["bhapkar"] = [float(b.statistic), float(b.pvalue), int(b.df)]
    k = cohens_kappa(t)
    entry["kappa_null"] = [float(k.std_kappa0), float(k.pvalue_two_sided)]
    k = cohens_kappa(t, weights=np.arange(q), wt="linear")
    entry["kappa_null_linear"] = [float(k.std_kappa0), float(k.pvalue_two_sided)]
    tables.append(entry)
out["tables"] = tables

# Ratings with gaps: alpha by krippendorff.alpha(data, level_of_measurement=...), the custom metric by
# a function; Fleiss' kappa of one category by statsmodels on the counts of that category and the rest.
sets = []
for raters, q, n in ((3, 4, 30), (5, 5, 25)):
    truth = rng.integers(0, q, n)
    rows = np.where(rng.random((n, raters)) < 0.7, truth[:, None], rng.integers(0, q, (n, raters)))
    gaps = rng.random((n, raters)) < 0.2
    gaps[:, :2] = False
    data = np.where(gaps, np.nan, rows + 1.0)
    entry = {"categories": q, "rows": [[None if np.isnan(x) else int(x) - 1 for x in r] for r in data]}
    for level in ("nominal", "ordinal", "interval", "ratio"):
        entry[level] = float(krippendorff.alpha(data.T, level_of_measurement=level,
                                                value_domain=list(range(1, q + 1))))
    def circular(v1, v2, i1, i2, n_v, dtype=np.float64, q=q):
        return np.sin(np.pi * (v1 - v2) / q) ** 2
    def root(v1, v2, i1, i2, n_v, dtype=np.float64):
        return np.sqrt(np.abs(v1 - v2)).astype(dtype)
    entry["circular"] = float(krippendorff.alpha(data.T, level_of_measurement=circular,
                                                 value_domain=list(range(1, q + 1))))
    entry["root"] = float(krippendorff.alpha(data.T, level_of_measurement=root,
                                             value_domain=list(range(1, q + 1))))
    cac = RawCAC(pd.DataFrame(data), weights="radical", categories=list(range(1, q + 1)), digits=12)
    for key, method in (("fleiss", cac.fleiss), ("gwet", cac.gwet), ("conger", cac.conger)):
        est = method()["est"]
        entry[f"{key}_radical"] = [float(est["coefficient_value"]), float(est["se"])]
    counts = np.array([[(r == c).sum() for c in range(q)] for r in rows])
    entry["counts"] = counts.tolist()
    entry["fleiss_counts"] = float(fleiss_kappa(counts))
    entry["fleiss_category"] = [float(fleiss_kappa(np.c_[counts[:, c], raters - counts[:, c]]))
                                for c in range(q)]
    binary = (rows == 0).astype(int)
    entry["binary"] = (1 - binary).tolist()
    c = cochrans_q(binary)
    entry["cochran"] = [float(c.statistic), float(c.pvalue), int(c.df)]
    scores = rows + rng.normal(0, 0.5, rows.shape).round(1)
    entry["scores"] = scores.tolist()
    f = friedmanchisquare(*scores)
    entry["kendall"] = [float(f.statistic / (raters * (n - 1))), float(f.pvalue)]
    long = pd.DataFrame(scores).stack().reset_index()
    long.columns = ["subject", "rater", "score"]
    icc = pingouin.intraclass_corr(long, "subject", "rater", "score").round(12)
    pingouin.options["round"] = None
    column = [c for c in icc.columns if c.startswith("CI95")][0]
    entry["icc"] = [[float(r["ICC"]), float(r["F"]), float(r["pval"]), float(r[column][0]), float(r[column][1])]
                    for _, r in icc.iterrows()]
    sets.append(entry)
out["sets"] = sets
print(json.dumps(out))
