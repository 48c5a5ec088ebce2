"""Files of the dataset's rows as other programs write them, each read back by clawsig cell by cell.

formats.py CLAWSIG FOLDER writes a few synthetic rows with pandas, pyarrow, polars, DuckDB, datasets, fastparquet,
Python's json, jq and node in every shape that people have, calls `clawsig ingest` on each file, and compares every
cell of the signals with what the rows say. A file that can't be read has to be refused with a sentence that is known
here. Prints a table; exits 1 if a line of it is wrong.
"""

import decimal
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
import zipfile

import datasets
import duckdb
import fastparquet
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import zstandard

CLAWSIG, FOLDER = sys.argv[1], sys.argv[2]
SPLIT = "train"
TEXTS = """id skill_slug skill_version skill_md_content clawscan_verdict clawscan_confidence clawscan_model
clawscan_summary static_status virustotal_status skillspector_status skillspector_severity split""".split()
COUNTS = """static_finding_count virustotal_malicious_count virustotal_suspicious_count
virustotal_harmless_count virustotal_undetected_count skillspector_issue_count""".split()
LISTS = "static_reason_codes skillspector_issue_codes skillspector_issue_categories".split()


def row(n):
    return {
        "id": f"{n:064x}",
        "skill_slug": f"owner{n % 3}/skill" if n % 4 else None,
        "skill_version": f"1.{n}",
        "skill_md_content": f'Text {n} é 😀 "quoted", a\tb\nsecond line' if n % 5 else None,
        "skill_bundle_content": [
            {"path": f"src/f{i}.PY", "content": f"print({i})\n", "sha256": "0" * 64, "sizeBytes": 3 * i + n}
            for i in range(n % 3)
        ],
        "clawscan_verdict": ["clean", "suspicious", "malicious", "review"][n % 4],
        "clawscan_confidence": "high" if n % 2 else None,
        "clawscan_model": "m",
        "clawscan_summary": "a, b" if n % 3 else None,
        "static_status": ["clean", "suspicious", None][n % 3],
        "static_finding_count": n % 4,
        "static_reason_codes": [f"suspicious.c{i}" for i in range(n % 4)],
        "virustotal_status": ["clean", "stale"][n % 2],
        "virustotal_malicious_count": n % 7 if n % 3 else None,
        "virustotal_suspicious_count": 0,
        "virustotal_harmless_count": 60 + n,
        "virustotal_undetected_count": None if n % 2 else 5,
        "skillspector_status": "completed",
        "skillspector_score": 12.5 * (n % 8) if n % 6 else None,
        "skillspector_severity": ["LOW", "medium", None][n % 3],
        "skillspector_issue_count": n % 2,
        "skillspector_issue_codes": ["E1"] * (n % 2),
        "skillspector_issue_categories": ["Data Flow"] * (n % 2),
        "clawscan_context": {
            "static": {"status": "clean", "n": n} if n % 2 else None,
            "virustotal": {"verdict": "Harmless", "n": n} if n % 3 else None,
            "skillspector": {"verdict": None, "recommendation": "CAUTION", "n": n} if n % 4 else None,
        },
        "split": SPLIT,
    }


ROWS = [row(n) for n in range(24)]


def signals(rows):
    """What clawsig has to read."""
    for r in rows:
        files, context = r["skill_bundle_content"], r["clawscan_context"]
        kinds = {}
        for file in files:
            kind = file["path"].rsplit(".", 1)[1].lower()
            kinds[kind] = kinds.get(kind, 0) + 1
        there = lambda name: any(v is not None for v in (context.get(name) or {}).values())
        member = lambda name, key: (context.get(name) or {}).get(key)
        out = {name: r[name] for name in TEXTS + COUNTS + LISTS + ["skillspector_score"]}
        out |= {
            "bundle_files": len(files),
            "bundle_bytes": sum(file["sizeBytes"] for file in files),
            "bundle_duplicate_paths": 0,
            "bundle_unsafe_paths": 0,
            "bundle_extensions": sorted(kinds),
            "bundle_extension_files": [kinds[kind] for kind in sorted(kinds)],
            "static_has_output": there("static"),
            "virustotal_has_output": there("virustotal"),
            "virustotal_verdict_text": member("virustotal", "verdict"),
            "skillspector_has_output": there("skillspector"),
            "skillspector_recommendation": member("skillspector", "verdict") or member("skillspector", "recommendation"),
        }
        yield out


CASES = []


def case(writer, variant, name=SPLIT + ".parquet", rows=ROWS, refused=None):
    """Registers a function that writes a file: `rows` are read from it, or the sentence that refuses it matches."""

    def register(write):
        CASES.append((writer, variant, name, write, rows, refused))
        return write

    return register


