"""Time and peak memory of a Python reader on files of the dataset's rows.

ingest.py polars|pandas FILE... reads every column of each file, one file after the other, and prints
one line of JSON. Nothing is checked, hashed or written. polars is told the schema of the columns that
clawsig keeps, so that it reads the files once; nested columns that clawsig reduces to counts are left
out of it, as polars reads them only into memory.
"""

import json
import os
import resource
import sys
import time

TEXTS = """id skill_slug skill_version skill_md_content clawscan_verdict clawscan_confidence clawscan_model
clawscan_summary static_status virustotal_status skillspector_status skillspector_severity split""".split()
COUNTS = """static_finding_count virustotal_malicious_count virustotal_suspicious_count
virustotal_harmless_count virustotal_undetected_count skillspector_issue_count""".split()
LISTS = "static_reason_codes skillspector_issue_codes skillspector_issue_categories".split()


def read_polars(path):
    import polars

    schema = {name: polars.String for name in TEXTS}
    schema |= {name: polars.Int64 for name in COUNTS}
    schema |= {name: polars.List(polars.String) for name in LISTS}
    schema["skillspector_score"] = polars.Float64
    return polars.read_ndjson(path, schema=schema).height


def read_pandas(path):
    import pandas

    return len(pandas.read_json(path, lines=True))


name, paths = sys.argv[1], sys.argv[2:]
read = {"polars": read_polars, "pandas": read_pandas}[name]
version = __import__(name).__version__
begin = time.perf_counter()
rows = sum(read(path) for path in paths)
seconds = time.perf_counter() - begin
size = sum(os.path.getsize(path) for path in paths)
print(
    json.dumps(
        {
            "program": f"{name} {version}",
            "rows": rows,
            "bytes": size,
            "seconds": round(seconds, 3),
            "mb_per_second": round(size / 1e6 / seconds, 1),
            "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )
)
