"""Time and peak memory of polars' NDJSON reader on one file of the dataset's rows.

ingest.py FILE reads every column, with the schema inferred from all rows (polars fails on lists that
are empty in the first ones otherwise), and prints one line of JSON. It checks nothing, hashes nothing and writes nothing.
"""

import json
import os
import resource
import sys
import time

import polars

path = sys.argv[1]
begin = time.perf_counter()
frame = polars.read_ndjson(path, infer_schema_length=None)
seconds = time.perf_counter() - begin
size = os.path.getsize(path)
print(
    json.dumps(
        {
            "program": f"polars {polars.__version__}",
            "rows": frame.height,
            "bytes": size,
            "seconds": round(seconds, 3),
            "megabytes_per_second": round(size / 1e6 / seconds, 1),
            "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )
)
