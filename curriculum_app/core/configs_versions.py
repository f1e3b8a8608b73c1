"""Configs of the jobs `verify` and `compare`."""

from __future__ import annotations

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.dataset_version import DatasetVersion


class VerifyConfig(Config):
    """Read all files of a dataset version again and compare them with its manifest and its id."""

    dataset: Ref[DatasetVersion] = Field(title="Dataset version")


class CompareConfig(Config):
    """Find the documents that were added, removed and changed from one dataset version to another."""

    before: Ref[DatasetVersion] = Field(title="Before")
    after: Ref[DatasetVersion] = Field(title="After")
