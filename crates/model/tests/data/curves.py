"""Prints curves.json: curves of scikit-learn 1.9.1 (numpy 2.4.6) on scores made by integer arithmetic.

python curves.py > curves.json

`rare`: 20,000 rows of which 60 are positive, 42 of them above every negative. `ties`: 400 rows with 21
different scores. Of precision_recall_curve the points at which recall grows, by falling threshold; of
roc_curve those that drop_intermediate=True keeps.
"""

import json

import numpy as np
from sklearn import metrics as m


def curves(y, p):
    precision, recall, threshold = m.precision_recall_curve(y, p)
    points = list(zip(recall[:-1], precision[:-1], threshold))[::-1]
    grows = [q for before, q in zip([(0,)] + points, points) if q[0] > before[0]]
    fpr, tpr, _ = m.roc_curve(y, p, drop_intermediate=True)
    return {"precision_recall": [list(map(float, q)) for q in grows],
            "average_precision": float(m.average_precision_score(y, p)),
            "roc": [[float(x), float(t)] for x, t in zip(fpr, tpr)],
            "roc_auc": float(m.roc_auc_score(y, p))}


at = np.arange(20_000)
rare = (at % 333 == 0) & (at // 333 < 60)
score = (at * 7_919 % 20_011) / 20_011 * 0.9
rank = at // 333
score = np.where(rare, np.where(rank < 42, 0.95 + rank / 10_000, 0.5 + rank / 1_000), score)
at = np.arange(400)
tied, positive = (at * 37 % 101 // 5) / 32, at * 53 % 97 < 30 + at % 11
print(json.dumps({"rare": curves(rare, score), "ties": curves(positive, tied)}))
