"""Checks `clawsig agreement --published` against others on the same counts: the coefficients and their standard
errors against irrCAC and statsmodels, the bootstrap intervals against numpy's multinomial draws, the latent model against
its closed form.

    python registry.py CLAWSIG

Reads the eight patterns and the counts by verdict from data/published.json, not from clawsig. Prints one line a comparison
and ends with 1 if one differs.
"""

import itertools
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
from irrCAC.raw import CAC
from statsmodels.stats.contingency_tables import Table2x2, mcnemar
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

SCANNERS = ["static", "virustotal", "skillspector"]
REPLICATES = 20_000
failures = []


def check(what, ours, theirs, tolerance):
    good = abs(ours - theirs) <= tolerance
    print(f"{'holds  ' if good else 'DIFFERS'}  {what:<66} {ours:>14.8g} {theirs:>14.8g}")
    if not good:
        failures.append(what)


def published():
    """Rows by pattern of the three scanners, and by verdict the rows and the flagged ones."""
    path = pathlib.Path(__file__).parents[2] / "data" / "published.json"
    patterns, verdicts, flagged = {}, {}, {}
    for figure in json.loads(path.read_text())["figures"]:
        measure = figure["measure"]
        if measure["of"] != "rows" or figure["source"] != "paper":
            continue
        among = measure.get("among", {})
        flags = among.get("flags", {})
        if set(among) == {"flags"} and len(flags) == 3:
            patterns[tuple(int(flags[s]) for s in SCANNERS)] = int(figure["value"])
        elif set(among) == {"verdict"}:
            verdicts[among["verdict"]] = int(figure["value"])
        elif set(among) == {"verdict", "flags"} and len(flags) == 1:
            flagged[among["verdict"], next(iter(flags))] = int(figure["value"])
    assert len(patterns) == 8 and sum(patterns.values()) == sum(verdicts.values())
    return patterns, verdicts, flagged


def coefficients(cell):
    """Jaccard, kappa, the largest kappa, AC1, PABAK and the odds ratio of 2 x 2 tables, along the last axis."""
    both, only_a, only_b, neither = np.moveaxis(cell, -1, 0).astype(float)
    n = both + only_a + only_b + neither
    a, b = (both + only_a) / n, (both + only_b) / n
    agree = (both + neither) / n
    expected = a * b + (1 - a) * (1 - b)
    kappa = (agree - expected) / (1 - expected)
    largest = (np.minimum(a, b) + np.minimum(1 - a, 1 - b) - expected) / (1 - expected)
    mean = (a + b) / 2
    chance = 2 * mean * (1 - mean)
    return {
        "jaccard": both / (both + only_a + only_b),
        "cohen_kappa": kappa,
        "max_kappa": largest,
        "kappa_of_largest": kappa / largest,
        "gwet_ac1": (agree - chance) / (1 - chance),
        "pabak": 2 * agree - 1,
        "odds_ratio": both * neither / (only_a * only_b),
        "prevalence_index": (both - neither) / n,
        "bias_index": (only_a - only_b) / n,
    }


def latent(patterns):
    """Prevalence, sensitivities and specificities of two classes and three raters from the moments."""
    n = sum(patterns.values())
    rows = [(np.array(p, float), c / n) for p, c in patterns.items()]
    mean = sum(p * c for p, c in rows)
    central = [(p - mean, c) for p, c in rows]
    s = {(i, j): sum(p[i] * p[j] * c for p, c in central) for i, j in itertools.combinations(range(3), 2)}
    t = sum(p.prod() * c for p, c in central)
    product = s[0, 1] * s[0, 2] * s[1, 2]
    # With prevalence v: s_ij = v(1-v) d_i d_j and t = v(1-v)(1-2v) d_1 d_2 d_3.
    ratio = t / np.sqrt(product)
    skew = ratio / np.sqrt(ratio**2 + 4)
    v = (1 - skew) / 2
    d = [np.sqrt(product / (v * (1 - v))) / s[pair] for pair in ((1, 2), (0, 2), (0, 1))]
    return v, [m + (1 - v) * x for m, x in zip(mean, d)], [1 - (m - v * x) for m, x in zip(mean, d)]


