"""Images of pages: which are kept, where they stand in the text, and that they stay there when the text changes."""

import time
from pathlib import Path

import pytest
import trafilatura

from chimera.context import LocalContext
from curriculum_app.core import html_text
from curriculum_app.core.configs import CurateConfig, ImportConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.documents import Document, Media
from curriculum_app.core.filters import extract as extract_module
from curriculum_app.core.filters.base import Drop, FilterChoice, Keep
from curriculum_app.core.filters.extract import Extract
from curriculum_app.core.jobs import curate, import_
from curriculum_app.core.pipeline import Chain
from curriculum_app.core.text_places import moved, places, squeezed

FIRST = "Gradient descent is an iterative method for finding a local minimum of a differentiable function."
SECOND = "It takes repeated steps in the opposite direction of the gradient at the current point of the function."
THIRD = "With a suitable step size the values decrease until a stationary point is reached within the tolerance."


def page(*, first: str = "", between: str = "", end: str = "", head: str = "", around: str = "") -> str:
    return (
        f"<html><head><title>T</title>{head}</head><body><nav><img src=logo.png alt=Logo><a href='/'>Home</a></nav>"
        f"<article><h1>Gradient descent</h1>{first}<p>{FIRST}</p>{between}<p>{SECOND}</p><p>{THIRD}</p>{end}</article>"
        f"{around}<footer><img src=foot.png alt=Foot>Copyright 2024. Terms of use.</footer></body></html>"
    )


def extracted(text: str, url: str = "https://x.org/a/b.html", **settings: object) -> Document:
    document = Document("p", text, "web", url=url, content="html")
    verdict = Extract(Extract.Config.model_validate(settings)).judge(document)
    assert isinstance(verdict, Keep), verdict
    return verdict.document


def test_an_image_between_paragraphs_keeps_its_place_and_the_text_is_that_of_trafilatura() -> None:
    source = page(between="<figure><img src='../i/plot.png' alt='A  plot'><figcaption>Fig. 1</figcaption></figure>")
    document = extracted(source)
    alone = trafilatura.extract(source, favor_precision=True, include_comments=False, deduplicate=True)
    assert document.text == alone and document.modality == "interleaved"
    (image,) = document.media
    assert (image.url, image.alt) == ("https://x.org/i/plot.png", "A plot")
    assert document.text[: image.offset].endswith(FIRST) and document.text[image.offset :].lstrip().startswith(SECOND)
    assert extracted(source, images=False).media == ()


@pytest.mark.parametrize(
    "parts, urls",
    [
        ({"first": "<img src=hero.png>"}, ["https://x.org/a/hero.png"]),
        ({"end": "<img src=/last.png>"}, ["https://x.org/last.png"]),
        ({"between": "<img src=c.png>", "head": "<base href=//cdn.org/y/>"}, ["https://cdn.org/y/c.png"]),
        ({"between": "<img data-src=lazy.png src='data:image/gif;base64,R0lGOD'>"}, ["https://x.org/a/lazy.png"]),
        ({"between": "<img src='data:image/png;base64,iVBO' alt='dot'>"}, [""]),
        ({"between": "<img src=pixel.gif width=1 height=1>"}, []),
        ({"between": "<img src='javascript:alert(1)'>"}, []),
        ({"between": f"<img src='{'z' * 3000}'>"}, []),
        ({"between": "<img src='http://[bad'>"}, []),
        ({"between": "<a href='#top'><img src=up.png></a>"}, []),
        ({"between": "<noscript><img src=twice.png></noscript><aside><img src=ad.png></aside>"}, []),
        ({"around": "<div><img src=share.png> Share this with friends</div>"}, []),
        ({"between": "<img>"}, []),
    ],
)
def test_which_images_belong_to_the_main_content(parts: dict[str, str], urls: list[str]) -> None:
    assert [image.url for image in extracted(page(**parts)).media] == urls


def test_an_image_written_into_the_page_keeps_type_description_and_place() -> None:
    (image,) = extracted(page(between="<img src='data:image/png;base64,iVBO' alt='dot'>")).media
    assert (image.mime, image.alt, image.sha256, image.url) == ("image/png", "dot", "", "")


def test_without_the_address_of_the_page_addresses_stay_as_written() -> None:
    (image,) = extracted(page(between="<img src='i/plot.png'>"), url="sub/page.html").media
    assert image.url == "i/plot.png"


