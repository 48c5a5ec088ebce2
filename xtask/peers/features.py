"""Time and peak memory of scikit-learn's TfidfVectorizer at the original notebook's settings.

features.py FILE, where FILE holds one JSON string a line. Prints one line of JSON with the same
fields as the example bench_features of clawsig-features; reading the file is part of the time, as
it is there.
"""

import json
import resource
import sys
import time

import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer

path = sys.argv[1]
begin = time.perf_counter()
with open(path, encoding="utf-8") as lines:
    texts = [json.loads(line)[:6000] for line in lines]
vectorizer = TfidfVectorizer(
    max_features=20000, ngram_range=(1, 2), min_df=3, sublinear_tf=True
)
matrix = vectorizer.fit_transform(texts)
seconds = time.perf_counter() - begin
print(
    json.dumps(
        {
            "program": f"scikit-learn {sklearn.__version__}",
            "rows": matrix.shape[0],
            "seconds": round(seconds, 2),
            "entries": int(matrix.nnz),
            "columns": matrix.shape[1],
            "peak_megabytes": round(
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            ),
            "threads": 1,
        }
    )
)
