"""Prints sklearn_golden.json: what scikit-learn 1.9.1 (Python 3.11, Unicode 14.0) makes of some
synthetic and hostile texts with TfidfVectorizer(...).fit_transform and HashingVectorizer.

    python sklearn_golden.py > sklearn_golden.json

max_features cuts are placed where no tie decides.
"""

import json
import sys

from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

TEXTS = [
    "Install the tool, then run the tool. Run it twice!",
    "the tool reads the file and sends the file",
    "The FILE is read; the file_name_2 isn't. 12 12 7 x",
    "",
    " \u2028\t\n ",
    "a",
    "İstanbul ISTANBUL ıstanbul Istanbul",
    "STRASSE Straße ẞtraße straße",
    "ΟΔΟΣ οδος ΣΑΣ Σ σ ΑΣ. ΑΣΑ",
    "漢字 かな カナ 漢字かな 한국어 漢",
    "cafe\u0301 café CAFÉ na\u00efve nai\u0308ve",
    "\u2066isolated\u2069 \u061cmark\u200f שלום مرحبا soft\u00adhyphen word\u2060joiner",
    "I\u0307i\u0307 ǅa ǈa ﬁa Σ\u0301Σ AΣ\u00adA AΣ'A AΣ. \U00010400\U00010401 İİ",
    "zero\u200bwidth zero\u200dwidth \u202eright to left\u202c tool\ufeff",
    "😀😀 tool😀file 👩\u200d💻 🇩🇪 ⓐⓑ ①② x² ½½ ⅧⅨ",
    "snake_case __init__ _a_ __ 0x1F 3.14 1_000",
    "the tool  reads\t\tthe\x1c\x1dfile \x1fend",
    "abc " * 30 + "tool " * 300,
]
BASE = {
    "analyzer": "word", "ngrams": [1, 1], "lowercase": True, "min_df": {"count": 1},
    "max_df": {"share": 1.0}, "max_features": None, "sublinear": False, "binary": False,
    "idf": "smooth", "norm": "l2", "stop_words": [], "vocabulary": None, "max_chars": None,
}
CASES = {
    "default": {},
    "notebook": {"ngrams": [1, 2], "min_df": {"count": 3}, "sublinear": True, "max_chars": 6000},
    "max_features": {"max_features": 2},
    "trigrams": {"ngrams": [1, 3], "min_df": {"count": 2}},
    "only_bigrams": {"ngrams": [2, 2], "norm": "l1"},
    "shares": {"min_df": {"share": 0.1}, "max_df": {"share": 0.3}},
    "stop_words": {"stop_words": ["the", "tool"], "ngrams": [1, 2]},
    "plain_idf": {"idf": "plain", "norm": "none"},
    "no_idf": {"idf": "none"},
    "binary": {"binary": True, "max_features": 1},
    "case_kept": {"lowercase": False},
    "fixed": {"vocabulary": ["tool", "the file", "File", "zebra", "the"], "ngrams": [1, 2]},
    "char": {"analyzer": "char", "ngrams": [1, 3]},
    "char_wb": {"analyzer": "char_wb", "ngrams": [2, 4]},
    "char_wb_long": {"analyzer": "char_wb", "ngrams": [5, 6]},
    "cut": {"max_chars": 5},
}
HASHING_BASE = {
    "analyzer": "word", "ngrams": [1, 1], "lowercase": True, "columns": 2**20,
    "alternate_sign": True, "binary": False, "norm": "l2", "stop_words": [], "max_chars": None,
}
HASHING = {
    "hashing": {"ngrams": [1, 2]},
    "hashing_stop_words": {"stop_words": ["the", "tool"], "ngrams": [1, 2], "columns": 4096},
    "hashing_cut": {"max_chars": 5, "ngrams": [1, 2]},
    "hashing_char": {"analyzer": "char", "ngrams": [2, 3], "columns": 1024, "norm": "none"},
    "hashing_char_wb": {"analyzer": "char_wb", "ngrams": [3, 5], "columns": 64},
    "hashing_plain": {"alternate_sign": False, "norm": "l1", "columns": 1000},
    "hashing_binary": {"binary": True, "lowercase": False, "columns": 32},
}


def limit(value):
    return value.get("count", value.get("share"))


def none(value):
    return None if value == "none" else value


def rows(matrix):
    found = []
    for row in range(matrix.shape[0]):
        entries = zip(*(part.tolist() for part in (
            matrix.indices[matrix.indptr[row]:matrix.indptr[row + 1]],
            matrix.data[matrix.indptr[row]:matrix.indptr[row + 1]],
        )))
        found.append({str(c): v for c, v in sorted(entries) if v != 0})
    return found


def tfidf(params):
    return TfidfVectorizer(
        analyzer=params["analyzer"], ngram_range=tuple(params["ngrams"]),
        lowercase=params["lowercase"], min_df=limit(params["min_df"]),
        max_df=limit(params["max_df"]), max_features=params["max_features"],
        sublinear_tf=params["sublinear"], binary=params["binary"],
        use_idf=params["idf"] != "none", smooth_idf=params["idf"] == "smooth",
        norm=none(params["norm"]), stop_words=params["stop_words"] or None,
        vocabulary=params["vocabulary"],
    )


def hashing(params):
    return HashingVectorizer(
        analyzer=params["analyzer"], ngram_range=tuple(params["ngrams"]),
        lowercase=params["lowercase"], n_features=params["columns"],
        alternate_sign=params["alternate_sign"], binary=params["binary"],
        norm=none(params["norm"]), stop_words=params["stop_words"] or None,
    )


def main():
    cases = []
    for name, changes in CASES.items():
        params = BASE | changes
        vectorizer = tfidf(params)
        matrix = vectorizer.fit_transform([text[: params["max_chars"]] for text in TEXTS])
        cases.append({
            "name": name, "params": params,
            "vocabulary": vectorizer.get_feature_names_out().tolist(),
            "idf": vectorizer.idf_.tolist() if params["idf"] != "none" else None,
            "rows": rows(matrix),
        })
    for name, changes in HASHING.items():
        params = HASHING_BASE | changes
        matrix = hashing(params).transform([text[: params["max_chars"]] for text in TEXTS])
        cases.append({"name": name, "params": params, "rows": rows(matrix)})
    json.dump({"texts": TEXTS, "cases": cases}, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
