"""Ratings of any raters: clawsig's coefficients against irrCAC's and krippendorff's.

    ratings.py CLAWSIG FOLDER [FILE...]

Compares on sets made here (two to six raters, two to five labels, gaps), and on FILEs with the columns item, rater,
rating. Every coefficient has to be equal to 1e-9, and the analytic standard errors to 1e-6 where every rated item has
two ratings: irrCAC counts items with one rating as evidence, clawsig does not.
"""
import csv
import json
import math
import os
import random
import subprocess
import sys
import warnings

import krippendorff
import numpy as np
import pandas as pd
from irrCAC.raw import CAC

warnings.simplefilter("ignore")
clawsig, folder, *files = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
METHODS = {"fleiss_kappa": "fleiss", "conger_kappa": "conger", "brennan_prediger": "bp", "gwet_ac1": "gwet",
           "gwet_ac2": "gwet", "krippendorff_alpha": "krippendorff"}


def made(seed):
    """One set of ratings: raters who follow a hidden label, and gaps."""
    draw = random.Random(seed)
    raters, labels = draw.randint(2, 6), draw.randint(2, 5)
    gaps = draw.choice([0.0, 0.0, 0.1, 0.3])
    rows = []
    for item in range(draw.choice([12, 60, 200])):
        truth = draw.randrange(labels)
        for rater in range(raters):
            if draw.random() >= gaps:
                label = truth if draw.random() < 0.7 else draw.randrange(labels)
                rows.append((f"i{item}", f"r{rater}", str(label)))
    path = os.path.join(folder, f"set-{seed}.csv")
    with open(path, "w", newline="") as out:
        csv.writer(out).writerows([("item", "rater", "rating"), *rows])
    return path


def table(path):
    """Items by raters, as numbers in the order of the labels."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = frame[frame.rating != ""]
    wide = frame.pivot(index="item", columns="rater", values="rating")
    labels = sorted(frame.rating.unique())
    return wide.apply(lambda column: column.map({label: at for at, label in enumerate(labels)})).astype(float), labels


def ours(path, scale):
    words = [clawsig, "agreement", "--ratings", path, "--format", "json", "--quiet", "--scale", scale,
             "--set", "agreement.replicates=100"]
    found = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return {one["statistic"]: one for one in found["coefficients"]}


worst, compared, errors, worst_error, failed = 0.0, 0, 0, 0.0, []
paths = [made(seed) for seed in range(40)] + files
for path in paths:
    wide, labels = table(path)
    numeric = all(label.lstrip("-").replace(".", "", 1).isdigit() for label in labels)
    # irrCAC's interval weights are quadratic in the labels; clawsig's are in their numbers.
    scales = [("nominal", "identity", "nominal")]
    if numeric and len(labels) > 2:
        scales += [("ordinal", "ordinal", "ordinal"), ("interval", "quadratic", "interval")]
    complete = bool((wide.notna().sum(axis=1) > 1).all())
    for scale, weights, level in scales:
        found = ours(path, scale)
        peer = CAC(wide, weights=weights, categories=list(range(len(labels))), digits=15)
        for name, method in METHODS.items():
            if name not in found or (name == "krippendorff_alpha" and scale == "ordinal"):
                continue
            theirs = getattr(peer, method)()["est"]
            value, expected = found[name].get("value"), theirs["coefficient_value"]
            if value is None or not math.isfinite(expected):
                failed += [] if value is None and not math.isfinite(expected) else [(path, scale, name, value, expected)]
                continue
            apart = abs(value - expected)
            worst, compared = max(worst, apart), compared + 1
            if apart > 1e-9:
                failed.append((path, scale, name, value, expected))
            error = found[name].get("standard_error")
            if complete and error is not None and found[name].get("method") == "analytic":
                gap = abs(error - theirs["se"]) if "se" in theirs else 0.0
                worst_error, errors = max(worst_error, gap), errors + 1
                if gap > 1e-6:
                    failed.append((path, scale, name + " standard error", error, theirs["se"]))
        alpha = krippendorff.alpha(reliability_data=wide.to_numpy().T, level_of_measurement=level,
                                   value_domain=list(range(len(labels))))
        apart = abs(found["krippendorff_alpha"]["value"] - alpha)
        worst, compared = max(worst, apart), compared + 1
        if apart > 1e-9:
            failed.append((path, scale, "krippendorff", found["krippendorff_alpha"]["value"], alpha))
for path, scale, name, value, expected in failed:
    print(f"DIFFERS {os.path.basename(path)} {scale} {name}: {value} for {expected}")
print(f"{len(paths)} files, {compared} coefficients, largest difference {worst:.2e}; {errors} standard errors, "
      f"largest difference {worst_error:.2e}; {len(failed)} differ")
sys.exit(1 if failed else 0)
