"""Cut the starter corpus from a larger collection of records. A developer's tool: the result is committed.

    python -m curriculum_app.starter.build FOLDER

FOLDER holds `text.jsonl.gz` (id, text, title, source, license, lang), `web_raw.jsonl.gz` (id, html, url, source,
license, lang, date) and `code.jsonl.gz` (id, code, path, repo, source, license, is_test). Whole records are chosen or
left out by source and licence, never altered. Versions of one page stay side by side, so the corpus keeps its natural
near-duplicates even when only its beginning is imported. The same input gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

CORPUS = Path(__file__).parent / "corpus"
MAX_BYTES = 12_000_000  # of the whole corpus, compressed
LICENSES = {
    "Apache-2.0",
    "BSD-3-Clause",
    "MIT",
    "PSF-2.0",
    "PostgreSQL",
    "WordNet-3.0",
    "blessing (public domain)",
    "public-domain",
    "public-domain (package MIT)",
}
# package → domain; the package is the part of `source` before "=="
TEXT = {
    "debian:r-cran-janeaustenr": "literature",
    "debian:dict-devil": "literature",
    "debian:wordnet-base": "prose",
    "debian:dict-jargon": "prose",
}
WEB = {
    "debian:python-django-doc": "web",
    "debian:sqlite3-doc": "web",
    "debian:debmake-doc": "web",
    "debian:python3.11-doc": "reference",
    "debian:apache2-doc": "reference",
    "debian:postgresql-doc-15": "reference",
    "debian:nodejs-doc": "reference",
}
CODE = {"cpython", "pypi:django", "pypi:sympy", "pypi:networkx", "pypi:lm-eval"}
TESTS_OF = {"cpython"}  # packages whose tests are taken as well
# Old dictionaries list slurs; a first look at the product need not.
SLURS = re.compile(r"ethnic slur|offensive (term|name|word)|\(offensive|derogatory|disparaging|nigg[ae]r|\bnegro", re.I)
FOREIGN = {"fr": 24, "de": 12, "ja": 12, "es": 10, "ko": 8, "tr": 6}  # Apache pages for the language filter to find


def main(folder: Path) -> None:
    """Write `corpus/<domain>.jsonl.gz` and print what is in them."""
    chosen: dict[str, list[Record]] = defaultdict(list)
    for domain, record in choose(folder):
        chosen[domain].append(record)
    CORPUS.mkdir(exist_ok=True)
    for domain, records in sorted(chosen.items()):
        records.sort(key=order)
        write(CORPUS / f"{domain}.jsonl.gz", records)
        print(domain, len(records), dict(Counter(record["source"] for record in records).most_common()))
    total = sum(path.stat().st_size for path in CORPUS.glob("*.jsonl.gz"))
    print(f"{total:,} bytes")
    if total > MAX_BYTES:
        raise SystemExit(f"the corpus is larger than {MAX_BYTES:,} bytes")


def choose(folder: Path) -> Iterator[tuple[str, Record]]:
    """`(domain, record)` of everything that belongs into the corpus."""
    for record in read(folder / "text.jsonl.gz", "text", ("title", "lang"), TEXT.__contains__):
        if not SLURS.search(record["text"]):
            yield TEXT[package(record)], record
    left = dict(FOREIGN)
    for record in sorted(
        read(folder / "web_raw.jsonl.gz", "html", ("url", "lang", "date"), WEB.__contains__), key=order
    ):
        if package(record) == "debian:apache2-doc" and record["lang"] != "en":
            if left.get(record["lang"], 0) == 0:
                continue
            left[record["lang"]] -= 1
        yield WEB[package(record)], record
    for record in read(folder / "code.jsonl.gz", "code", ("path", "repo", "is_test"), CODE.__contains__):
        if not record.pop("is_test") or package(record) in TESTS_OF:
            yield "code", record


def read(path: Path, text: str, fields: tuple[str, ...], wanted: Callable[[str], bool]) -> Iterator[Record]:
    """Records of wanted packages under a permissive licence, with the fields that the corpus keeps."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if wanted(package(record)) and record["license"] in LICENSES:
                yield {name: record[name] for name in ("id", text, *fields, "source", "license")}


def package(record: Record) -> str:
    return str(record["source"]).partition("==")[0]


def order(record: Record) -> tuple[str, str]:
    """Shuffled by a hash, but versions of one page together."""
    page = re.sub(r"\?v=.*$|(?<=/docs/2\.4)\.\d+", "", record.get("url") or record["id"])
    return hashlib.sha256(page.encode()).hexdigest(), record["id"]


def write(path: Path, records: list[Record]) -> None:
    """gzip JSON Lines without name or time in the header."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for record in records:
            packed.write(json.dumps(record, ensure_ascii=False, sort_keys=True).encode() + b"\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
