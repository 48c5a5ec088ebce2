"""A dataset lock and published figures for any snapshot of the dataset's form, counted from its raw rows
by nothing but Python's standard library.

published.py FOLDER NAME OUT reads FOLDER/{train,validation,test,eval_holdout}.jsonl (or FOLDER/data/...) and
writes OUT/lock.json and OUT/published.json: the figures of data/published.json with this snapshot's values,
rounded as those are. `clawsig verify RUN --lock OUT/lock.json --published OUT/published.json` compares a run
with them. Flags are by the status; a row without one is not flagged.
"""

import decimal
import fractions
import hashlib
import itertools
import json
import pathlib
import statistics
import sys

SPLITS = ["train", "validation", "test", "eval_holdout"]
VERDICTS = ["clean", "suspicious", "malicious"]
SCANNERS = ["static", "virustotal", "skillspector"]
CODE = set("js ts mjs cjs mts cts jsx tsx py sh bash zsh rb go".split())
READINGS = [(0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair")]


def status(row, scanner):
    return row[f"{scanner}_status"] and row[f"{scanner}_status"].strip().lower()


def extension(path):
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name[1:] else ""


def is_unsafe(path):
    return not path or path[0] == "/" or "\0" in path or "\\" in path or path[1:2] == ":" or ".." in path.split("/")


def facts(row, split):
    """What the measures ask of a row, without its texts."""
    flags = {name: status(row, name) in ("suspicious", "malicious") for name in SCANNERS}
    paths = [file["path"] for file in row["skill_bundle_content"]]
    return {
        "split": split,
        "verdict": row["clawscan_verdict"],
        "flags": flags,
        "flagged_by": sum(flags.values()),
        "status": {name: status(row, name) for name in SCANNERS},
        "categories": set(row["skillspector_issue_categories"]),
        "codes": set(row["static_reason_codes"]),
        "extensions": {extension(path) for path in paths},
        "model": (row["clawscan_model"] or "").lower(),
        "confidence": (row["clawscan_confidence"] or "").strip().lower(),
        "slug": row["skill_slug"],
        "missing": {name for name, value in row.items() if value is None},
        "bundle_files": len(paths),
        "bundle_megabytes": fractions.Fraction(sum(file["sizeBytes"] for file in row["skill_bundle_content"]), 10**6),
        "bundle_duplicate_paths": len(paths) - len(set(paths)),
        "bundle_unsafe_paths": sum(map(is_unsafe, paths)),
        "score": row["skillspector_score"],
        "issues": row["skillspector_issue_count"],
        "text_characters": row["skill_md_content"] and len(row["skill_md_content"]),
    }


STATES = {
    "any": lambda found: found is not None,
    "none": lambda found: found is None,
    "resolved": lambda found: found in VERDICTS,
    "clean": lambda found: found == "clean",
    "stale": lambda found: found == "stale",
    "error": lambda found: found in ("error", "failed"),
}


def is_among(row, wanted):
    tests = {
        "split": lambda w: row["split"] == w,
        "verdict": lambda w: row["verdict"] == w,
        "not_clean": lambda w: not w or row["verdict"] != "clean",
        "flags": lambda w: all(row["flags"][name] == flag for name, flag in w.items()),
        "any_of": lambda w: any(row["flags"][name] for name in w),
        "flagged_by": lambda w: row["flagged_by"] in w,
        "scan": lambda w: STATES[w["state"]](row["status"][w["scanner"]]),
        "category": lambda w: w in row["categories"],
        "code": lambda w: w in row["codes"],
        "bundle": lambda w: row["bundle_files"] > 0 and (w == "any" or bool(row["extensions"] & CODE)),
        "model": lambda w: all(word in row["model"] for word in w.lower().split()),
        "confidence": lambda w: row["confidence"] == w.lower(),
        "slug": lambda w: row["slug"] == w,
    }
    return all(tests[name](value) for name, value in wanted.items())


def ratio(part, whole):
    return fractions.Fraction(part, whole) if whole else None


class Snapshot:
    def __init__(self):
        self.rows = []

    def select(self, wanted):
        return [row for row in self.rows if is_among(row, wanted or {})]

    def pair(self, statistic, a, b):
        n = len(self.rows)
        both = sum(row["flags"][a] and row["flags"][b] for row in self.rows)
        of_a, of_b = (sum(row["flags"][name] for row in self.rows) for name in (a, b))
        if statistic == "jaccard":
            return ratio(both, of_a + of_b - both)
        most = min(of_a, of_b) + min(n - of_a, n - of_b)
        agreed = n - of_a - of_b + 2 * both if statistic == "cohen_kappa" else most
        chance = of_a * of_b + (n - of_a) * (n - of_b)
        return ratio(agreed * n - chance, n * n - chance)

    def measure(self, what):
        of = what["of"]
        if of == "rows":
            return len(self.select(what.get("among")))
        if of == "share":
            whole = self.select(what.get("whole"))
            return ratio(sum(is_among(row, what["part"]) for row in whole), len(whole))
        if of in ("sum", "mean", "median"):
            values = [row[what["quantity"]] for row in self.select(what.get("among"))]
            values = [fractions.Fraction(value) for value in values if value is not None]
            if of == "sum":
                return sum(values)
            return getattr(statistics, of)(values) if values else None
        if of == "missing":
            return sum(what["column"] in row["missing"] for row in self.rows)
        if of == "pair":
            return self.pair(what["statistic"], what["a"], what["b"])
        pairs = list(itertools.combinations(SCANNERS, 2))
        if of == "largest_jaccard":
            return max(self.pair("jaccard", a, b) for a, b in pairs)
        if of == "pairs_read":
            kappas = [self.pair("cohen_kappa", a, b) for a, b in pairs]
            return sum(reading(kappa) == what["reading"] for kappa in kappas)
        if of == "f1":
            within = self.select(what.get("within"))
            flagged = [is_among(row, what.get("flagged") or {}) for row in within]
            positive = [row["verdict"] != "clean" for row in within]
            return ratio(2 * sum(map(bool.__and__, flagged, positive)), sum(flagged) + sum(positive))
        return None


def reading(kappa):
    above = [word for limit, word in READINGS if kappa > limit]
    return above[0] if above else "slight" if kappa >= 0 else "poor"


def rounded(value, figure):
    rule = figure["rounding"]
    value = fractions.Fraction(value) * (100 if figure.get("percent") else 1)
    if rule["rule"] == "exact":
        return float(value)
    decimals = decimal.Decimal(value.numerator) / decimal.Decimal(value.denominator)
    return float(decimals.quantize(decimal.Decimal(1).scaleb(-rule["decimals"]), decimal.ROUND_HALF_UP))


def main(folder, name, out):
    folder, out = pathlib.Path(folder), pathlib.Path(out)
    data = folder / "data" if (folder / "data").is_dir() else folder
    snapshot, files = Snapshot(), []
    for split in SPLITS:
        path = data / f"{split}.jsonl"
        digest, size, first = hashlib.sha256(), 0, len(snapshot.rows)
        with path.open("rb") as lines:
            for line in lines:
                digest.update(line)
                size += len(line)
                if line.strip():
                    snapshot.rows.append(facts(json.loads(line), split))
        rows = snapshot.rows[first:]
        files.append(
            {
                "path": f"data/{split}.jsonl",
                "split": split,
                "rows": len(rows),
                "bytes": size,
                "sha256": digest.hexdigest(),
                "verdicts": [sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS],
            }
        )
    template = json.loads((pathlib.Path(__file__).parents[2] / "data" / "published.json").read_text())
    figures = []
    for figure in template["figures"]:
        value = snapshot.measure(figure["measure"])
        if value is not None and "slug" not in figure["measure"].get("among", {}):
            figures.append({**figure, "value": rounded(value, figure), "source": "python"})
    published = {
        "format": template["format"],
        "snapshot": name,
        "sources": {"python": "xtask/peers/published.py"},
        "figures": figures,
    }
    revision = hashlib.sha1(json.dumps(files).encode()).hexdigest()
    locked = {"name": name, "repo": f"local/{name}", "revisions": [revision], "files": files}
    out.mkdir(parents=True, exist_ok=True)
    (out / "lock.json").write_text(json.dumps({"format": "1.0", "snapshots": [locked]}, indent=1) + "\n")
    (out / "published.json").write_text(json.dumps(published, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