def test_images_stay_between_the_same_words_through_the_filters_that_follow() -> None:
    source = page(between="<img src=plot.png>").replace(
        "<p>" + FIRST, "<p>Ask a.b@c.org, or read cafe\u0301.</p><p>" + FIRST
    )
    recipe = [FilterChoice(key=key) for key in ("extract", "normalise", "pii")]
    recipe.append(FilterChoice(key="c4", config={"min_sentences": None}))
    document = Chain(recipe).judge(Document("p", source, "web", content="html"))
    assert isinstance(document, Document) and "email@example.com" in document.text and "café" in document.text
    (image,) = document.media
    assert document.text[: image.offset].rstrip().endswith(FIRST)
    assert document.text[image.offset :].lstrip().startswith(SECOND)


@pytest.mark.parametrize(
    "before, after, shown",
    [
        ("one\ntwo|\nthree", "one\ntwo\nthree", "one\ntwo|\nthree"),
        ("drop\ntwo|\nthree", "two\nthree", "two|\nthree"),
        ("one\ndrop|\nthree", "one\nthree", "one\n|three"),
        ("  one  \n  two|  ", "one\ntwo", "one\ntwo|"),
        ("|one", "one", "|one"),
        ("one|", "", "|"),
        ("a@b.c says| hello", "x@example.com says hello!", "x@example.com says hello!|"),
        ("mail a@b.c and| hello", "mail x@y.z and hello", "mail x@y.z and| hello"),
    ],
)
def test_a_place_follows_its_words(before: str, after: str, shown: str) -> None:
    (item,) = moved((Media("image", offset=before.index("|")),), before.replace("|", ""), after)
    assert item.offset is not None and after[: item.offset] + "|" + after[item.offset :] == shown


def test_media_beside_the_text_are_not_moved() -> None:
    media = (Media("image", sha256="a" * 64),)
    assert moved(media, "one", "two") is media


def test_places_do_not_cross_and_repeated_pieces_need_a_neighbour() -> None:
    pieces = [
        squeezed(text) for text in ("Home", "a long enough paragraph one", "Home", "a long enough paragraph two", "x")
    ]
    text = "a long enough paragraph one\nHome\na long enough  paragraph two\nx"
    found = places(pieces, text)
    assert [None if place is None else text[slice(*place)] for place in found] == [
        None,
        "a long enough paragraph one",
        "Home",
        "a long enough  paragraph two",
        "x",
    ]


@pytest.mark.parametrize("size", [2_000])
def test_places_are_found_in_linear_time(size: int) -> None:
    pieces = [f"paragraph{n}ofmanyparagraphs" for n in range(size)] + ["same"] * size
    started = time.process_time()
    found = places(pieces, "\n".join(pieces))
    assert None not in found and time.process_time() - started < 2


# -- the time limit ---------------------------------------------------------------------------------------------------


def hang_on_some(request: dict[str, object]) -> dict[str, object]:
    """A parser that never comes back from one page and dies of another."""
    while "HANG" in str(request["page"]):
        pass
    if "CRASH" in str(request["page"]):
        raise RecursionError("too deep")
    return html_text.extract_page(request)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract_module.html_text, "__name__", __name__)
    monkeypatch.setattr(extract_module.html_text.extract_page, "__name__", "hang_on_some")


@pytest.mark.usefixtures("hanging")
def test_a_page_that_hangs_the_parser_is_dropped_and_the_job_goes_on(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path / "work")
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in {"a": "HANG", "b": "", "c": "CRASH", "d": ""}.items():
        (folder / f"{name}.html").write_text(page(end=text + name))
    raw = import_.run(ImportConfig(name="raw", path=str(folder)), ctx)
    ctx.artefacts["dataset-1"] = DatasetVersion.open(raw.stored)
    steps = [{"key": "extract", "config": {"seconds": 0.3}}]
    settings = {"name": "x", "datasets": ["dataset-1"], "recipes": {"*": steps}, "near_duplicates": {"enabled": False}}
    version = DatasetVersion.open(curate.run(CurateConfig.model_validate(settings | {"final_filters": []}), ctx).stored)
    assert [document.id for document in version.iter_documents()] == ["b.html", "d.html"]
    assert [(item.document.id, item.reason, item.statistic) for item in version.dropped()] == [
        ("a.html", "timeout", 0.3),
        ("c.html", "parser_failed", None),
    ]


def test_a_page_without_text_is_dropped_as_before() -> None:
    empty = Document("p", "<html><body><img src=a.png></body></html>", "web", content="html")
    assert Extract(Extract.Config()).judge(empty) == Drop("no_text")
