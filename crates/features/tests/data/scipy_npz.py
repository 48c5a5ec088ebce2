"""Writes scipy/*.npz and scipy/expected.json: matrices as SciPy and scikit-learn save them.

Run by hand with scikit-learn 1.9.1 and SciPy: python scipy_npz.py
"""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

FOLDER = Path(__file__).parent / "scipy"
TEXTS = ["zeta alpha beta alpha", "beta gamma", "", "delta zeta zeta"]
plain = sp.csr_matrix([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, 0, -4.25]])


def unsorted():
    return sp.csr_matrix((np.array([1.0, 2, 3]), np.array([3, 0, 2]), np.array([0, 2, 3])), (2, 4))


def duplicates():
    data = np.array([1.0, 2, 4, 8, 16])
    return sp.csr_matrix((data, np.array([3, 0, 3, 1, 1]), np.array([0, 3, 5])), (2, 4))


def with_room():
    matrix = plain.copy()
    matrix.data = np.append(matrix.data, [9.0, 9.0])
    matrix.indices = np.append(matrix.indices, [0, 1]).astype(matrix.indices.dtype)
    return matrix


def wide_indices():
    matrix = sp.csr_array(plain)
    matrix.indices, matrix.indptr = (x.astype(np.int64) for x in (matrix.indices, matrix.indptr))
    return matrix


MATRICES = {
    "tfidf": TfidfVectorizer().fit_transform(TEXTS),
    "counts": CountVectorizer(binary=False).fit_transform(TEXTS),
    "array": sp.csr_array(plain),
    "wide_indices": wide_indices(),
    "hstack": sp.hstack([unsorted(), duplicates()]),
    "hstack_dense": sp.hstack([plain, np.ones((3, 1))], format="csr"),
    "unsorted": unsorted(),
    "duplicates": duplicates(),
    "with_room": with_room(),
    "bool": sp.csr_matrix(plain.toarray() != 0),
    "int8": sp.csr_matrix(plain.toarray().astype(np.int8)),
    "int64": sp.csr_matrix(plain.toarray().astype(np.int64)),
    "uint16": sp.csr_matrix(abs(plain.toarray()).astype(np.uint16)),
    "float32": plain.astype(np.float32),
    "big_endian": sp.csr_matrix((plain.data.astype(">f8"), plain.indices, plain.indptr), (3, 4)),
    "no_rows": sp.csr_matrix((0, 5)),
    "no_entries": sp.csr_matrix((2, 3)),
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for name, matrix in MATRICES.items():
        sp.save_npz(FOLDER / f"{name}.npz", matrix, compressed=name in ("tfidf", "bool"))
        rows = sp.load_npz(FOLDER / f"{name}.npz").toarray().astype(float).tolist()
        expected[name] = {"columns": matrix.shape[1], "rows": rows}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in expected.items()]
    (FOLDER / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
