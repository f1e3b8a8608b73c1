"""The filters against datatrove's own executor on the same steps, and two workers against one in our runner.

Real text: the bundled corpus (its pages of the web without markup), or the JSON Lines that CHIMERA_BENCHMARK_DATA
names (`text` or `html` in each record), and a copy ten times as large in which most documents are changed copies.

Both sides filter the same documents by the same rules with the same words, sentences and language model, in one
process; they take turns over parts of the corpus and a ratio is the median over the parts. datatrove runs its
`LocalPipelineExecutor` (one task, one worker, log off). The language (its own class wants another build of fastText
and a model from the network) and the minimum length, which it lacks, are our functions in its `LambdaFilter`.
Processor seconds, which other programs on the machine disturb little; wall seconds beside them.

For the workers every job is a process of its own and the wall clock decides, so that comparison needs a quiet machine
and so many documents that loading spaCy (2 s a process) matters little: `--quick` has too few for the goal.
`python -m benchmarks memory` measures that filtering takes no more memory for larger files.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Figure, at_most, plain
from curriculum_app.core.dedup.shingles import clean
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.filters.pii import EMAIL_REPLACEMENTS, IP_REPLACEMENTS
from curriculum_app.core.language_detection import LanguageDetector
from curriculum_app.core.pipeline import Chain
from curriculum_app.core.readers.byte_lines import open_bytes
from curriculum_app.starter import recipes

if TYPE_CHECKING:
    from datatrove.data import Document as Peer

NAME = "curation"
DATA = "CHIMERA_BENCHMARK_DATA"
GOAL = 1 / 1.3
WORKERS_GOAL = 1 / 1.7
COPIES = 10
SEED = 0
_VERSION = "dataset-1"
_STEPS: dict[str, dict[str, Any]] = {
    "language": {"languages": ["en"]},
    "gopher_repetition": {},
    "gopher_quality": {},
    "c4": {},
    "fineweb": {},
    "min_length": {},
    "normalise": {},
    "pii": {"strict": False},
}
RECIPE = [FilterChoice(key=key, config=config) for key, config in _STEPS.items()]
_REPLACED = re.compile("|".join(map(re.escape, (*EMAIL_REPLACEMENTS, *IP_REPLACEMENTS))))

Fates = dict[str, tuple[str, str]]  # id → what became of it: "kept" and its text, or the stage and the reason
Seconds = tuple[float, float]  # processor, wall


def measure(quick: bool) -> dict[str, Figure]:
    """Time as a share of datatrove's, documents with another fate, and time of two workers as a share of one."""
    parts, size = (3, 120) if quick else (10, 200)
    documents = list(islice(texts(), parts * size))
    size = len(documents) // parts
    ours, peer, different = race([documents[n * size : (n + 1) * size] for n in range(parts)])
    one, two = workers(documents, rounds=1 if quick else 3, total=1000 if quick else COPIES * len(documents))
    return {
        "time_to_datatrove": at_most(ratio(ours, peer, 0), GOAL, "ratio"),
        "documents_with_another_fate": at_most(different, 0, "documents"),
        "wall_time_to_datatrove": plain(ratio(ours, peer, 1), "ratio"),
        "documents_per_second": plain(rate(ours, size), "docs/s", rate(peer, size)),
        "extraction_per_page": extraction(list(islice(html_pages(), 15 if quick else 150))),
        "time_of_two_workers": plain(two / one, "ratio") if quick else at_most(two / one, WORKERS_GOAL, "ratio"),
        "seconds_of_two_workers": plain(two, "s", one),
    }


def extraction(pages: list[Document]) -> Figure:
    """Wall time of a page: both sides parse in a process of its own, which the processor's clock does not see."""
    ours, peer = (1e3 * clock(side, pages)[1][1] / max(1, len(pages)) for side in (our_extraction, peer_extraction))
    return plain(ours, "ms/page", peer)


def ratio(ours: Sequence[Seconds], peer: Sequence[Seconds], clock: int) -> float:
    return statistics.median(a[clock] / b[clock] for a, b in zip(ours, peer, strict=True))