def main(clawsig):
    warnings.filterwarnings("ignore")
    patterns, verdicts, flagged = published()
    words = ["agreement", "--published", "--format", "json", "--quiet", "--set", "agreement.replicates=20000"]
    found = json.loads(subprocess.run([clawsig, *words], check=True, capture_output=True).stdout)
    generator = np.random.default_rng(1)
    n = sum(patterns.values())
    keys = np.array(list(patterns))
    rows = np.repeat(keys, list(patterns.values()), axis=0)
    draws = generator.multinomial(n, np.array(list(patterns.values())) / n, REPLICATES)

    def table(counts, i, j):
        masks = [(keys[:, i] == x) & (keys[:, j] == y) for x, y in ((1, 1), (1, 0), (0, 1), (0, 0))]
        return np.stack([counts[..., mask].sum(-1) for mask in masks], -1)

    pairs = []
    for i, j in itertools.combinations(range(3), 2):
        cells = table(np.array(list(patterns.values())), i, j)
        pairs.append((SCANNERS[i], SCANNERS[j], cells, table(draws, i, j), found["agreement"]["pairs"]))
    for scanner in SCANNERS:
        bad = sum(flagged[v, scanner] for v in ("suspicious", "malicious"))
        all_bad = verdicts["suspicious"] + verdicts["malicious"]
        good = flagged["clean", scanner]
        cells = np.array([bad, good, all_bad - bad, verdicts["clean"] - good])
        drawn = generator.multinomial(n, cells / n, REPLICATES)
        pairs.append((scanner, "verdict", cells, drawn, found["with_verdict"]))

    for a, b, cells, drawn, of in pairs:
        pair = next(p for p in of if (p["a"], p["b"]) == (a, b))
        ours = {s["statistic"]: s for s in pair["statistics"]}
        analytic = {s["statistic"]: s for s in pair["intervals"] if s["method"] in ("analytic", "log-normal")}
        name = f"{a} / {b}:"
        theirs = coefficients(cells)
        spread = coefficients(drawn)
        for statistic, value in theirs.items():
            check(f"{name} {statistic}, by hand", ours[statistic]["value"], value, 1e-12 * max(1, abs(value)))
            low, high = np.quantile(spread[statistic], [0.025, 0.975])
            # An interval's end has a simulation error of its own: a tenth of the interval's half width.
            slack = (high - low) / 20
            check(f"{name} {statistic}, low end (numpy bootstrap)", ours[statistic]["low"], low, slack)
            check(f"{name} {statistic}, high end (numpy bootstrap)", ours[statistic]["high"], high, slack)
        square = cells.reshape(2, 2)
        kappa = cohens_kappa(square)
        check(f"{name} kappa (statsmodels)", ours["cohen_kappa"]["value"], kappa.kappa, 1e-12)
        check(f"{name} largest kappa (statsmodels)", ours["max_kappa"]["value"], kappa.kappa_max, 1e-12)
        check(f"{name} kappa's standard error (statsmodels)",
              analytic["cohen_kappa"]["standard_error"], kappa.std_kappa, 1e-7)
        odds = Table2x2(square)
        check(f"{name} odds ratio (statsmodels)", ours["odds_ratio"]["value"], odds.oddsratio, 1e-10)
        check(f"{name} odds ratio, low end (statsmodels)", analytic["odds_ratio"]["low"],
              odds.oddsratio_confint()[0], 1e-8)
        corrected = mcnemar(square, exact=False, correction=True)
        check(f"{name} McNemar, corrected (statsmodels)", ours["mcnemar_corrected"]["value"],
              corrected.statistic, 1e-8)
        check(f"{name} McNemar, exact (statsmodels)", ours["mcnemar_exact"]["value"],
              mcnemar(square, exact=True).statistic, 0)
        two = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], cells, axis=0)
        cac = CAC(pd.DataFrame(two, columns=["a", "b"]), digits=10)
        for statistic, method in (("gwet_ac1", cac.gwet), ("krippendorff_alpha", cac.krippendorff),
                                  ("brennan_prediger", cac.bp), ("scott_pi", cac.fleiss)):
            est = method()["est"]
            check(f"{name} {statistic} (irrCAC)", ours[statistic]["value"], est["coefficient_value"], 1e-9)
            check(f"{name} {statistic}, standard error (irrCAC)",
                  analytic[statistic]["standard_error"], est["se"], 1e-5)

    together = {s["statistic"]: s["value"] for s in found["agreement"]["together"]}
    cac = CAC(pd.DataFrame(rows, columns=SCANNERS), digits=10)
    for statistic, method in (("fleiss_kappa", cac.fleiss), ("conger_kappa", cac.conger),
                              ("gwet_ac1", cac.gwet), ("krippendorff_alpha", cac.krippendorff),
                              ("brennan_prediger", cac.bp)):
        check(f"all three: {statistic} (irrCAC)", together[statistic], method()["est"]["coefficient_value"], 1e-9)
    counts = np.stack([3 - rows.sum(1), rows.sum(1)], 1)
    check("all three: fleiss_kappa (statsmodels)", together["fleiss_kappa"], fleiss_kappa(counts), 1e-12)

    prevalence, sensitivity, specificity = latent(patterns)
    model = found["agreement"]["latent"][0]
    check("latent model: prevalence (closed form)", model["prevalence"]["value"], prevalence, 1e-9)
    for scanner, rates, se, sp in zip(SCANNERS, model["rates"], sensitivity, specificity):
        check(f"latent model: sensitivity of {scanner} (closed form)", rates["sensitivity"]["value"], se, 1e-9)
        check(f"latent model: specificity of {scanner} (closed form)", rates["specificity"]["value"], sp, 1e-9)
    if failures:
        sys.exit(f"{len(failures)} differ")
    print("all hold")


if __name__ == "__main__":
    main(sys.argv[1])
