"""Runs a command and prints its seconds and the peak memory of its largest process.

measure.py COMMAND [ARGUMENT...]
"""

import json
import resource
import subprocess
import sys
import time

begin = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"method": "clawsig run", "seconds": round(seconds, 2),
                  "peak_megabytes": round(peak / 1024, 1)}))
