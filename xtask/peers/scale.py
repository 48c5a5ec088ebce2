"""The agreement stage's counts and the model's predictions by other engines, against clawsig's own.

For DuckDB and Spark (local mode), over the raw JSON lines and over a run's signals/*.parquet: runs
the queries of `clawsig export sql`, gives the counts to `clawsig agreement --counts`, and compares
what comes out with the in-process stage byte for byte (agreement.json without what needs rows, and every CSV
file that counts give). Where `clawsig predict -` is there, it
scores the raw rows through Spark's RDD.pipe and compares with one process. Prints one line of JSON
a step; ends with exit code 1 if anything differs.

    python scale.py CLAWSIG DATA RUN WORK

CLAWSIG is the program, DATA a folder of JSON lines, RUN a finished run on DATA (profile `sample`,
rule and policy as by default), WORK a scratch folder.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

CLAWSIG, DATA, RUN, WORK = (Path(arg).resolve() for arg in sys.argv[1:5])
FILES = ["pairs.csv", "intervals.csv", "patterns.csv", "by_verdict.csv", "sweep.csv", "latent.csv",
         "coverage.csv"]
failed = []


def say(**fields):
    print(json.dumps(fields), flush=True)


def clawsig(*words, **more):
    return subprocess.run([CLAWSIG, *map(str, words)], check=True, capture_output=True, **more)


def statements(path):
    return [part for part in path.read_text().split(";") if part.strip()]


def duckdb_counts(sql, query, out):
    import duckdb
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    for statement in statements(sql / "skills.sql"):
        connection.execute(statement)
    text = (sql / query).read_text()
    connection.execute(f"COPY ({text}) TO '{out}' (FORMAT json)")


SPARK = None


def spark():
    global SPARK
    if SPARK is None:
        from pyspark.sql import SparkSession
        SPARK = (SparkSession.builder.master("local[2]").appName("clawsig")
                 .config("spark.ui.enabled", "false").config("spark.driver.memory", "4g")
                 .config("spark.sql.shuffle.partitions", "4").getOrCreate())
        SPARK.sparkContext.setLogLevel("ERROR")
    return SPARK


def spark_counts(sql, query, out):
    session = spark()
    for statement in statements(sql / "skills.sql"):
        session.sql(statement)
    rows = session.sql((sql / query).read_text()).toJSON().collect()
    if "owner" in query:
        # Spark leaves nulls out; a file that tells owners apart may say so in any one line.
        assert any('"owner"' in row for row in rows)
    Path(out).write_text("\n".join(rows) + "\n")


def missing(engine):
    """Why an engine can't run here, or nothing."""
    try:
        __import__({"duckdb": "duckdb", "spark": "pyspark"}[engine])
    except ImportError as why:
        return str(why)
    if engine == "spark" and not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        return "Spark needs a Java runtime"
    return None


def key(line):
    """A line of counts without nulls, in one spelling of numbers."""
    row = {k: v for k, v in json.loads(line).items() if v is not None}
    return json.dumps({k: float(v) if isinstance(v, (int, float)) else v for k, v in row.items()},
                      sort_keys=True)


def normal(counts):
    return sorted(key(line) for line in Path(counts).read_text().splitlines())


def comparable(folder):
    results = json.loads((folder / "agreement.json").read_text())
    # What needs the rows themselves.
    for name in ("disagreements", "findings", "rule_differences"):
        results.pop(name)
    missing = results["missing"]
    missing["rates"] = [row for row in missing["rates"] if row["group"] != "judge"]
    results["choices"] = [c for c in results["choices"] if "issues" not in c["a_flags"] + c["b_flags"]]
    return [json.dumps(results)] + [(folder / name).read_text() for name in FILES]


def point_values(folder):
    """Every value, without what is resampled."""
    results = json.loads((folder / "agreement.json").read_text())
    return [(s["name"], p["a"], p["b"], p["counts"], t["statistic"], t.get("value"), t.get("undefined"),
             t.get("p_value")) for s in results["slices"] if s["kind"] != "owner_size"
            for p in s["pairs"] for t in p["statistics"]]


def check(name, same, **more):
    say(check=name, same=bool(same), **more)
    if not same:
        failed.append(name)


def counts():
    own = comparable(RUN / "agreement")
    seen = {}
    engines = [("duckdb", duckdb_counts), ("spark", spark_counts)]
    for engine, run in engines:
        why = missing(engine)
        if why:
            say(skipped=engine, why=why)
            continue
        for over, path in [("jsonl", DATA), ("signals", RUN / "ingest" / "signals")]:
            sql = WORK / f"sql-{engine}-{over}"
            clawsig("export", "sql", path, "--engine", engine, "--over", over, "--out", sql, "--force")
            for query in ("counts", "counts_by_owner"):
                out = WORK / f"{engine}-{over}-{query}.jsonl"
                out.unlink(missing_ok=True)
                start = time.perf_counter()
                run(sql, f"{query}.sql", out)
                spent = time.perf_counter() - start
                lines = normal(out)
                say(engine=engine, over=over, query=query, seconds=round(spent, 3), groups=len(lines),
                    bytes=out.stat().st_size)
                first = seen.setdefault(query, lines)
                check(f"{engine} over {over}: {query} equal to the first engine's", lines == first)
                results = WORK / f"{engine}-{over}-{query}"
                start = time.perf_counter()
                clawsig("agreement", "--counts", out, "--out", results, "--force", "--quiet",
                        *sys.argv[5:])
                spent = time.perf_counter() - start
                name = f"{engine} over {over}: agreement of {query}"
                if query == "counts_by_owner":
                    check(f"{name}, every byte", comparable(results) == own, seconds=round(spent, 3))
                else:
                    check(f"{name}, every value", point_values(results) ==
                          point_values(RUN / "agreement"), seconds=round(spent, 3))


def placeless(lines):
    """The answers in order of their ids, without `source`: the line of each process's own input."""
    answers = [json.loads(line) for line in lines]
    return sorted(({key: value for key, value in answer.items() if key != "source"} for answer in answers),
                  key=lambda answer: answer["id"])


def predictions():
    listed = subprocess.run([CLAWSIG, "--help"], capture_output=True, text=True).stdout
    if " predict " not in listed:
        say(skipped="predict", why="this clawsig has no predict command")
        return
    words = [str(CLAWSIG), "predict", "--model", str(RUN), "-"]
    rows = sorted(DATA.glob("*.jsonl"))
    start = time.perf_counter()
    lines = []
    for path in rows:
        with open(path, "rb") as file:
            done = subprocess.run(words, stdin=file, capture_output=True, check=True)
        lines += done.stdout.decode().splitlines()
    alone = time.perf_counter() - start
    if missing("spark"):
        say(skipped="predict through Spark", why=missing("spark"))
        return
    session = spark()
    start = time.perf_counter()
    text = session.sparkContext.textFile(",".join(f"file://{path}" for path in rows))
    piped = text.pipe(" ".join(words), checkCode=True).collect()
    spent = time.perf_counter() - start
    check("predictions through Spark's pipe", placeless(piped) == placeless(lines), rows=len(lines),
          seconds_one_process=round(alone, 3), seconds_spark=round(spent, 3))


WORK.mkdir(parents=True, exist_ok=True)
for package in ("duckdb", "pyspark"):
    try:
        say(package=package, version=version(package))
    except Exception:
        pass
counts()
predictions()
say(failed=failed)
sys.stdout.flush()
os._exit(1 if failed else 0)