# pyarrow ---------------------------------------------------------------------------------------------------------

FILE = pa.struct([("path", pa.string()), ("content", pa.string()), ("sha256", pa.string()), ("sizeBytes", pa.int64())])


def as_text(rows, *columns):
    return [r | {c: json.dumps(r[c]) for c in columns} for r in rows]


def schema(**types):
    fields = {name: pa.string() for name in TEXTS}
    fields |= {name: pa.int64() for name in COUNTS} | {name: pa.list_(pa.string()) for name in LISTS}
    fields |= {"skill_bundle_content": pa.list_(FILE), "skillspector_score": pa.float64(), "clawscan_context": pa.string()}
    return pa.schema([(name, (fields | types)[name]) for name in ROWS[0]])


def table(rows=None, **types):
    context = types.get("clawscan_context", pa.string())
    rows = ROWS if rows is None else rows
    if pa.types.is_string(context) or pa.types.is_large_string(context):
        rows = as_text(rows, "clawscan_context")
    return pa.Table.from_pylist(rows, schema=schema(**types))


def arrow(variant, make=table, refused=None, rows=ROWS, **options):
    case("pyarrow", variant, rows=rows, refused=refused)(lambda path: pq.write_table(make(), path, **options))


def typed(variant, column, dtype, refused=None, of=None):
    """A column cast to another type."""

    def make():
        t = table()
        at = t.schema.get_field_index(column)
        values = t.column(at) if of is None else pa.chunked_array([of(t.column(at))])
        return t.set_column(at, column, values.cast(dtype))

    arrow(f"{column} as {variant}", make, refused)


for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    arrow(f"codec {codec}", compression=codec)
for version in ["1.0", "2.4", "2.6"]:
    for page in ["1.0", "2.0"]:
        arrow(f"format {version}, pages {page}", version=version, data_page_version=page)
arrow("no dictionaries", use_dictionary=False)
arrow("small pages", data_page_size=64, write_batch_size=2)
arrow("row groups of 5", row_group_size=5)
arrow("page index and checksums", write_page_index=True, write_page_checksum=True)
arrow("no Arrow schema", store_schema=False)
arrow("delta encodings", use_dictionary=False, column_encoding={
    "id": "DELTA_BYTE_ARRAY", "skill_slug": "DELTA_LENGTH_BYTE_ARRAY", "static_finding_count": "DELTA_BINARY_PACKED"})
