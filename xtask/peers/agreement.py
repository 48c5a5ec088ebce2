"""Times scikit-learn on what `cargo bench -p clawsig-agreement` times: the two-rater statistics of
three raters on 67,453 synthetic rows, with bootstrap replicates that resample rows.

scikit-learn resamples rows, because its functions take labels. It has fewer statistics (Cohen's
kappa, the Matthews coefficient, Jaccard, F1 and accuracy against 17), so the ratio flatters it.
Replicates default to 20 and are scaled to 2,000, which the output says. Most of the ratio is the
method: `numpy_counts` therefore also times the same five statistics by the counts of the patterns,
vectorised over all 2,000 replicates, which is as fast as Python is likely to get. Prints JSON.

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


def by_counts(generator, replicates=2000):
    """The five statistics of the three pairs from multinomial pattern counts; kappa's errors."""
    size = sum(PATTERNS)
    draws = generator.multinomial(size, np.array(PATTERNS) / size, replicates).astype(float)
    bits = np.arange(8)
    errors = []
    for a, b in combinations(range(3), 2):
        cell = [draws[:, (bits >> a & 1 == x) & (bits >> b & 1 == y)].sum(axis=1)
                for x, y in ((1, 1), (1, 0), (0, 1), (0, 0))]
        both, only_a, only_b, neither = cell
        pos_a, pos_b = both + only_a, both + only_b
        agree = (both + neither) / size
        chance = (pos_a * pos_b + (size - pos_a) * (size - pos_b)) / size**2
        values = [
            (agree - chance) / (1 - chance),
            (both * neither - only_a * only_b)
            / np.sqrt(pos_a * pos_b * (size - pos_a) * (size - pos_b)),
            both / (both + only_a + only_b),
            2 * both / (pos_a + pos_b),
            agree,
        ]
        errors.append([np.std(value, ddof=1) for value in values][0])
        for value in values:
            np.quantile(value, [0.025, 0.975])
    return errors


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
    start = time.perf_counter()
    counted = by_counts(generator)
    numpy_seconds = time.perf_counter() - start
    json.dump({
        "scikit-learn": version("scikit-learn"),
        "rows": int(bits.size),
        "statistics": len(values),
        "seconds_once": once,
        "replicates_run": replicates,
        "seconds_2000_replicates_scaled": spent / replicates * 2000,
        "kappa": values[:: len(METRICS)],
        "kappa_standard_error": np.std(drawn, axis=0, ddof=1)[:: len(METRICS)].tolist(),
        "numpy_counts_seconds": numpy_seconds,
        "numpy_counts_kappa_standard_error": [float(error) for error in counted],
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
