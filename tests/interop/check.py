"""Opens what `clawsig export` and `clawsig predict` wrote with the tools it is meant for.

check.py RUN EXPORTS SARIF_SCHEMA_TGZ: RUN is a finished run, EXPORTS holds skills.csv, npz/,
parquet/, run.sarif, predict.sarif, predict.csv, README.md, croissant/ and submission/. Ends with
exit code 1 at the first thing that does not hold.
"""

import json
import re
import sys
import tarfile
from csv import reader
from importlib.metadata import version
from pathlib import Path

import jsonschema
import mlcroissant
import numpy
import pandas
import polars
import pyarrow.parquet
import safetensors
import safetensors.numpy
import scipy.sparse
import yaml

SPLITS = ["train", "validation", "test", "eval_holdout"]


def manifest(run, stage):
    return json.loads((run / stage / "manifest.json").read_text())


def check_csv(run, out):
    skills = pandas.read_csv(out / "skills.csv", dtype={"id": str})
    assert len(skills) == manifest(run, "ingest")["rows_out"]
    predictions = pandas.read_csv(run / "evaluate" / "predictions.csv")
    assert skills["predicted"].notna().sum() == len(predictions)
    opened = 1
    for path in sorted(run.glob("*/*.csv")) + [out / "predict.csv"]:
        if path.stat().st_size == 0:
            continue
        table = pandas.read_csv(path, keep_default_na=False)
        records = list(reader(path.open(newline="")))
        assert len(table) == len(records) - 1, path
        assert list(table.columns) == records[0], path
        opened += 1
    return f"{opened} files, {len(skills)} skills in skills.csv"


def check_npz(run, out):
    columns = pandas.read_csv(out / "npz" / "columns.csv", keep_default_na=False)
    rows = entries = 0
    for split in SPLITS:
        matrix = scipy.sparse.load_npz(out / "npz" / f"{split}.npz")
        named = pandas.read_csv(out / "npz" / f"rows_{split}.csv")
        assert matrix.shape == (len(named), len(columns)), split
        assert matrix.has_canonical_format, split
        rows, entries = rows + matrix.shape[0], entries + matrix.nnz
    assert rows == manifest(run, "features")["rows_out"]
    return f"{rows} x {len(columns)}, {entries} entries"


def check_parquet(run, out):
    rows = 0
    for split in SPLITS:
        path = out / "parquet" / f"{split}.parquet"
        frame, table = polars.read_parquet(path), pyarrow.parquet.read_table(path)
        assert frame.height == table.num_rows and frame.columns == table.column_names
        assert frame["id"].to_list() == table["id"].to_pylist()
        rows += frame.height
    assert rows == manifest(run, "ingest")["rows_out"]
    return f"{rows} rows"


def check_sarif(out, tgz):
    with tarfile.open(tgz) as archive:
        name = next(n for n in archive.getnames() if re.search(r"sarif-2\.1\.0.*\.json$", n))
        schema = json.load(archive.extractfile(name))
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    counts = []
    for path in ["run.sarif", "predict.sarif"]:
        log = json.loads((out / path).read_text())
        problems = list(validator(schema).iter_errors(log))
        assert not problems, (path, problems[0].message, list(problems[0].absolute_path))
        counts.append(f"{len(log['runs'][0]['results'])} results in {path}")
    # The check itself can fail.
    del log["runs"][0]["tool"]
    assert list(validator(schema).iter_errors(log))
    return f"{', '.join(counts)}; schema {Path(name).name}"


def check_card(out):
    text = (out / "README.md").read_text()
    head = text.split("---\n")[1]
    card = yaml.safe_load(head)
    results = card["model-index"][0]["results"]
    metrics = [m for result in results for m in result["metrics"]]
    assert metrics and all("value" in m and "type" in m for m in metrics)
    return f"{len(metrics)} metrics in the model-index"


def check_croissant(run, out):
    dataset = mlcroissant.Dataset(jsonld=str(out / "croissant" / "croissant.json"))
    assert not dataset.metadata.issues.errors, dataset.metadata.report()
    rows = 0
    for split in SPLITS:
        records = list(dataset.records(split))
        rows += len(records)
        frame = polars.read_parquet(out / "croissant" / "signals" / f"{split}.parquet")
        ids = [r[f"{split}/id"].decode() for r in records]
        assert ids == frame["id"].to_list(), split
    assert rows == manifest(run, "ingest")["rows_out"]
    return f"{rows} records loaded, no error"


def check_submission(run, out):
    metadata = json.loads((out / "submission" / "metadata.json").read_text())
    assert metadata["benchmark"]["split"] == "eval_holdout"
    lines = (out / "submission" / "predictions.jsonl").read_text().splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    rows = pandas.read_csv(run / "features" / "rows_eval_holdout.csv", dtype={"id": str})
    assert sorted(ids) == sorted(rows["id"]) and len(set(ids)) == len(ids)
    return f"{len(ids)} predictions"


def check_weights(run):
    """The weights give the probabilities that the run's predictions state."""
    opened = []
    for name in ["model", "model-text"]:
        path = run / "train" / f"{name}.safetensors"
        described = json.loads((run / "train" / f"{name}.json").read_text())
        with safetensors.safe_open(path, framework="numpy") as file:
            header = json.loads(file.metadata()["clawsig"])
        tensors = safetensors.numpy.load_file(path)
        weights, intercepts = tensors["weights"], tensors["intercepts"]
        assert header["classes"] == described["classes"] and len(tensors) == 2
        assert weights.dtype == intercepts.dtype == numpy.float64
        assert weights.shape == (described["columns"], len(intercepts))
        opened.append((header["classes"], weights, intercepts))
    classes, weights, intercepts = opened[0]
    matrix = scipy.sparse.load_npz(run / "features" / "test.npz")
    ids = pandas.read_csv(run / "features" / "rows_test.csv", dtype={"id": str})["id"]
    scores = matrix @ weights + intercepts
    if scores.shape[1] == 1:
        scores = numpy.hstack([numpy.zeros_like(scores), scores])
    p = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    p = pandas.DataFrame(p / p.sum(axis=1, keepdims=True), index=ids, columns=classes)
    stated = pandas.read_csv(run / "evaluate" / "predictions.csv", dtype={"id": str})
    stated = stated[stated["split"] == "test"].set_index("id")
    far = max(abs(stated[f"p_{c}"] - p.loc[stated.index, c]).max() for c in classes)
    assert len(stated) > 0 and far < 1e-12, far
    return f"{weights.shape[0]} x {weights.shape[1]}, {len(stated)} rows' probabilities within {far:.0e}"


def main():
    run, out, tgz = (Path(argument) for argument in sys.argv[1:4])
    for name, tools, result in [
        ("csv", ["pandas"], check_csv(run, out)),
        ("npz", ["scipy"], check_npz(run, out)),
        ("parquet", ["polars", "pyarrow"], check_parquet(run, out)),
        ("sarif", ["jsonschema"], check_sarif(out, tgz)),
        ("model-card", ["PyYAML"], check_card(out)),
        ("croissant", ["mlcroissant"], check_croissant(run, out)),
        ("weights", ["safetensors", "numpy"], check_weights(run)),
        ("leaderboard", [], check_submission(run, out)),
    ]:
        named = ", ".join(f"{tool} {version(tool)}" for tool in tools)
        print(f"interop: {name}: {named}{': ' if named else ''}{result}")


main()
