"""Filters that look for what stands on a list: addresses, an assistant's phrases, texts of benchmarks."""

import json
from pathlib import Path
from typing import Any

import pytest

from chimera.errors import InputError
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Keep


def judge(key: str, text: str, url: str = "", **config: Any) -> Keep | Drop:
    return FILTERS.build(key, config).judge(Document("1", text, "web", url=url))


# -- url -------------------------------------------------------------------------------------------------------------

LISTS: dict[str, Any] = {
    "domains": ["bad.com", "sub.ok.org"],
    "urls": ["https://ok.net/x"],
    "hard_words": ["casinoxx"],
    "soft_words": ["poker", "slots"],
    "sub_words": ["xxxyyy"],
}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.bad.com/p", Drop("domain")),
        ("https://sub.ok.org/", Drop("subdomain")),
        ("https://ok.net/x", Drop("url")),
        ("https://fine.org/casinoxx/1", Drop("hard_blacklisted", 1)),
        ("https://fine.org/poker", None),
        ("https://fine.org/poker-slots", Drop("soft_blacklisted", 2)),
        ("https://fine.org/fooxxx-yyybar", Drop("blacklisted_subword")),
        ("https://fine.org/a", None),
        ("", None),
        ("https://other.ok.org/", None),
        ("https://ok.net/x/y", None),
        ("https://user@A.BAD.com:8080/p", Drop("domain")),
        ("https://fine.org/Poker/SLOTS", Drop("soft_blacklisted", 2)),
        ("https://fine.org/poker/poker", None),
        ("https://fine.org/casinoxxl", None),
        ("http://[::1", None),
    ],
)
def test_the_first_list_that_matches_a_url_gives_the_reason(url: str, expected: Drop | None) -> None:
    document = Document("1", "text", "web", url=url)
    assert FILTERS.build("url", LISTS).judge(document) == (expected or Keep(document))


def test_a_domain_under_a_suffix_of_two_parts_and_an_ip_address_can_be_listed() -> None:
    domains = ["bad.co.uk", "192.0.2.1"]
    assert judge("url", "t", "https://a.b.bad.co.uk/", domains=domains) == Drop("domain")
    assert judge("url", "t", "http://192.0.2.1/x", domains=domains) == Drop("subdomain")
    assert isinstance(judge("url", "t", "https://good.co.uk/", domains=domains), Keep)


def test_the_threshold_of_soft_words_is_a_setting() -> None:
    assert judge("url", "t", "https://a.org/poker", soft_words=["poker"], soft_word_threshold=1) == Drop(
        "soft_blacklisted", 1
    )


def test_a_url_with_a_comma_is_listed_with_the_comma_escaped_as_the_form_needs_it() -> None:
    assert judge("url", "t", "https://a.org/x,y", urls=["https://a.org/x%2Cy"]) == Drop("url")


def test_blank_entries_of_a_list_match_nothing() -> None:
    blank: dict[str, Any] = {key: ["", " "] for key in LISTS} | {"soft_word_threshold": 1}
    assert isinstance(judge("url", "t", "https://a.org//x", **blank), Keep)


# -- machine_text ----------------------------------------------------------------------------------------------------

SAID = "As an AI language model, I do not have opinions."
LINE = "The river is long and cold."


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([SAID], Drop("assistant_share", 1.0)),
        ([LINE] * 4 + [SAID], Drop("assistant_share", 0.2)),
        ([LINE] * 5 + [SAID], None),
        ([LINE] * 50 + [SAID, LINE, "I’m sorry, but I can’t fulfill that  request."], Drop("assistant_lines", 2)),
        (["Certainly! Here is an introduction for your topic:", LINE], Drop("assistant_opening")),
        ([LINE, "Certainly! Here is an introduction for your topic:"], None),
        ([LINE] * 50 + ["Regenerate response"], Drop("chat_page", 1)),
        (["The button is called Regenerate response."], None),
        (["It answered “As an AI language model, I do not know”, and we laughed."], None),
        (['It says "as an AI language model" often; as an AI language model it must.'], Drop("assistant_share", 1.0)),
        ([], None),
    ],
)
def test_an_assistants_boilerplate_is_found_and_talk_about_it_is_not(lines: list[str], expected: Drop | None) -> None:
    verdict = judge("machine_text", "\n\n".join(lines))
    assert verdict == expected if expected else isinstance(verdict, Keep)


def test_each_rule_for_machine_text_can_be_switched_off() -> None:
    off = {"phrase_lines": None, "phrase_share": None, "openings": [], "residue": [""]}
    assert isinstance(judge("machine_text", f"Sure! Here it is\n\n{SAID}\n{SAID}\nRegenerate response", **off), Keep)


# -- decontaminate ---------------------------------------------------------------------------------------------------

ITEM = "Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May"
LEAK = "Once upon a time natalia sold clips to 48 of her friends in april, and then she sold half as many clips in june"


def listed(*texts: str) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


@pytest.mark.parametrize(("n", "shared"), [(8, 12), (13, 7)])
def test_the_statistic_is_the_number_of_shared_n_grams(n: int, shared: int) -> None:
    """Of 13 runs of eight words 12 are shared, of 8 runs of thirteen words 7."""
    assert judge("decontaminate", LEAK, items=listed(ITEM), n=n, benchmark="gsm8k") == Drop(
        "contaminated_gsm8k", shared
    )
    assert judge("decontaminate", f"{LEAK} {LEAK}", items=listed(ITEM, ITEM), n=n) == Drop(
        "contaminated_benchmark", shared
    )


def test_fewer_shared_n_grams_than_the_threshold_are_kept() -> None:
    assert isinstance(judge("decontaminate", LEAK, items=listed(ITEM), min_matches=8), Keep)
    assert isinstance(judge("decontaminate", LEAK, items=listed(ITEM), min_matches=7), Drop)


def test_an_item_shorter_than_an_n_gram_must_occur_whole() -> None:
    item = "one two three four five six seven eight."
    assert judge("decontaminate", f"so: One, two - three {item[14:]} nine", items=listed(item)) == Drop(
        "contaminated_benchmark", 1
    )
    assert isinstance(judge("decontaminate", "one two three four five six seven nine eight", items=listed(item)), Keep)


def test_items_of_a_few_common_words_remove_nothing() -> None:
    assert isinstance(judge("decontaminate", "yes it is what it is", items=listed("Yes", "it is", "", "...")), Keep)


def test_a_file_holds_items_of_several_benchmarks_and_the_one_sharing_most_is_named(tmp_path: Path) -> None:
    records = [
        {
            "benchmark": "short",
            "question": "sold clips to 48 of her friends in",
            "answer": "April and then she sold half",
        },
        {"benchmark": "gsm8k", "question": ITEM, "answer": "72"},
    ]
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n\n")
    config = {"path": str(path), "keys": ["question", "answer"]}
    assert judge("decontaminate", LEAK, **config) == Drop("contaminated_gsm8k", 7)
    assert judge("decontaminate", " ".join(LEAK.split()[5:19]), **config) == Drop("contaminated_gsm8k", 2)
    assert isinstance(judge("decontaminate", "Something else entirely. " * 20, **config), Keep)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the benchmark's items: No such file"),
        (b"{\n", "items.jsonl#1 is not JSON"),
        (b'{"text": "\xff"}\n', "items.jsonl#1 is not JSON"),
        (b'{"text": "a"}\n{"other": "b"}\n', "items.jsonl#2 has no text"),
        (b"[1]\n", "items.jsonl#1 has no text"),
    ],
)
def test_an_unusable_file_of_items_is_refused_by_name(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "items.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        judge("decontaminate", "text", path=str(path))
