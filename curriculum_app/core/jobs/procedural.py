"""The kind `procedural`: strings that programs write, as a dataset version (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.already_made import key_of, make_once
from curriculum_app.core.configs_procedural import ProceduralConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter, VersionResult
from curriculum_app.core.documents import Document
from curriculum_app.core.procedural.base import Generator, GeneratorChoice
from curriculum_app.core.provenance import code_version

SOURCE = "Chimera procedural"
_CHECK_EVERY = 1000


def run(config: ProceduralConfig, ctx: Context) -> VersionResult:
    """Write and verify every string; the same settings are not run again."""
    params = config.model_dump(mode="json", exclude={"name"})
    recipe = {"op": "procedural", "params": params, "parents": []}

    def make() -> Stored:
        with ctx.store.stage(DatasetVersion.ref_kind) as stage:
            with DatasetWriter(stage.path, recipe) as documents:
                for number, document in enumerate(strings(config)):
                    if number % _CHECK_EVERY == 0:
                        ctx.check()
                        ctx.progress(number, config.documents, "documents", "writing")
                    documents.add(document)
            facts = {"name": config.name, "stage": "generated", "parents": [], "recipe": recipe, "funnel": {}}
            return stage.seal(documents.digest(), facts | {"code_version": code_version()} | documents.facts())

    return VersionResult(make_once(ctx, DatasetVersion.ref_kind, lambda: key_of("procedural", params), make))


def strings(config: ProceduralConfig) -> Iterator[Document]:
    """The documents; string n comes from generator n modulo their number and depends on nothing but seed, n and it."""
    turns = [(choice, choice.build()) for choice in config.generators]
    for number in range(config.documents):
        choice, generator = turns[number % len(turns)]
        yield Document(
            id=f"{choice.key}-{number}",
            text=verified(generator, Random(f"{config.seed} {choice.key} {number}")),
            domain=config.domain,
            source=SOURCE,
            license=config.license,
            title=f"{generator.title} {number}",
            meta={"generator": choice.key, "level": generator.level},
        )


def examples(choice: GeneratorChoice, seed: int, count: int) -> list[str]:
    """A few strings, to look at before many are made."""
    config = ProceduralConfig(generators=[choice], documents=count, seed=seed)
    return [document.text for document in strings(config)]


def verified(generator: Generator, random: Random) -> str:
    """One string that its own verifier passes.

    Raises:
        RuntimeError: it does not: the generator is wrong.
    """
    text = generator.sample(random)
    if fault := generator.fault(text):
        raise RuntimeError(f"{generator.title} wrote a string that {fault}: {text[:200]}")
    return text
