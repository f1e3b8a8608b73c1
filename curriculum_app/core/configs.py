"""Configs of the jobs `import` and `curate` (they load nothing heavy)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Literal

from pydantic import Field, field_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.configs_benchmarks import DecontaminationConfig
from curriculum_app.core.configs_mapping import MappedValue, Rule, check_targets, rules_of
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.dedup.config import Exact, NearDuplicateConfig
from curriculum_app.core.documents import Content
from curriculum_app.core.filters.base import FilterChoice

__all__ = [
    "EVERY_OTHER_DOMAIN",
    "CurateConfig",
    "Format",
    "ImportConfig",
    "NearDuplicateConfig",
    "PreviewConfig",
    "default_recipes",
]

Format = Literal[
    "auto", "jsonl", "parquet", "csv", "tsv", "html", "text", "warc", "arrow", "image_text", "audio_text", "video_text"
]
EVERY_OTHER_DOMAIN = "*"


class ImportConfig(Config):
    """Read a file, or every readable file of a folder, into a raw dataset version."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    path: str = Field(
        title="File or folder",
        description="A path on the worker's machine; also of an archive of files.",
        min_length=1,
        json_schema_extra={"upload": True},
    )
    format: Format = Field(
        "auto",
        title="Format",
        description="auto goes by the names of the file or of the folder's files. html and text: every such file "
        "at any depth, one document each; arrow: a folder written by save_to_disk of Hugging Face's datasets; "
        "image_text, audio_text, video_text: a folder of such files with a metadata.jsonl or .csv (file_name, text), "
        "or with a .txt or .json for each.",
    )
    mapping: dict[str, str | MappedValue] = Field(
        default={"text": "text"},
        title="Mapping",
        description="Our field → key in the record; a.b.c reaches into objects. Only text is required. "
        "Besides id, url, title, domain, source and license any name may be given: it goes to the record's meta. "
        "In the place of a key: a fixed value, a template of several keys, a cast, a default.",
        json_schema_extra={"key_title": "Field", "value_title": "Key in the record"},
    )
    domain: str = Field("text", title="Domain", description="For records that do not name their own.", min_length=1)
    source: str = Field("", title="Source", description="For records that do not name their own.")
    license: str = Field("", title="Licence", description="SPDX name, for records that do not name their own.")
    content: Content = Field(
        "text", title="What the text holds", description="HTML folders and WARC files say it themselves."
    )
    max_bad_fraction: float = Field(
        0.01, title="Bad records at most", description="A share; bad records go to quarantine.", ge=0, le=1
    )
    max_record_bytes: int = Field(
        16 << 20, title="Longest record", description="Bytes; of a media file too.", ge=1024, le=1 << 30
    )
    max_unpacked_bytes: int = Field(
        4 << 30,
        title="Archive at most",
        description="Bytes of a .zip, .tar, .tar.gz or .tar.zst once unpacked.",
        ge=1024,
    )
    max_documents: int | None = Field(None, title="Stop after", description="Documents; empty reads all.", ge=1)

    @field_validator("mapping", mode="before")
    @classmethod
    def _each_target(cls, mapping: Any) -> Any:
        return rules_of(mapping) if isinstance(mapping, Mapping) else mapping

    @field_validator("mapping")
    @classmethod
    def _has_text(cls, mapping: dict[str, Rule]) -> dict[str, Rule]:
        check_targets(mapping)
        return mapping


class PreviewConfig(Config):
    """Look at the first records of a file or folder before it is imported."""

    path: str = Field(title="File or folder", description="A path on the worker's machine.", min_length=1)
    format: Format = Field("auto", title="Format", description="auto goes by names.")

    @property
    def name(self) -> str:
        """What its job is called."""
        return f"Preview of {PurePath(self.path).name}"


def default_recipes() -> dict[str, list[FilterChoice]]:
    """English text in the order of FineWeb, without the rule that drops most technical text; Python source apart."""
    text = [FilterChoice(key=key) for key in ("extract", "normalise")]
    text += [FilterChoice(key="language", config={"languages": ["en"]}), FilterChoice(key="gopher_repetition")]
    text += [FilterChoice(key="gopher_quality", config={"min_alpha_words": None}), FilterChoice(key="min_length")]
    code = [FilterChoice(key=key) for key in ("python_parse", "length", "min_length")]
    return {EVERY_OTHER_DOMAIN: text, "code": code}


class CurateConfig(Config):
    """Filter every domain by its own recipe, remove near-duplicates over all of them, redact what remains."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    datasets: list[Ref[DatasetVersion]] = Field(title="Dataset versions", min_length=1)
    recipes: dict[str, list[FilterChoice]] = Field(
        default_factory=default_recipes,
        title="Recipes",
        description="Domain → filters in order. Every domain of the data needs a recipe, which may be empty; "
        "the one named * is for every domain that is not named.",
        json_schema_extra={"key_title": "Domain"},
    )
    decontamination: DecontaminationConfig = Field(
        default_factory=DecontaminationConfig,
        title="Decontamination",
        description="What the recipes kept must not hold items of these benchmarks.",
    )
    exact_duplicates: Exact = Field(
        "text",
        title="Exact duplicates",
        description="Removed before near-duplicates. text: of the text as it is; cleaned: of its letters, without "
        "case, punctuation and white space; off: kept.",
    )
    near_duplicates: NearDuplicateConfig = Field(default_factory=NearDuplicateConfig, title="Near-duplicates")
    against: list[Ref[DatasetVersion]] = Field(
        default=[],
        title="Already have",
        description="Dataset versions whose documents always stay: what duplicates one of them is removed.",
    )
    final_filters: list[FilterChoice] = Field(
        default=[FilterChoice(key="pii")], title="At the end", description="Filters for what remains, in all domains."
    )
    workers: int = Field(2, title="Processes", ge=1, le=64)

    @field_validator("datasets", "against")
    @classmethod
    def _distinct(cls, datasets: list[Ref[DatasetVersion]]) -> list[Ref[DatasetVersion]]:
        if len(set(datasets)) < len(datasets):
            raise ValueError("names a dataset version twice")
        return datasets

    def recipe_key(self, domain: str) -> str | None:
        """The key in `recipes` whose recipe a domain goes through, None if it has none."""
        return next((key for key in (domain, EVERY_OTHER_DOMAIN) if key in self.recipes), None)

    @property
    def looks_for_duplicates(self) -> bool:
        return self.near_duplicates.enabled or self.exact_duplicates != "off"
