"""Filters that look for what stands on a list: addresses, an assistant's phrases."""

from typing import Any

import pytest

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
    assert FILTERS.build("url", LISTS).judge(document) == (expected or Keep(document, "" if url else "no_url"))


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
        (["Certainly! Here is an introduction for your topic:", LINE], Drop("assistant_opening", 1)),
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
