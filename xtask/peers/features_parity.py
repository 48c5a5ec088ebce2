"""Compares the vectorizers of clawsig-features with scikit-learn's on given and on hostile texts.

features_parity.py EXAMPLE TIES INPUT..., where EXAMPLE is the built example `features_parity`,
TIES the file in which tied terms are listed and each INPUT a .jsonl file of dataset rows
(`skill_md_content`) or of JSON strings. Four fifths of the texts are fitted to, the others
transformed with what was learned; the hostile texts are in both.

For each parameter set it demands: the same terms in the same order, apart from terms tied at the
max_features cut; idf and every entry of both matrices within 1e-12 (absolute). Where the choice
among tied terms differs, the terms that one side alone chose are written to TIES and counted, the
entries of all columns are compared with a scikit-learn that is given our terms, and those of the
rows without such a term also with the one that chose for itself. Exits with 1 if anything else
differs.

The largest difference of idf and of the entries of both matrices is printed for each set.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unicodedata
import warnings

import numpy
import scipy.sparse
import sklearn
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "crates/features/tests/data"))
import sklearn_golden as golden  # noqa: E402

LIMIT = 1e-12

# The fixed vocabulary holds a term with a capital on purpose: its column stays empty.
warnings.filterwarnings("ignore", message="Upper case characters found in vocabulary")

CASES = {
    "seed": {"max_features": 1000},
    "notebook_full": {
        "ngrams": [1, 2], "min_df": {"count": 3}, "sublinear": True, "max_chars": 6000,
        "max_features": 20000,
    },
    "paper": {"ngrams": [1, 2], "min_df": {"count": 3}, "sublinear": True, "max_features": 20000},
    "counts": {"min_df": {"count": 5}, "max_df": {"count": 100}},
    "english": {"stop_words": sorted(ENGLISH_STOP_WORDS), "ngrams": [1, 2], "max_features": 5000},
    "binary_cut": {"binary": True, "ngrams": [1, 2], "max_features": 3000, "norm": "l1"},
} | golden.CASES

# 120,000 characters: words of seven letters, and one word without an end.
LONG = [
    "".join(chr(97 + i * i % 26) + (" " if i % 7 == 0 else "") for i in range(105_000))[:120_000],
    "é" * 120_000,
]


def texts_of(paths):
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield row if isinstance(row, str) else row["skill_md_content"] or ""


def tied_terms(params, texts):
    """The terms whose count is that of the cut: either side may choose among them."""
    if params["max_features"] is None:
        return set()
    counter = CountVectorizer(
        analyzer=params["analyzer"], ngram_range=tuple(params["ngrams"]),
        lowercase=params["lowercase"], stop_words=params["stop_words"] or None,
        min_df=golden.limit(params["min_df"]), max_df=golden.limit(params["max_df"]),
        binary=params["binary"],
    )
    counts = numpy.asarray(counter.fit_transform(texts).sum(axis=0)).ravel()
    if len(counts) <= params["max_features"]:
        return set()
    ordered = numpy.sort(counts)[::-1]
    cut = ordered[params["max_features"] - 1]
    if ordered[params["max_features"]] < cut:
        return set()
    return set(counter.get_feature_names_out()[counts == cut])


def largest(left, right):
    """The largest difference of two sparse matrices; infinite where their places differ."""
    left, right = left.tocsr(), right.tocsr()
    right.eliminate_zeros()
    right.sort_indices()
    places = left.shape == right.shape and (left.indptr == right.indptr).all() and (
        left.indices == right.indices
    ).all()
    if not places:
        return float("inf")
    return float(abs(left.data - right.data).max()) if left.nnz else 0.0


def compare(folder, name, params, fitted, held, ties):
    """The outcome of one parameter set: whether all is well, and what to print."""
    ours = [scipy.sparse.load_npz(folder / f"{name}{end}.npz") for end in ("", ".held")]
    if "columns" in params:
        theirs = golden.hashing(params)
        entries = max(largest(ours[0], theirs.transform(fitted)), largest(ours[1], theirs.transform(held)))
        return entries <= LIMIT, (
            f"{ours[0].shape[1]:>8} columns {ours[0].nnz:>9} entries  no idf       entries {entries:.1e}"
        )
    state = json.loads((folder / f"{name}.json").read_text())
    terms = state["terms"]
    vectorizer = golden.tfidf(params)
    theirs = [vectorizer.fit_transform(fitted), vectorizer.transform(held)]
    names = vectorizer.get_feature_names_out().tolist()
    different = set(names) ^ set(terms)
    tied = tied_terms(params, fitted)
    good = different <= tied and len(names) == len(terms)
    good &= [t for t in names if t not in different] == [t for t in terms if t not in different]
    place = {term: column for column, term in enumerate(names)}
    left = [i for i, term in enumerate(terms) if term in place]
    right = [place[terms[i]] for i in left]
    idf = 0.0
    if state["idf"] is not None and left:
        idf = float(abs(numpy.array(state["idf"])[left] - vectorizer.idf_[right]).max())
    note = f"{len(tied)} terms tied at the cut" if tied else "no tie at the cut"
    if params["max_features"] is None or len(terms) < params["max_features"]:
        note = "no cut"
    if different:
        for side, only in (
            ("clawsig's", sorted(set(terms) - set(names))),
            ("scikit-learn's", sorted(set(names) - set(terms))),
        ):
            ties.write(f"{name}: {len(only)} only {side}: {json.dumps(only)}\n")
        note += f", {len(set(terms) - set(names))} chosen otherwise"
        untouched = []
        for mine, other in zip(ours, theirs):
            mine_more = sorted(set(range(len(terms))) - set(left))
            other_more = sorted(set(range(len(names))) - set(right))
            touched = mine[:, mine_more].getnnz(axis=1) + other[:, other_more].getnnz(axis=1)
            rows = numpy.flatnonzero(touched == 0)
            untouched.append(len(rows))
            good &= largest(mine[rows][:, left], other[rows][:, right]) <= LIMIT
        note += f"; {sum(untouched)} rows hold none of these"
        given = golden.tfidf(params | {"vocabulary": terms, "max_features": None})
        theirs = [given.fit_transform(fitted), given.transform(held)]
        if state["idf"] is not None:
            idf = max(idf, float(abs(numpy.array(state["idf"]) - given.idf_).max()))
    entries = max(largest(mine, other) for mine, other in zip(ours, theirs))
    good &= idf <= LIMIT and entries <= LIMIT
    return good, (
        f"{len(terms):>8} columns {ours[0].nnz:>9} entries  idf {idf:.1e}  entries {entries:.1e}  {note}"
    )


def main():
    example, list_of_ties, *paths = sys.argv[1:]
    texts = list(texts_of(paths))
    fitted = [text for at, text in enumerate(texts) if at % 5] + golden.TEXTS + LONG
    held = texts[::5] + golden.TEXTS + LONG
    cases = {name: golden.BASE | changes for name, changes in CASES.items()}
    cases |= {name: golden.HASHING_BASE | changes for name, changes in golden.HASHING.items()}
    print(
        f"scikit-learn {sklearn.__version__}, Python {sys.version.split()[0]} with Unicode "
        f"{unicodedata.unidata_version}; {len(fitted)} texts of {sum(map(len, fitted))} characters "
        f"fitted to, {len(held)} of {sum(map(len, held))} held out", flush=True,
    )
    failed = 0
    with tempfile.TemporaryDirectory() as folder, open(list_of_ties, "w", encoding="utf-8") as ties:
        folder = pathlib.Path(folder)
        for name, some in (("fitted", fitted), ("held", held)):
            (folder / name).write_text("".join(json.dumps(text) + "\n" for text in some))
        for name, params in cases.items():
            case = folder / "case"
            case.write_text(json.dumps({"name": name, "params": params}) + "\n")
            subprocess.run(
                [example, "texts", folder / "fitted", folder / "held", case, folder], check=True
            )
            cut = [[text[: params["max_chars"]] for text in some] for some in (fitted, held)]
            good, line = compare(folder, name, params, *cut, ties)
            failed += not good
            print(f"{'same' if good else 'DIFFERS':8}{name:19}{line}", flush=True)
            for file in folder.glob(f"{name}.*"):
                file.unlink()
    print(f"{len(cases)} parameter sets, {failed} differ; tied terms in {os.path.relpath(list_of_ties)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
