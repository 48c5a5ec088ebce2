"""Compares the vectorizer of clawsig-features with scikit-learn on real or synthetic texts.

features_parity.py EXAMPLE INPUT..., where EXAMPLE is the built example `features_parity` and each
INPUT a .jsonl file of dataset rows (`skill_md_content`) or of JSON strings. Runs the parameter
sets of crates/features/tests/data/sklearn_golden.py and the seed's and the notebook's, and prints
for each: columns, entries, terms that differ apart from ties at the max_features cut, and the
largest differences of idf and entries. Exits with 1 if anything else differs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import scipy.sparse
import sklearn
from sklearn.feature_extraction.text import CountVectorizer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "crates/features/tests/data"))
import sklearn_golden as golden  # noqa: E402

CASES = {
    "seed": {"max_features": 1000},
    "notebook_full": {
        "ngrams": [1, 2], "min_df": {"count": 3}, "sublinear": True, "max_chars": 6000,
        "max_features": 20000,
    },
} | golden.CASES


def texts_of(paths):
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield row if isinstance(row, str) else row["skill_md_content"] or ""


def ties(params, texts):
    """The terms whose count is that of the cut: either side may choose among them."""
    if params["max_features"] is None:
        return set()
    counter = CountVectorizer(
        ngram_range=tuple(params["ngrams"]), min_df=golden.limit(params["min_df"]),
        max_df=golden.limit(params["max_df"]), binary=params["binary"],
    )
    counts = numpy.asarray(counter.fit_transform(texts).sum(axis=0)).ravel()
    if len(counts) <= params["max_features"]:
        return set()
    cut = numpy.sort(counts)[-params["max_features"]]
    return set(counter.get_feature_names_out()[counts == cut])


def main():
    example, *paths = sys.argv[1:]
    texts = list(texts_of(paths)) + golden.TEXTS
    texts.append("".join(chr(97 + i % 26) + (" " if i % 7 == 0 else "") for i in range(120_000)))
    cases = {name: golden.BASE | changes for name, changes in CASES.items()}
    failed = False
    print(f"scikit-learn {sklearn.__version__}, {len(texts)} texts, {sum(map(len, texts))} characters")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "texts").write_text("".join(json.dumps(text) + "\n" for text in texts))
        (folder / "cases").write_text(
            "".join(json.dumps({"name": n, "params": p}) + "\n" for n, p in cases.items())
        )
        subprocess.run([example, folder / "texts", folder / "cases", folder], check=True)
        for name, params in cases.items():
            cut = [text[: params["max_chars"]] for text in texts]
            vectorizer = golden.tfidf(params)
            theirs = vectorizer.fit_transform(cut).tocsc()
            ours = scipy.sparse.load_npz(folder / f"{name}.npz").tocsc()
            state = json.loads((folder / f"{name}.json").read_text())
            names = vectorizer.get_feature_names_out().tolist()
            different = set(names) ^ set(state["terms"])
            tied = ties(params, cut)
            place = {term: column for column, term in enumerate(names)}
            shared = [(i, place[t]) for i, t in enumerate(state["terms"]) if t in place]
            left, right = map(list, zip(*shared))
            idf = 0.0
            if state["idf"] is not None:
                idf = float(abs(numpy.array(state["idf"])[left] - vectorizer.idf_[right]).max())
            entries = ""
            bad = bool(different - tied) or idf > 1e-12 or left != sorted(left)
            if not different:
                largest = float(abs(ours[:, left] - theirs[:, right]).max())
                entries = f"entries differ by at most {largest:.1e}"
                bad |= largest > 1e-12 or ours.nnz != theirs.nnz or state["terms"] != names
            else:
                entries = f"{len(different)} terms differ, all tied at the cut: {sorted(different)[:6]}"
            failed |= bad
            print(
                f"{'DIFFERS' if bad else 'same':8}{name:14} {ours.shape[1]:>8} columns "
                f"{ours.nnz:>9} entries  idf {idf:.1e}  {entries}"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
