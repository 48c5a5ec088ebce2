"""Times scikit-learn on what `cargo bench -p clawsig-agreement` times: the two-rater statistics of
three raters on 67,453 synthetic rows, with bootstrap replicates that resample rows.

scikit-learn resamples rows, because its functions take labels. It has fewer statistics (Cohen's
kappa, the Matthews coefficient, Jaccard, F1 and accuracy against 17), so the ratio flatters it.
Replicates default to 20 and are scaled to 2,000, which the output says. Prints JSON.

    python agreement.py [replicates]
"""

import json
import sys
import time
from importlib.metadata import version
from itertools import combinations

import numpy as np
from sklearn.metrics import (accuracy_score, cohen_kappa_score, f1_score, jaccard_score,
                             matthews_corrcoef)

# The counts of crates/agreement/benches/two_raters.rs.
PATTERNS = [35104, 2603, 4377, 372, 22018, 1710, 804, 465]
METRICS = [cohen_kappa_score, matthews_corrcoef, jaccard_score, f1_score, accuracy_score]


def statistics(raters):
    return [metric(raters[a], raters[b]) for a, b in combinations(range(3), 2) for metric in METRICS]


def main():
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    bits = np.repeat(np.arange(8), PATTERNS)
    raters = np.array([bits >> rater & 1 for rater in range(3)])
    start = time.perf_counter()
    values = statistics(raters)
    once = time.perf_counter() - start
    generator = np.random.default_rng(42)
    start = time.perf_counter()
    drawn = []
    for _ in range(replicates):
        rows = generator.integers(0, bits.size, bits.size)
        drawn.append(statistics(raters[:, rows]))
    spent = time.perf_counter() - start
    json.dump({
        "scikit-learn": version("scikit-learn"),
        "rows": int(bits.size),
        "statistics": len(values),
        "seconds_once": once,
        "replicates_run": replicates,
        "seconds_2000_replicates_scaled": spent / replicates * 2000,
        "kappa": values[:: len(METRICS)],
        "kappa_standard_error": np.std(drawn, axis=0, ddof=1)[:: len(METRICS)].tolist(),
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