arrow("byte stream split", use_dictionary=False, column_encoding={"skillspector_score": "BYTE_STREAM_SPLIT"})
arrow("bloom filters and sorted columns", sorting_columns=[pq.SortingColumn(0)])
for dtype in ["int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]:
    typed(dtype, "static_finding_count", getattr(pa, dtype)())
for dtype in ["int8", "uint64", "float16", "float32"]:
    arrow(f"scores as {dtype}", lambda dtype=dtype: table(
        [r | {"skillspector_score": r["skillspector_score"] and float(int(r["skillspector_score"]))} for r in ROWS]
    ).set_column(18, "skillspector_score", table(
        [r | {"skillspector_score": r["skillspector_score"] and float(int(r["skillspector_score"]))} for r in ROWS]
    ).column(18).cast(pa.float32() if dtype == "float16" else pa.float64()).cast(getattr(pa, dtype)())),
        rows=[r | {"skillspector_score": r["skillspector_score"] and float(int(r["skillspector_score"]))} for r in ROWS])
for precision, scale in [(9, 0), (10, 2), (18, 4), (38, 10)]:
    typed(f"decimal({precision}, {scale})", "virustotal_harmless_count", pa.decimal128(precision, scale),
          of=lambda c, t=pa.decimal128(precision, scale): pa.array([decimal.Decimal(v.as_py()) for v in c], t))
    typed(f"decimal({precision}, {scale})", "skillspector_score", pa.decimal128(precision, max(scale, 1)))
typed("decimal256", "virustotal_harmless_count", pa.decimal256(60, 2), refused="int64|decimal|Decimal")
typed("string", "static_finding_count", pa.string(), refused="is a string, expected a whole number.*write it as int64")
typed("bool", "static_finding_count", pa.bool_(), refused="expected a whole number.*write it as int64")
typed("timestamp", "static_finding_count", pa.timestamp("ms"), refused="a date or a time, expected a whole number")
for dtype in ["large_string", "string_view", "binary", "large_binary", "binary_view"]:
    typed(dtype, "skill_md_content", getattr(pa, dtype)())
typed("fixed_size_binary", "id", pa.binary(64), of=lambda c: pa.array([v.as_py().encode() for v in c], pa.binary(64)))
for index in ["int8", "int16", "int32", "int64"]:
    typed(f"dictionary({index})", "clawscan_verdict", pa.dictionary(getattr(pa, index)(), pa.string()))
typed("dictionary of large strings", "static_status", pa.dictionary(pa.int32(), pa.large_string()))
for column in LISTS[:1]:
    typed("large list", column, pa.large_list(pa.string()))
    typed("list of large strings", column, pa.list_(pa.large_string()))
    typed("list of binary", column, pa.list_(pa.binary()))
    typed("list of dictionaries", column, pa.list_(pa.dictionary(pa.int32(), pa.string())),
          of=lambda c: pa.array([v.as_py() for v in c], pa.list_(pa.dictionary(pa.int32(), pa.string()))))
    typed("list view", column, pa.list_(pa.string()))
arrow("issue codes as fixed-size lists", lambda: table(
    [r | {"skillspector_issue_codes": ["A", "B"]} for r in ROWS], skillspector_issue_codes=pa.list_(pa.string(), 2)),
    rows=[r | {"skillspector_issue_codes": ["A", "B"]} for r in ROWS])
arrow("lists as JSON text", lambda: table(as_text(ROWS, *LISTS), **{c: pa.string() for c in LISTS}))
arrow("lists null where empty", lambda: table([r | {c: r[c] or None for c in LISTS} for r in ROWS]))
arrow("a list with a null", lambda: table([r | {"static_reason_codes": ["a", None]} for r in ROWS]),
      refused="an item of the list is null")

NO_FILES = [r | {"skill_bundle_content": []} for r in ROWS]
arrow("all bundles empty, list of null", lambda: table(NO_FILES, skill_bundle_content=pa.list_(pa.null())), rows=NO_FILES)
arrow("all bundles null", lambda: table([r | {"skill_bundle_content": None} for r in ROWS]), rows=NO_FILES)
arrow("bundle of type null", lambda: table([r | {"skill_bundle_content": None} for r in ROWS],
      skill_bundle_content=pa.null()), rows=NO_FILES)
arrow("bundle as JSON text", lambda: table(as_text(ROWS, "skill_bundle_content"), skill_bundle_content=pa.string()))
arrow("bundle as list of JSON texts", lambda: table(
    [r | {"skill_bundle_content": [json.dumps(f) for f in r["skill_bundle_content"]]} for r in ROWS],
    skill_bundle_content=pa.list_(pa.string())))
arrow("bundle as struct of lists", lambda: table(
    [r | {"skill_bundle_content": {k: [f[k] for f in r["skill_bundle_content"]] for k in FILE.names}} for r in ROWS],
    skill_bundle_content=pa.struct([(f.name, pa.list_(f.type)) for f in FILE])))
arrow("bundle in a large list", lambda: table(skill_bundle_content=pa.large_list(FILE)))
for dtype in ["int32", "uint64", "float64"]:
    arrow(f"sizes as {dtype}", lambda dtype=dtype: table(skill_bundle_content=pa.list_(pa.struct(
        [("path", pa.string()), ("sizeBytes", getattr(pa, dtype)()), ("content", pa.binary())]))))
arrow("sizes as text", lambda: table(
    [r | {"skill_bundle_content": [f | {"sizeBytes": str(f["sizeBytes"])} for f in r["skill_bundle_content"]]} for r in ROWS],
    skill_bundle_content=pa.list_(pa.struct([("path", pa.string()), ("sizeBytes", pa.string())]))),
    refused="the sizeBytes of a file is a string.*write it as int64")
arrow("no sizes", lambda: table(skill_bundle_content=pa.list_(pa.struct([("path", pa.string())]))),
      refused="the sizeBytes of a file is null")
arrow("no paths", lambda: table(skill_bundle_content=pa.list_(pa.struct([("sizeBytes", pa.int64())]))),
      refused="the path of a file is null")
arrow("bundle of bare texts", lambda: table(
    [r | {"skill_bundle_content": ["a.py"]} for r in ROWS], skill_bundle_content=pa.list_(pa.string())),
    refused="skill_bundle_content")


def context(**extra):
    part = [("status", pa.string()), ("n", pa.int64()), ("verdict", pa.string()), ("recommendation", pa.string())]
    return pa.struct([(name, pa.struct(part + list(extra.items()))) for name in ["static", "virustotal", "skillspector"]])


arrow("context as struct", lambda: table(clawscan_context=context()))
for name, dtype in {
    "timestamp": pa.timestamp("us", "UTC"), "date": pa.date32(), "time": pa.time64("ns"), "duration": pa.duration("s"),
    "decimal": pa.decimal128(20, 3), "binary": pa.binary(), "boolean": pa.bool_(), "float16": pa.float16(),
    "map": pa.map_(pa.string(), pa.int64()), "list of structs": pa.list_(pa.struct([("a", pa.int8())])),
    "nested struct": pa.struct([("a", pa.struct([("b", pa.list_(pa.string()))]))]), "null": pa.null(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()), "fixed-size binary": pa.binary(4),
}.items():
    arrow(f"context with a {name}", lambda dtype=dtype: table(clawscan_context=context(extra=dtype)))
arrow("context as arrow.json", lambda: table().set_column(23, "clawscan_context", pa.ExtensionArray.from_storage(
    pa.json_(), table().column(23).combine_chunks())))
arrow("context as large text", lambda: table(clawscan_context=pa.large_string()))
arrow("context as binary", lambda: table().set_column(23, "clawscan_context", table().column(23).cast(pa.binary())))
EMPTY = [r | {"clawscan_context": {}} for r in ROWS]
arrow("context null", lambda: table().set_column(23, "clawscan_context", pa.nulls(24)), rows=EMPTY)
arrow("no null allowed by the schema", lambda: table().cast(pa.schema(
    [f.with_nullable(f.name not in ("id", "static_reason_codes", "clawscan_context")) for f in schema()])))
arrow("columns in another order and others between", lambda: table().select(sorted(schema().names)).append_column(
    "extra", pa.array(range(24))))
arrow("without the column split", lambda: table().drop_columns(["split"]))
arrow("without the column static_status", lambda: table().drop_columns(["static_status"]),
      refused="column `static_status` is missing")
arrow("other columns altogether", lambda: pa.table({"a": [1]}), refused="has none of the dataset's columns, but a")
arrow("no rows", lambda: table([]), refused="no rows; the source is empty")
case("pyarrow", "shards", "data/train-00000-of-00002.parquet")(lambda path: (
    pq.write_table(table(ROWS[:9]), path),
    pq.write_table(table(ROWS[9:]), path.replace("00000-of", "00001-of"))))
case("pyarrow", "a shard is missing", "data/train-00000-of-00002.parquet", refused="holds 1 of the 2 shards")(
    lambda path: pq.write_table(table(), path))
case("pyarrow", "partial-train", "default/partial-train/0000.parquet", refused="only the beginning of the split")(
    lambda path: pq.write_table(table(), path))
case("pyarrow", "upper case", "TRAIN.PARQUET")(lambda path: pq.write_table(table(), path))
case("pyarrow", "named .jsonl", "train.jsonl", refused="is a Parquet file; name it")(lambda path: pq.write_table(table(), path))
case("pyarrow", "Feather named .parquet", refused="an Arrow or Feather file; write it as Parquet")(
    lambda path: pa.feather.write_feather(table(), path))
case("pyarrow", "ORC named .parquet", refused="an ORC file; write it as Parquet")(
    lambda path: pa.orc.write_table(table(clawscan_context=pa.string()), path))
case("pyarrow", "cut", refused="not a whole Parquet file")(
    lambda path: (pq.write_table(table(), path), os.truncate(path, os.path.getsize(path) - 9)))
case("pyarrow", "encrypted footer", refused="encrypted Parquet")(
    lambda path: (pq.write_table(table(), path), mark(path, b"PARE")))


def mark(path, magic):
    with open(path, "r+b") as file:
        file.write(magic)
        file.seek(-4, 2)
        file.write(magic)


# pandas ----------------------------------------------------------------------------------------------------------


def frame():
    return pd.DataFrame(as_text(ROWS, "clawscan_context"))


case("pandas", "to_parquet")(lambda path: frame().to_parquet(path))
for codec in ["snappy", "gzip", "brotli", "zstd", None]:
    case("pandas", f"to_parquet, {codec}")(lambda path, codec=codec: frame().to_parquet(path, compression=codec))
case("pandas", "to_parquet, dtypes converted")(lambda path: frame().convert_dtypes().to_parquet(path))
case("pandas", "to_parquet, pyarrow dtypes")(
    lambda path: frame().convert_dtypes(dtype_backend="pyarrow").to_parquet(path))
case("pandas", "to_parquet, categories")(lambda path: frame().astype(
    {c: "category" for c in ["clawscan_verdict", "static_status", "split"]}).to_parquet(path))
case("pandas", "to_parquet, index kept")(lambda path: frame().set_index("id", drop=False).rename_axis("key").to_parquet(path))
case("pandas", "fastparquet")(lambda path: frame().to_parquet(path, engine="fastparquet"))
case("pandas", "fastparquet, lists as JSON text")(lambda path: pd.DataFrame(as_text(
    ROWS, "clawscan_context", "skill_bundle_content", *LISTS)).to_parquet(path, engine="fastparquet"))
case("pandas", "to_json, lines", "train.jsonl")(
    lambda path: pd.DataFrame(ROWS).to_json(path, orient="records", lines=True))
case("pandas", "to_json, lines, not ASCII", "train.jsonl")(
    lambda path: pd.DataFrame(ROWS).to_json(path, orient="records", lines=True, force_ascii=False))
case("pandas", "to_json, records", "train.json")(lambda path: pd.DataFrame(ROWS).to_json(path, orient="records"))
case("pandas", "to_json, records, indented", "train.json")(
    lambda path: pd.DataFrame(ROWS).to_json(path, orient="records", indent=2))
case("pandas", "to_json, columns", "train.json", refused="a table by columns; write one object a row")(
    lambda path: pd.DataFrame(ROWS).to_json(path))
case("pandas", "to_json, gzip", "train.jsonl.gz")(lambda path: pd.DataFrame(ROWS).to_json(path, orient="records", lines=True))
case("pandas", "to_json, zstd", "train.jsonl.zst")(lambda path: pd.DataFrame(ROWS).to_json(path, orient="records", lines=True))
case("pandas", "to_json, bzip2 named .jsonl", "train.jsonl", refused="bzip2-compressed")(
    lambda path: pd.DataFrame(ROWS).to_json(path, orient="records", lines=True, compression="bz2"))
case("pandas", "to_csv, lists as JSON text", "train.csv")(lambda path: pd.DataFrame(as_text(
    ROWS, "clawscan_context", "skill_bundle_content", *LISTS)).to_csv(path, index=False))
case("pandas", "to_csv, lists as Python prints them", "train.csv", refused="as JSON text is no list|is not JSON")(
    lambda path: pd.DataFrame(ROWS).to_csv(path, index=False))
case("pandas", "to_csv, gzip", "train.csv.gz")(lambda path: pd.DataFrame(as_text(
    ROWS, "clawscan_context", "skill_bundle_content", *LISTS)).to_csv(path, index=False))
case("pandas", "to_csv, semicolons", "train.csv", refused="write it as CSV with commas")(lambda path: pd.DataFrame(as_text(
    ROWS, "clawscan_context", "skill_bundle_content", *LISTS)).to_csv(path, index=False, sep=";"))
case("pandas", "to_csv named .jsonl", "train.jsonl", refused="is CSV; name it")(
    lambda path: frame().to_csv(path, index=False))

# polars ----------------------------------------------------------------------------------------------------------

POLARS = {c: pl.String for c in TEXTS} | {c: pl.UInt32 for c in COUNTS} | {c: pl.List(pl.String) for c in LISTS}
POLARS |= {"skillspector_score": pl.Float64}


def polars(rows=ROWS):
    return pl.DataFrame(rows, schema_overrides=POLARS)


def polars_text():
    return pl.DataFrame(as_text(ROWS, "clawscan_context"), schema_overrides=POLARS)


for codec in ["lz4", "uncompressed", "snappy", "gzip", "brotli", "zstd"]:
    case("polars", f"write_parquet, {codec}")(lambda path, codec=codec: polars().write_parquet(path, compression=codec))
case("polars", "context as text")(lambda path: polars_text().write_parquet(path))
case("polars", "through pyarrow")(lambda path: polars().write_parquet(path, use_pyarrow=True))
case("polars", "Categorical")(lambda path: polars().with_columns(
    pl.col("clawscan_verdict", "static_status").cast(pl.Categorical)).write_parquet(path))
case("polars", "Enum")(lambda path: polars().with_columns(
    pl.col("split").cast(pl.Enum(["train", "test"]))).write_parquet(path))
case("polars", "row groups of 4, small pages")(
    lambda path: polars().write_parquet(path, row_group_size=4, data_page_size=100))
case("polars", "full statistics")(lambda path: polars().write_parquet(path, statistics="full"))
for dtype in [pl.Int8, pl.Int16, pl.UInt8, pl.UInt64, pl.Float32, pl.Decimal(10, 2), pl.Int128]:
    case("polars", f"counts as {dtype}", refused="Int128|decoded|expected" if dtype == pl.Int128 else None)(
        lambda path, dtype=dtype: polars().with_columns(pl.col(*COUNTS).cast(dtype)).write_parquet(path))
case("polars", "codes as Array", rows=[r | {"skillspector_issue_codes": ["A", "B"]} for r in ROWS])(
    lambda path: polars([r | {"skillspector_issue_codes": ["A", "B"]} for r in ROWS]).with_columns(
        pl.col("skillspector_issue_codes").cast(pl.Array(pl.String, 2))).write_parquet(path))
case("polars", "codes as List(Categorical)")(lambda path: polars().with_columns(
    pl.col("static_reason_codes").cast(pl.List(pl.Categorical))).write_parquet(path))
case("polars", "text as Binary")(lambda path: polars().with_columns(
    pl.col("skill_md_content").cast(pl.Binary)).write_parquet(path))
case("polars", "write_ndjson", "train.ndjson")(lambda path: polars().write_ndjson(path))
case("polars", "write_json", "train.json")(lambda path: polars().write_json(path))
case("polars", "write_csv, lists as JSON text", "train.csv")(lambda path: pl.DataFrame(as_text(
    ROWS, "clawscan_context", "skill_bundle_content", *LISTS), infer_schema_length=None).write_csv(path))
case("polars", "write_ipc named .parquet", refused="an Arrow or Feather file")(lambda path: polars().write_ipc(path))
case("polars", "partitioned folder", "train/0.parquet")(lambda path: polars().write_parquet(path))

# DuckDB ----------------------------------------------------------------------------------------------------------


def duck(path, options, select="*", rows=ROWS):
    source = path + ".rows.jsonl"
    with open(source, "w") as file:
        file.writelines(json.dumps(r) + "\n" for r in rows)
    connection = duckdb.connect()
    connection.sql(f"COPY (SELECT {select} FROM read_json_auto('{source}', maximum_object_size=100000000)) "
                   f"TO '{path}' ({options})")
    os.remove(source)


for codec in ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4_raw"]:
    case("duckdb", f"read_json_auto, {codec}")(lambda path, codec=codec: duck(path, f"FORMAT parquet, CODEC {codec}"))
case("duckdb", "parquet version 2")(lambda path: duck(path, "FORMAT parquet, PARQUET_VERSION v2"))
case("duckdb", "context as JSON")(lambda path: duck(
    path, "FORMAT parquet", "* REPLACE (to_json(clawscan_context) AS clawscan_context)"))
case("duckdb", "bundle as JSON")(lambda path: duck(
    path, "FORMAT parquet", "* REPLACE (to_json(skill_bundle_content) AS skill_bundle_content)"))
case("duckdb", "verdict as ENUM")(lambda path: duck(path, "FORMAT parquet",
    "* REPLACE (clawscan_verdict::ENUM('clean', 'suspicious', 'malicious', 'review') AS clawscan_verdict)"))
for kind in ["TINYINT", "SMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "DOUBLE", "DECIMAL(9, 1)", "DECIMAL(30, 4)"]:
    case("duckdb", f"counts as {kind}")(lambda path, kind=kind: duck(
        path, "FORMAT parquet", f"* REPLACE (virustotal_harmless_count::{kind} AS virustotal_harmless_count)"))
case("duckdb", "text as BLOB")(lambda path: duck(
    path, "FORMAT parquet", "* REPLACE (skill_version::BLOB AS skill_version)"))
case("duckdb", "row groups")(lambda path: duck(path, "FORMAT parquet, ROW_GROUP_SIZE 2048"))
case("duckdb", "id as UUID", refused="id.*expected a string|bytes that are no UTF-8")(lambda path: duck(
    path, "FORMAT parquet", "* REPLACE (uuid() AS id)"))
case("duckdb", "COPY TO json", "train.json")(lambda path: duck(path, "FORMAT json"))
case("duckdb", "COPY TO json, array", "train.json")(lambda path: duck(path, "FORMAT json, ARRAY true"))
case("duckdb", "COPY TO json, gzip", "train.jsonl.gz")(lambda path: duck(path, "FORMAT json, COMPRESSION gzip"))
JSON_COLUMNS = ", ".join(f"to_json({c}) AS {c}" for c in ["clawscan_context", "skill_bundle_content", *LISTS])
case("duckdb", "COPY TO csv, nested as JSON", "train.csv")(
    lambda path: duck(path, "FORMAT csv, HEADER", f"* REPLACE ({JSON_COLUMNS})"))

# datasets --------------------------------------------------------------------------------------------------------


def dataset(rows=None):
    return datasets.Dataset.from_list(as_text(ROWS, "clawscan_context") if rows is None else rows)


case("datasets", "to_parquet, as push_to_hub names it", "data/train-00000-of-00001.parquet")(
    lambda path: dataset().to_parquet(path))
case("datasets", "to_parquet, context as struct")(lambda path: dataset(ROWS).to_parquet(path))
case("datasets", "to_parquet with a hash", "data/train-00000-of-00001-0123456789abcdef.parquet")(
    lambda path: dataset().to_parquet(path))
case("datasets", "ClassLabel", refused="clawscan_verdict.*is a whole number, expected a string")(
    lambda path: dataset().class_encode_column("clawscan_verdict").to_parquet(path))
OBJECTS = datasets.Sequence({"path": datasets.Value("string"), "sizeBytes": datasets.Value("int64")})
case("datasets", "Sequence of objects")(lambda path: datasets.Dataset.from_list(
    [r | {"skill_bundle_content": {k: [f[k] for f in r["skill_bundle_content"]] for k in ["path", "sizeBytes"]}}
     for r in as_text(ROWS, "clawscan_context")],
    features=datasets.Features(dataset().features | {"skill_bundle_content": OBJECTS})).to_parquet(path))
case("datasets", "large strings")(lambda path: dataset().cast_column(
    "skill_md_content", datasets.Value("large_string")).to_parquet(path))
case("datasets", "to_json", "train.jsonl")(lambda path: dataset(ROWS).to_json(path))
case("datasets", "to_json, context as text", "train.jsonl")(lambda path: dataset().to_json(path))
case("datasets", "to_json, one array", "train.json")(
    lambda path: dataset(ROWS).to_json(path, lines=False, orient="records"))
case("datasets", "to_csv, nested as JSON", "train.csv")(lambda path: dataset(as_text(
    ROWS, "clawscan_context", "skill_bundle_content", *LISTS)).to_csv(path))
case("datasets", "save_to_disk", "train/x", refused="write it with `to_parquet`")(
    lambda path: dataset().save_to_disk(os.path.dirname(path)))

# JSON as people write it ------------------------------------------------------------------------------------------


def text(variant, make, name="train.jsonl", refused=None, rows=ROWS, writer="Python json"):
    def write(path):
        made = make()
        with open(path, "wb") as file:
            file.write(made if isinstance(made, bytes) else made.encode())

    case(writer, variant, name, rows=rows, refused=refused)(write)


def lines(rows=ROWS, end="\n", **options):
    return end.join(json.dumps(r, **options) for r in rows) + end


text("escaped", lines)
text("not ASCII", lambda: lines(ensure_ascii=False))
text("no blanks", lambda: lines(separators=(",", ":")))
text("keys sorted", lambda: lines(sort_keys=True))
text("CR LF", lambda: lines(end="\r\n"))
text("a byte order mark", lambda: "\ufeff" + lines())
text("blank lines", lambda: lines(end="\n\n"))
text("no last line end", lambda: lines().rstrip())
text("context as text", lambda: lines(as_text(ROWS, "clawscan_context")))
text("bundle as text", lambda: lines(as_text(ROWS, "skill_bundle_content")))
text("lists as text", lambda: lines(as_text(ROWS, *LISTS)))
text("counts as floats", lambda: lines([r | {c: r[c] if r[c] is None else float(r[c]) for c in COUNTS} for r in ROWS]))
text("sizes as floats", lambda: lines([r | {"skill_bundle_content": [
    f | {"sizeBytes": float(f["sizeBytes"])} for f in r["skill_bundle_content"]]} for r in ROWS]))
text("empty lists, bundles and contexts as null", lambda: lines([r | {
    c: r[c] or None for c in [*LISTS, "skill_bundle_content"]} for r in ROWS]))
text("a NUL in a text", lambda: lines([r | {"clawscan_summary": "a\0b"} for r in ROWS]),
     rows=[r | {"clawscan_summary": "a\0b"} for r in ROWS])
text("half a character", lambda: lines([r | {"clawscan_summary": "a\ud83d"} for r in ROWS]),
     rows=[r | {"clawscan_summary": "a\ufffd"} for r in ROWS])
text("an array", lambda: json.dumps(ROWS), "train.json")
text("an array, indented", lambda: json.dumps(ROWS, indent=4), "train.json")
text("an array named .jsonl", lambda: json.dumps(ROWS))
text("upper-case name", lines, "TRAIN.JSONL")
text(".ndjson", lines, "train.ndjson")
text("gzip", lambda: gzip.compress(lines().encode()), "train.jsonl.gz")
text("zstd", lambda: zstandard.compress(lines().encode()), "train.jsonl.zst")
text("two gzip members", lambda: gzip.compress(lines(ROWS[:9]).encode()) + gzip.compress(lines(ROWS[9:]).encode()),
     "train.jsonl.gz")
text("gzip named .jsonl", lambda: gzip.compress(lines().encode()), refused="is gzip-compressed")
text("cut gzip", lambda: gzip.compress(lines().encode())[:-20], "train.jsonl.gz", refused="can't read")
text("cut array", lambda: json.dumps(ROWS)[:-20], "train.json", refused="cut short")
text("an object over several lines", lambda: "\n".join(json.dumps(r, indent=2) for r in ROWS), refused="over several lines")
text("an array a line", lambda: lines([list(r.values()) for r in ROWS]), refused="JSON arrays")
text("NaN for null", lambda: lines([r | {"skillspector_score": float("nan")} for r in ROWS]), refused="bad_json")
text("UTF-16", lambda: lines().encode("utf-16"), refused="UTF-16")
text("UTF-16 without a mark", lambda: lines().encode("utf-16-le"), refused="UTF-16")
text("CR alone", lambda: lines(end="\r"), refused="CR alone")
text("a web page", lambda: "<!DOCTYPE html><html>", refused="a web page")
text("a Git LFS pointer", lambda: "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", refused="LFS pointer")
text("an LFS pointer named .parquet", lambda: "version https://git-lfs.github.com/spec/v1\n", SPLIT + ".parquet",
     refused="LFS pointer")
text("an empty file", lambda: "", refused="no rows; the source is empty")
text("another dataset", lambda: lines([{"text": "a", "label": 1}] * 9), refused="column `id` is missing")
text("val.jsonl", lines, "val.jsonl", refused=r"rename it to validation\.jsonl")
text("rows.jsonl in a folder", lines, "rows.jsonl", refused="found rows.jsonl")
text("zip", lambda: zipped(lines()), refused="a zip archive")
NODE = "const rows=JSON.parse(require('fs').readFileSync(0));process.stdout.write("


def zipped(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("train.jsonl", content)
    return out.getvalue()


def piped(*words):
    return subprocess.run(words, input=json.dumps(ROWS).encode(), stdout=subprocess.PIPE, check=True).stdout


if shutil.which("jq"):
    text("jq -c .[]", lambda: piped("jq", "-c", ".[]"), writer="jq")
    text("jq .", lambda: piped("jq", "."), "train.json", writer="jq")
    text("jq .[]", lambda: piped("jq", ".[]"), writer="jq", refused="over several lines")
if shutil.which("node"):
    text("JSON.stringify, lines", lambda: piped("node", "-e", NODE + r"rows.map(r=>JSON.stringify(r)).join('\n'))"),
         writer="node")
    text("JSON.stringify, indented", lambda: piped("node", "-e", NODE + "JSON.stringify(rows,null,2))"), "train.json",
         writer="node")
    text("cut between two halves", lambda: piped("node", "-e", NODE + (
        r"rows.map(r=>JSON.stringify({...r,clawscan_summary:'x😀'.slice(0,2)})).join('\n'))")),
        rows=[r | {"clawscan_summary": "x\ufffd"} for r in ROWS], writer="node")

# The check -------------------------------------------------------------------------------------------------------


def ingest(source, out):
    words = [CLAWSIG, "ingest", "--quiet", "--set", "source.kind=path", "--set", f"source.path={source}", "--out", out]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.returncode, done.stderr.strip()


def check(at, writer, variant, name, write, rows, refused):
    source, out = (os.path.join(FOLDER, f"{kind}-{at}") for kind in ("source", "run"))
    path = os.path.join(source, name)
    os.makedirs(os.path.dirname(path))
    try:
        write(path)
    except Exception as error:  # the writer's own limit
        return None, f"not written: {str(error).splitlines()[0][:90] if str(error) else type(error).__name__}"
    code, told = ingest(source, out)
    last = told.splitlines()[-1] if told else ""
    if refused:
        fits = code != 0 and re.search(refused, told) and len(told) < 1500 and "{" not in last
        return bool(fits), f"refused: {last.split(': ', 1)[-1][:110]}" if code else "READ, though it is to be refused"
    if code != 0:
        return False, f"REFUSED: {last[:300]}"
    found = pq.read_table(os.path.join(out, "ingest", "signals", f"{SPLIT}.parquet")).to_pylist()
    expected = list(signals(rows))
    if len(found) != len(expected):
        return False, f"{len(found)} rows of {len(expected)}"
    for number, (a, b) in enumerate(zip(found, expected)):
        for column, value in b.items():
            if a[column] != value:
                return False, f"row {number}, {column}: {a[column]!r} for {value!r}"
    return True, f"{len(found)} rows, {len(found) * len(expected[0])} cells"


datasets.disable_progress_bars()
warnings.simplefilter("ignore")
shutil.rmtree(FOLDER, ignore_errors=True)
os.makedirs(FOLDER)
modules = [pd, pa, pl, duckdb, datasets, fastparquet]
print(", ".join(f"{module.__name__} {module.__version__}" for module in modules))
right, wrong, unwritten = 0, 0, 0
for at, (writer, variant, *rest) in enumerate(CASES):
    fits, told = check(at, writer, variant, *rest)
    right, wrong, unwritten = right + (fits is True), wrong + (fits is False), unwritten + (fits is None)
    print(f"{ {True: 'ok', False: 'WRONG', None: '-'}[fits]:5} {writer:12} {variant:48} {told}")
print(f"{len(CASES)} files: {right} as they should be, {wrong} wrong, {unwritten} that the writer can't write")
sys.exit(1 if wrong else 0)
