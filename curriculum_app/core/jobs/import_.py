"""Import: files to a raw dataset version, with a quarantine for records that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from chimera.artefacts import Stored
from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.already_made import fingerprint, key_of, make_once
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.configs_mapping import described
from curriculum_app.core.dataset_version import (
    QUARANTINE_FILE,
    QUARANTINE_SCHEMA,
    DatasetVersion,
    DatasetWriter,
    QuarantinedRecord,
    VersionResult,
)
from curriculum_app.core.documents import Document
from curriculum_app.core.media_store import MediaWriter
from curriculum_app.core.parquet_rows import RowWriter
from curriculum_app.core.provenance import code_version
from curriculum_app.core.readers.archive import unpacked
from curriculum_app.core.readers.base import Bad, Raw, excerpt
from curriculum_app.core.readers.choice import files_of, reader_of
from curriculum_app.core.readers.folder import printable
from curriculum_app.core.readers.mapping import Mapper
from curriculum_app.core.readers.seen_ids import SeenIds

_CHECK_EVERY = 500  # records between looks at pause and cancel
_GIVE_UP_AFTER = 10_000  # records without a single good one


def run(config: ImportConfig, ctx: Context) -> VersionResult:
    """Read `config.path`, in constant memory, into a sealed raw version; files read before are only hashed.

    Raises:
        InputError: nothing readable, a damaged file, a mapping that matches nothing, or too many bad records; each
            problem names file, line and field.
    """
    with unpacked(Path(config.path), ctx.scratch / "unpacked", config.max_unpacked_bytes, ctx.check) as path:
        return _run(config, ctx, files_of(path, config.format))


def _run(config: ImportConfig, ctx: Context, files: list[Path]) -> VersionResult:
    ctx.progress(0, message="looking whether this was imported before")
    before = fingerprint(files, ctx.check)
    only_rows = True

    def key() -> str | None:
        """None as soon as the files changed, or hold what lies elsewhere (media that a file of records names)."""
        if before is None or not before.still_true() or not (only_rows or files[0].is_dir()):
            return None
        return key_of("import", config.model_dump(mode="json", exclude={"name", "path"}), before.sha256)

    def make() -> Stored:
        nonlocal only_rows
        stored = _read(config, ctx, files)
        only_rows = all(name.endswith(".parquet") for name in stored.manifest["files"])
        return stored

    return VersionResult(make_once(ctx, DatasetVersion.ref_kind, key, make))


def _read(config: ImportConfig, ctx: Context, files: list[Path]) -> Stored:
    recipe = recipe_of(config)
    with ctx.store.stage(DatasetVersion.ref_kind) as stage:
        with (
            closing(SeenIds()) as seen_ids,
            DatasetWriter(stage.path, recipe) as documents,
            RowWriter(stage.path / QUARANTINE_FILE, QUARANTINE_SCHEMA) as quarantine,
            MediaWriter(stage.path) as media,
        ):
            reading = _Reading(config, ctx, seen_ids, media)
            for item in reading.items(files):
                if isinstance(item, Document):
                    documents.add(item)
                else:
                    quarantine.add(item.as_row())
        reading.judge()
        manifest = {"name": config.name, "stage": "raw", "parents": [], "recipe": recipe, "funnel": {}}
        manifest |= documents.facts() | {"quarantine": reading.facts(), "code_version": code_version()}
        return stage.seal(documents.digest(), manifest)


def recipe_of(config: ImportConfig) -> dict[str, Any]:
    """What of the config says what the records mean; where the file lay and how the version is called do not."""
    said = ("mapping", "domain", "source", "license", "content")
    params = config.as_json()
    return {"op": "import", "params": {name: params[name] for name in said}}


class _Reading:
    """One pass over the files: yields documents and quarantined records and keeps the counts."""

    def __init__(self, config: ImportConfig, ctx: Context, seen_ids: SeenIds, media: MediaWriter) -> None:
        self.config, self.ctx, self.seen_ids, self.media = config, ctx, seen_ids, media
        self.mapper = Mapper(config)
        self.good = 0
        self.reasons: Counter[str] = Counter()
        self.first: dict[str, tuple[str, Bad]] = {}
        self.file = Path()

    @property
    def name(self) -> str:
        """The file's name as text."""
        return printable(self.file.name)

    @property
    def bad(self) -> int:
        return self.reasons.total()

    def items(self, files: list[Path]) -> Iterator[Document | QuarantinedRecord]:
        for position, self.file in enumerate(files):
            for raw in reader_of(self.file, self.config.format)(self.file, self.config.max_record_bytes):
                yield self._item(raw)
                self._look_up_from_work(position, len(files))
                if self.good == self.config.max_documents:
                    return

    def _item(self, raw: Raw | Bad) -> Document | QuarantinedRecord:
        name = raw.file or self.name
        item = raw if isinstance(raw, Bad) else self._document(raw, name)
        if isinstance(item, Document):
            self.good += 1
            return item
        self.reasons[item.reason] += 1
        file = str(self.file / raw.file) if self.file.is_dir() else str(self.file)
        self.first.setdefault(item.reason, (file, item))
        return QuarantinedRecord(name, item.line, item.reason, item.excerpt)

    def _document(self, raw: Raw, name: str) -> Document | Bad:
        place = f"{name}#{raw.line}"
        document = self.mapper.document(raw, place)
        if isinstance(document, Bad):
            return document
        before = self.seen_ids.first_place(document.id, place)
        if before is None:
            return replace(document, media=tuple(map(self.media.add, raw.media))) if raw.media else document
        return Bad(raw.line, "its id occurs before", excerpt(f"{document.id!r} is the id of {before}"), "id")

    def _look_up_from_work(self, position: int, num_files: int) -> None:
        seen = self.good + self.bad
        if seen % _CHECK_EVERY == 0:
            self.ctx.check()
            message = f"file {position + 1} of {num_files}: {self.name}"
            self.ctx.progress(seen, self.config.max_documents, unit="records", message=message)
        if seen == _GIVE_UP_AFTER and not self.good:
            self.judge()

    def judge(self) -> None:
        """Raise if what was read cannot be meant."""
        seen = self.good + self.bad
        if not seen:
            raise InputError(Problem("no records in it", "path", str(self.file), hint="is it the right file?"))
        if self.bad > self.config.max_bad_fraction * seen:
            raise InputError([self._too_many(seen), *self._by_reason()])
        unmatched = self.mapper.unmatched()
        if unmatched:
            raise InputError([self._matches_nothing(target) for target in unmatched])
        self.ctx.progress(seen, seen, unit="records", message="done")
        if self.bad:
            self.ctx.log(f"{self.bad} of {seen} records are in quarantine: {dict(self.reasons)}", "warning")

    def _too_many(self, seen: int) -> Problem:
        allowed = self.config.max_bad_fraction
        message = f"{self.bad} of {seen} records are bad ({self.bad / seen:.1%}; allowed are {allowed:.1%})"
        hint = "mend the records or the mapping, or allow more"
        return Problem(message, "max_bad_fraction", self.config.path, hint=hint)

    def _by_reason(self) -> list[Problem]:
        problems = []
        for reason, count in self.reasons.most_common(5):
            file, bad = self.first[reason]
            field = f"mapping.{bad.field}" if bad.field else ""
            hint = self._keys() if bad.field else f"the first one begins: {bad.excerpt[:80]}"
            problems.append(Problem(f"{reason} ({count}×, first here)", field, file, bad.line, hint))
        return problems

    def _matches_nothing(self, target: str) -> Problem:
        message = f"no record has a {described(self.config.mapping[target])}"
        return Problem(message, f"mapping.{target}", self.config.path, hint=self._keys())

    def _keys(self) -> str:
        return f"keys in the file: {', '.join(self.mapper.keys) or 'none'}"

    def facts(self) -> dict[str, Any]:
        return {"records": self.bad, "reasons": dict(self.reasons.most_common())}