def rate(seconds: Sequence[Seconds], size: int) -> float:
    return size / statistics.median(processor for processor, _ in seconds)


def records() -> Iterator[dict[str, Any]]:
    """The records of the file that is named, else of the bundled corpus, mixed."""
    named = os.environ.get(DATA)
    paths = [Path(named)] if named else [recipes.CORPUS / f"{name}.jsonl.gz" for name in ("prose", "web", "literature")]
    found: list[dict[str, Any]] = []
    for path in paths:
        with open_bytes(path) as lines:
            found += map(json.loads, lines)
    random.Random(SEED).shuffle(found)
    yield from found


def texts() -> Iterator[Document]:
    """Texts with ids of their own; pages of HTML as trafilatura reads them, those without text left out."""
    extract = FilterChoice(key="extract").build()
    for number, record in enumerate(records()):
        text = record.get("text") or extract.transform(page(record["html"], number)).text
        if text:
            yield Document(f"d{number}", text, "web")


def html_pages() -> Iterator[Document]:
    return (page(record["html"], number) for number, record in enumerate(records()) if "html" in record)


def page(html: str, number: int) -> Document:
    return Document(f"d{number}", html, "web", content="html")


def grown(documents: Sequence[Document], total: int) -> Iterator[Document]:
    """`total` documents: the given ones, then copies of them in which every twentieth word or none is another."""
    rng = random.Random(SEED)
    vocabulary = sorted({word for document in documents[:200] for word in document.text.split(" ")})
    for number in range(total):
        document = documents[number % len(documents)]
        words = document.text.split(" ")
        if number >= len(documents) and number % 3:
            for _ in range(len(words) // 20):
                words[rng.randrange(len(words))] = rng.choice(vocabulary)
        yield Document(f"{document.id}-{number}", " ".join(words), "web")


def race(parts: Sequence[list[Document]]) -> tuple[list[Seconds], list[Seconds], int]:
    """Seconds of our side and of datatrove for each part, and how many documents fared differently."""
    for side in (our_side, peer_side):
        side(parts[0][:20])
    ours, peer, different = [], [], 0
    for part in parts:
        mine, spent = clock(our_side, part)
        ours.append(spent)
        theirs, spent = clock(peer_side, part)
        peer.append(spent)
        different += sum(mine[document.id] != theirs[document.id] for document in part)
    return ours, peer, different


def clock(side: Callable[[list[Document]], Fates], documents: list[Document]) -> tuple[Fates, Seconds]:
    processor, wall = time.process_time(), time.perf_counter()
    fates = side(documents)
    return fates, (time.process_time() - processor, time.perf_counter() - wall)


def kept(text: str) -> tuple[str, str]:
    """Which address replaces another is datatrove's count over all documents and ours in each: both read as one."""
    return "kept", _REPLACED.sub("address", text)


def dropped(stage: str, reason: str) -> tuple[str, str]:
    """datatrove gives no reason where the language decides."""
    return stage, "" if stage == "language" else reason


def our_side(documents: list[Document]) -> Fates:
    chain = Chain(RECIPE)
    results = {document.id: chain.judge(document) for document in documents}
    return {
        name: kept(result.text) if isinstance(result, Document) else dropped(result.stage, result.reason)
        for name, result in results.items()
    }


class Dropped(nullcontext[None]):
    """What datatrove's filters write excluded documents to."""

    def __init__(self, stage: str, fates: Fates) -> None:
        super().__init__()
        self._stage, self._fates = stage, fates

    def __enter__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Dropped:
        return self  # the executor copies its steps; what they find must come back

    def write(self, document: Peer, rank: int) -> None:
        reason = "too_short" if self._stage == "min_length" else document.metadata.get("filter_reason", "")
        self._fates[document.id] = dropped(self._stage, reason)


def peer_side(documents: list[Document]) -> Fates:
    """The same steps in datatrove's executor, as its examples write them."""
    from datatrove.data import Document as Peer

    fates: Fates = {}

    def collect(data: Iterator[Peer], rank: int, world_size: int) -> Iterator[Peer]:
        for document in data:
            fates[document.id] = kept(document.text)
            yield document

    execute([[Peer(document.text, document.id) for document in documents], *peer_steps(fates), collect])
    return fates


def peer_steps(fates: Fates) -> list[Any]:
    """datatrove's classes for the steps of `RECIPE`."""
    from datatrove.pipeline import filters
    from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter

    def out(stage: str) -> Any:
        return Dropped(stage, fates)

    tidy = {"fix_latin_ligatures": True, "fix_character_width": True, "uncurl_quotes": True, "fix_line_breaks": True}
    return [
        filters.LambdaFilter(is_english, exclusion_writer=out("language")),
        filters.GopherRepetitionFilter(exclusion_writer=out("gopher_repetition")),
        filters.GopherQualityFilter(exclusion_writer=out("gopher_quality")),
        filters.C4QualityFilter(filter_no_terminal_punct=False, exclusion_writer=out("c4")),
        filters.FineWebQualityFilter(exclusion_writer=out("fineweb")),
        filters.LambdaFilter(lambda document: len(clean(document.text)) >= 200, exclusion_writer=out("min_length")),
        FTFYFormatter(normalization="NFC", **tidy),
        PIIFormatter(),
    ]


def is_english(document: Peer) -> bool:
    language, score = _detector().best(document.text)
    return language == "en" and score > 0.65


@cache
def _detector() -> LanguageDetector:
    return LanguageDetector()


def execute(pipeline: list[Any]) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from loguru import logger

    logger.disable("datatrove")
    with tempfile.TemporaryDirectory() as folder:
        LocalPipelineExecutor(pipeline, tasks=1, workers=1, logging_dir=folder).run()


def our_extraction(documents: list[Document]) -> Fates:
    chain = Chain([FilterChoice(key="extract", config={"images": False})])
    return {document.id: (type(chain.judge(document)).__name__, "") for document in documents}


def peer_extraction(documents: list[Document]) -> Fates:
    from datatrove.data import Document as Peer
    from datatrove.pipeline.extractors import Trafilatura

    execute([[Peer(document.text, document.id) for document in documents], Trafilatura(timeout=5)])
    return {}


def workers(documents: Sequence[Document], rounds: int, total: int) -> tuple[float, float]:
    """Wall seconds of a whole curation job over the grown corpus with one and with two worker processes, medians."""
    with tempfile.TemporaryDirectory(prefix="chimera-curation-") as folder:
        digest = store(Path(folder), grown(documents, total))
        spent: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(rounds):
            for number in spent:
                command = [sys.executable, "-m", __name__, folder, digest, str(number)]
                said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                spent[number].append(float(said.split()[-1]))
    return statistics.median(spent[1]), statistics.median(spent[2])


def store(folder: Path, documents: Iterator[Document]) -> str:
    """The digest of a dataset version of these documents."""
    from chimera.context import LocalContext
    from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter

    with LocalContext(folder).store.stage(DatasetVersion.ref_kind) as stage:
        with DatasetWriter(stage.path, {"op": "benchmark"}) as writer:
            for document in documents:
                writer.add(document)
        return str(stage.seal(writer.digest(), writer.facts()).digest)


def job(folder: str, digest: str, number: str) -> None:
    """One curation job with `number` workers, measured; nothing of an earlier one is used."""
    from chimera.context import LocalContext
    from curriculum_app.core.configs import CurateConfig
    from curriculum_app.core.dataset_version import DatasetVersion
    from curriculum_app.core.jobs import curate

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        ctx = LocalContext(Path(scratch))
        stored = LocalContext(Path(folder)).store.load(DatasetVersion.ref_kind, digest)
        ctx.artefacts[_VERSION] = DatasetVersion.open(stored)
        chain = [choice.model_dump() for choice in RECIPE[:-1]]
        config = {"name": "benchmark", "datasets": [_VERSION], "recipes": {"*": chain}, "workers": int(number)}
        curate.run(CurateConfig.model_validate(config), ctx)
        print(time.perf_counter() - started)


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment] # as in worker processes: spaCy would load it unasked
    job(*sys.argv[1:])
