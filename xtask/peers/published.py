"""A dataset lock and published figures for any snapshot of the dataset's form, counted from its raw rows
by nothing but Python's standard library.

published.py FOLDER NAME OUT reads FOLDER/{train,validation,test,eval_holdout}.jsonl (or FOLDER/data/...) and
writes OUT/lock.json and OUT/published.json: the figures of data/published.json with this snapshot's values,
rounded as those are. `clawsig verify RUN --lock OUT/lock.json --published OUT/published.json` compares a run
with them. Flags follow the exporter's labels; a row without a label is not flagged.
"""

import collections
import decimal
import hashlib
import json
import pathlib
import sys

SPLITS = ["train", "validation", "test", "eval_holdout"]
VERDICTS = ["clean", "suspicious", "malicious"]
SCANNERS = ["static", "virustotal", "skillspector"]


def label(text):
    text = (text or "").lower()
    for name, words in (
        ("malicious", ["malicious", "malware"]),
        ("suspicious", ["suspicious"]),
        ("clean", ["clean", "safe", "harmless"]),
    ):
        if any(word in text for word in words):
            return name
    return "unknown"


def is_flag(name):
    return name in ("suspicious", "malicious")


def virustotal(row):
    if (row["virustotal_malicious_count"] or 0) > 0 or (row["virustotal_suspicious_count"] or 0) > 0:
        return True
    output = row["clawscan_context"].get("virustotal") or {}
    by_verdict = label(output.get("verdict"))
    return is_flag(by_verdict if by_verdict != "unknown" else label(row["virustotal_status"]))


def skillspector(row):
    status = (row["skillspector_status"] or "").strip().lower()
    if status in ("error", "failed"):
        return False
    if label(status) != "unknown":
        return is_flag(label(status))
    output = row["clawscan_context"].get("skillspector") or {}
    advice = output.get("verdict") if output.get("verdict") is not None else output.get("recommendation")
    advice = (advice or "").lower().replace("_", " ")
    return (
        "do not install" in advice
        or "caution" in advice
        or row["skillspector_issue_count"] > 0
        or (row["skillspector_score"] or 0) > 20
    )


class Counts:
    def __init__(self):
        self.rows = collections.Counter()
        self.flagged = collections.Counter()
        self.both = collections.Counter()
        self.patterns = collections.Counter()
        self.codes = collections.Counter()
        self.categories = collections.Counter()
        self.bundles = collections.Counter()

    def add(self, row, split):
        verdict = row["clawscan_verdict"]
        self.rows[split, verdict] += 1
        flags = {
            "static": is_flag(label(row["static_status"])),
            "virustotal": virustotal(row),
            "skillspector": skillspector(row),
            "verdict": verdict != "clean",
        }
        for rater, flag in flags.items():
            self.flagged[rater, split, verdict] += flag
        self.patterns[tuple(flags[name] for name in SCANNERS)] += 1
        self.codes.update(set(row["static_reason_codes"]))
        self.categories.update(set(row["skillspector_issue_categories"]))
        paths = [file["path"] for file in row["skill_bundle_content"]]
        self.bundles["bundle_rows"] += bool(paths)
        self.bundles["bundle_files"] += len(paths)
        self.bundles["bundle_duplicate_paths"] += len(paths) - len(set(paths))
        self.bundles["bundle_unsafe_paths"] += sum(map(unsafe, paths))

    def total(self, counter, split=None, verdict=None, rater=None):
        return sum(
            count
            for key, count in counter.items()
            if (split is None or key[-2] == split)
            and (verdict is None or key[-1] == verdict)
            and (rater is None or key[0] == rater)
        )

    def measure(self, what):
        of, split, verdict = what["of"], what.get("split"), what.get("verdict")
        if of == "rows":
            return self.total(self.rows, split, verdict)
        if of.startswith("bundle_"):
            return self.bundles[of]
        if of == "issue_category":
            return self.categories[what["name"]]
        if of == "reason_code":
            return self.codes[what["name"]]
        if of in ("flagged", "flagged_of_verdict"):
            return self.total(self.flagged, split, verdict, what.get("rater") or what["scanner"])
        if of == "share_of_verdict":
            return ratio(self.total(self.flagged, None, verdict, what["scanner"]), self.total(self.rows, None, verdict))
        if of == "largest_overlap":
            pairs = [(0, 1), (0, 2), (1, 2)]
            return max(
                ratio(
                    sum(n for flags, n in self.patterns.items() if flags[a] and flags[b]),
                    sum(n for flags, n in self.patterns.items() if flags[a] or flags[b]),
                )
                for a, b in pairs
            )
        if of == "flagged_by_all":
            return ratio(self.patterns[True, True, True], self.total(self.rows))
        if of == "flagged_by_one":
            one = sum(n for flags, n in self.patterns.items() if sum(flags) == 1)
            return ratio(one, sum(n for flags, n in self.patterns.items() if any(flags)))
        if of == "always_suspicious_f1":
            rows = self.total(self.rows, split)
            positive = rows - self.total(self.rows, split, "clean")
            return ratio(2 * positive, rows + positive)
        if of == "flag_f1":
            scanner = what["scanner"]
            flagged = self.total(self.flagged, split, None, scanner)
            true = flagged - self.total(self.flagged, split, "clean", scanner)
            positive = self.total(self.rows, split) - self.total(self.rows, split, "clean")
            return ratio(2 * true, flagged + positive)
        return None


