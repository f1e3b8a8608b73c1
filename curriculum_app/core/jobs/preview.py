"""Preview: the first records of what is to be imported, read where imports are read."""

from __future__ import annotations

from pathlib import Path

from chimera.context import Context
from curriculum_app.core.configs import PreviewConfig
from curriculum_app.core.readers.archive import MAX_BYTES, unpacked
from curriculum_app.core.readers.preview import Sample, sample_of


def run(config: PreviewConfig, ctx: Context) -> Sample:
    """At most 20 records of `config.path`; nothing is kept of the rest.

    Raises:
        InputError: there is nothing readable; the problem names file and field.
    """
    with unpacked(Path(config.path), ctx.scratch / "unpacked", MAX_BYTES, ctx.check) as path:
        sample = sample_of(path, config.format)
    ctx.progress(len(sample.records), len(sample.records), unit="records", message="done")
    return sample
