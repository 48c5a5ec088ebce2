"""Prints what tests/golden.rs compares the latent class model with, as JSON.

Run with crowd-kit 1.4.2, numpy 2.4.6, pandas 3.1.1, scipy 1.17.1:
    python dawid_skene.py > ../data/dawid_skene.json
Two peers on the same data:
- crowdkit.aggregation.DawidSkene(n_iter=20000, tol=1e-15).fit(data): EM over rows, from the share
  of votes, as ours.
- `direct`: no EM at all. scipy.optimize.minimize(method="L-BFGS-B") on the log-likelihood of the
  patterns over softmax parameters with its analytic gradient, from crowd-kit's result moved off by
  a seeded 0.1 normal, so that it has to find the maximum again by itself.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene
from scipy.optimize import minimize
from scipy.special import logsumexp

RNG = np.random.RandomState(20260822)


def simulated(rows, raters, q, gaps):
    """Ratings by raters of different skill of subjects with a hidden category."""
    truth = RNG.choice(q, size=rows, p=np.arange(q, 0, -1) / (q * (q + 1) / 2))
    answers = np.full((rows, raters), -1)
    for rater in range(raters):
        confusion = RNG.dirichlet(np.ones(q), size=q) * 0.35 + np.eye(q) * 0.65
        for row in range(rows):
            if RNG.rand() >= gaps:
                answers[row, rater] = RNG.choice(q, p=confusion[truth[row]])
    return answers[(answers >= 0).any(axis=1)]


SETS = {
    "three_binary": (2, simulated(900, 3, 2, 0.0)),
    "four_binary_gaps": (2, simulated(700, 4, 2, 0.2)),
    "five_binary": (2, simulated(400, 5, 2, 0.0)),
    "four_of_three": (3, simulated(1200, 4, 3, 0.0)),
    "five_of_three_gaps": (3, simulated(900, 5, 3, 0.15)),
    "five_of_four": (4, simulated(1500, 5, 4, 0.05)),
}


def crowd(q, answers):
    tasks, workers = np.nonzero(answers >= 0)
    data = pd.DataFrame({"task": tasks, "worker": workers, "label": answers[tasks, workers]})
    model = DawidSkene(n_iter=20000, tol=1e-15).fit(data)
    priors = np.array([model.priors_.get(c, 0.0) for c in range(q)])
    errors = np.array([[[model.errors_.loc[(rater, given), hidden] for given in range(q)]
                        for hidden in range(q)] for rater in range(answers.shape[1])])
    return priors, errors


def direct(q, answers, priors, errors):
    raters = answers.shape[1]
    patterns, counts = np.unique(answers, axis=0, return_counts=True)
    known = patterns >= 0
    hit = np.zeros((len(patterns), raters, q))
    for p, g in zip(*np.nonzero(known)):
        hit[p, g, patterns[p, g]] = 1.0

    def unpack(x):
        a, b = x[:q], x[q:].reshape(raters, q, q)
        return a - logsumexp(a), b - logsumexp(b, axis=2, keepdims=True)

    def loss(x):
        log_prior, log_error = unpack(x)
        joint = log_prior + np.einsum("pgl,ghl->ph", hit, log_error)
        per = logsumexp(joint, axis=1)
        belief = np.exp(joint - per[:, None]) * counts[:, None]
        d_prior = belief.sum(axis=0) - counts.sum() * np.exp(log_prior)
        used = np.einsum("ph,pgl->ghl", belief, hit)
        d_error = used - used.sum(axis=2, keepdims=True) * np.exp(log_error)
        return -(counts * per).sum(), -np.concatenate([d_prior, d_error.ravel()])

    start = np.log(np.concatenate([priors, np.clip(errors, 1e-6, None).ravel()]))
    start = start + 0.1 * RNG.randn(start.size)
    found = minimize(loss, start, jac=True, method="L-BFGS-B",
                     options={"maxiter": 20000, "maxfun": 100000, "ftol": 1e-16, "gtol": 1e-9})
    log_prior, log_error = unpack(found.x)
    return np.exp(log_prior), np.exp(log_error), -found.fun


def numbers(q, answers):
    priors, errors = crowd(q, answers)
    prevalence, confusion, likelihood = direct(q, answers, priors, errors)
    patterns, counts = np.unique(answers, axis=0, return_counts=True)
    return {
        "categories": q,
        "patterns": [[None if x < 0 else int(x) for x in row] for row in patterns],
        "counts": counts.tolist(),
        "crowdkit": {"prevalence": priors.tolist(), "confusion": errors.tolist()},
        "direct": {"prevalence": prevalence.tolist(), "confusion": confusion.tolist(),
                   "log_likelihood": likelihood},
    }


json.dump({
    "versions": {name: version(name) for name in ["crowd-kit", "numpy", "pandas", "scipy"]},
    "sets": {name: numbers(q, answers) for name, (q, answers) in SETS.items()},
}, sys.stdout, separators=(",", ":"))