def ratio(part, whole):
    return decimal.Decimal(part) / decimal.Decimal(whole)


def unsafe(path):
    return not path or path[0] == "/" or "\0" in path or "\\" in path or path[1:2] == ":" or ".." in path.split("/")


def rounded(value, figure):
    rule = figure["rounding"]
    if rule["rule"] == "exact":
        return int(value)
    value = decimal.Decimal(value) * (100 if figure.get("percent") else 1)
    return float(value.quantize(decimal.Decimal(1).scaleb(-rule["decimals"]), decimal.ROUND_HALF_UP))


def main(folder, name, out):
    folder, out = pathlib.Path(folder), pathlib.Path(out)
    data = folder / "data" if (folder / "data").is_dir() else folder
    counts, files = Counts(), []
    for split in SPLITS:
        path = data / f"{split}.jsonl"
        digest, size, rows, verdicts = hashlib.sha256(), 0, 0, collections.Counter()
        with path.open("rb") as lines:
            for line in lines:
                digest.update(line)
                size += len(line)
                if line.strip():
                    row = json.loads(line)
                    rows += 1
                    verdicts[row["clawscan_verdict"]] += 1
                    counts.add(row, split)
        files.append(
            {
                "path": f"data/{split}.jsonl",
                "split": split,
                "rows": rows,
                "bytes": size,
                "sha256": digest.hexdigest(),
                "verdicts": [verdicts[verdict] for verdict in VERDICTS],
            }
        )
    template = json.loads((pathlib.Path(__file__).parents[2] / "data" / "published.json").read_text())
    ranked = {"issue_category": counts.categories.most_common(), "reason_code": counts.codes.most_common()}
    figures = []
    for figure in template["figures"]:
        measure = figure["measure"]
        if measure["of"] in ranked:
            # The most frequent ones of this snapshot, as the published ones are of theirs.
            if not ranked[measure["of"]]:
                continue
            measure["name"] = ranked[measure["of"]].pop(0)[0]
            figure["name"] = f"rows with {measure['name']}"
        value = counts.measure(measure)
        if value is not None:
            figure["value"] = rounded(value, figure)
            figure["source"] = "python"
            figures.append(figure)
    published = {
        "format": template["format"],
        "snapshot": name,
        "sources": {"python": "xtask/peers/published.py"},
        "figures": figures,
    }
    revision = hashlib.sha1(json.dumps(files).encode()).hexdigest()
    snapshot = {"name": name, "repo": f"local/{name}", "revisions": [revision], "files": files}
    out.mkdir(parents=True, exist_ok=True)
    (out / "lock.json").write_text(json.dumps({"format": "1.0", "snapshots": [snapshot]}, indent=1) + "\n")
    (out / "published.json").write_text(json.dumps(published, indent=1) + "\n")


main(*sys.argv[1:4])
