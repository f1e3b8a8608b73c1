"""The starter corpus that ships: size, licences, and that its recipes work on its beginning."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from chimera.context import LocalContext
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import curate, import_
from curriculum_app.starter import build, recipes, taxonomy

TERMS = Path(recipes.CORPUS).parent / "LICENSES.md"


def records(domain: str):
    with gzip.open(recipes.CORPUS / f"{domain}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_the_corpus_is_small_enough_to_ship() -> None:
    files = sorted(recipes.CORPUS.iterdir())
    assert [file.name for file in files] == sorted(f"{domain}.jsonl.gz" for domain in recipes.DOMAINS)
    assert sum(file.stat().st_size for file in files) <= 12_000_000


@pytest.mark.parametrize("domain", recipes.DOMAINS)
def test_every_record_names_a_permissive_licence_and_a_source_with_its_terms(domain: str) -> None:
    terms = TERMS.read_text(encoding="utf-8")
    found = Counter((build.package(record), record["license"]) for record in records(domain))
    assert {license for _, license in found} <= build.LICENSES
    for package, _ in found:
        assert f"| {domain} | `{package}` |" in terms


def test_every_licence_text_that_is_named_exists() -> None:
    import re

    for name in re.findall(r"\]\((licenses/[^)]+)\)", TERMS.read_text(encoding="utf-8")):
        assert (TERMS.parent / name).stat().st_size > 500


def test_the_packing_is_deterministic_and_keeps_every_record(tmp_path: Path) -> None:
    chosen = list(records("literature"))
    for name in ("one.gz", "two.gz"):
        build.write(tmp_path / name, chosen)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    shipped = gzip.decompress((recipes.CORPUS / "literature.jsonl.gz").read_bytes())
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()) == shipped
    assert chosen == sorted(chosen, key=build.order)


def test_the_beginning_of_every_domain_survives_its_recipe(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    for number, config in enumerate(recipes.imports(max_documents=12), 1):
        raw = DatasetVersion.open(import_.run(config, ctx).stored)
        assert raw.manifest["quarantine"]["records"] == 0
        assert all(d.license and d.source for d in raw.iter_documents())
        ctx.artefacts[f"dataset-{number}"] = raw
    config = recipes.curation(list(ctx.artefacts), workers=1)
    version = DatasetVersion.open(curate.run(config, ctx).stored)
    assert version.domains == sorted(recipes.DOMAINS)
    assert all(d.content == ("code" if d.domain == "code" else "text") for d in version.iter_documents())
    assert all("<html" not in d.text.lower() for d in version.iter_documents() if d.domain == "reference")


def test_the_taxonomy_holds_the_blueprints_two_paths() -> None:
    def follow(nodes, *names: str) -> str:
        node = next(node for node in nodes if node["name"] == names[0])
        return follow(node["children"], *names[1:]) if names[1:] else node["kind"]

    roots = taxonomy.nodes()
    path = ("Reasoning", "Mathematical", "Calculus", "Integration", "Integration by Parts")
    assert follow(roots, *path) == "capability"
    assert follow(roots, "Refusal", "Harmful Content", "Self-Harm", "Providing Instructions") == "safety"
