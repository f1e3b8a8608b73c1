"""The designer in the browser's terms: what its form posts, checks, saves and refuses."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from chimera.config_forms import posted
from curriculum_app.core.curriculum_templates import offered
from curriculum_app.models import Curriculum
from tests.conftest import signed_in
from tests.factories import make_curriculum, make_schedule, make_sequences

NEW = "curriculum-design"
SHARES = {"code": 0.1, "literature": 0.2, "prose": 0.3, "reference": 0.4}


@pytest.fixture
def sequences(editor):
    return make_sequences(editor)


def drawing(**more):
    knots = [{"at": 0, "shares": {"code": 0.25, "literature": 0.25, "prose": 0.25, "reference": 0.25}}]
    return {"knots": [*knots, {"at": 1, "shares": SHARES}], **more}


def fill(client, address, sequences, **values):
    """What a browser posts of the page at `address`, with `values` in its fields."""
    page = client.get(address)
    assert page.status_code == 200
    data = posted(page.context["form"])
    data["_seen"] = page.context["seen"]
    data["budget_tokens"] = str(sequences.sequence_length if hasattr(sequences, "sequence_length") else 3200)
    for name, value in values.items():
        data[name.replace("__", ".")] = json.dumps(value) if isinstance(value, dict) else str(value)
    return data


def save(client, address, sequences, **values):
    return client.post(address, fill(client, address, sequences, **values))


def test_a_drawing_is_saved_forked_and_told_of_others(editor, editor_client, sequences):
    done = save(editor_client, reverse(NEW), sequences, name="mix", policy__config=drawing())
    first = Curriculum.objects.get()
    assert done["Location"] == reverse("curriculum-detail", args=[first.pk])
    assert (first.label, first.policy, first.sequence_set) == ("mix:v1", "drawn", sequences)
    assert first.config["knots"][1]["shares"] == SHARES
    again = reverse("curriculum-design-from", args=[first.pk])
    late = fill(editor_client, again, sequences, policy__config=drawing(sigma=2))
    save(editor_client, again, sequences, policy__config=drawing(sigma=1))
    assert Curriculum.objects.get(version=2).parent == first
    refused = editor_client.post(again, late)
    assert refused.status_code == 422
    assert "mix:v2 was saved by edgar while you were designing from mix:v1" in refused.content.decode()
    assert refused.context["seen"] == "mix:v2"  # who saves again has been told
    save(editor_client, again, sequences, name="other", policy__config=drawing(sigma=3))
    assert Curriculum.objects.get(name="other").parent == first
    page = editor_client.get(reverse("curriculum-detail", args=[first.pk])).content.decode()
    assert "next version" in page and "other:v1" in page and "Planned mixture" in page
    figure = editor_client.get(reverse("curriculum-mixture", args=[first.pk])).json()
    assert [trace["name"] for trace in figure["data"]] == ["code", "literature", "prose", "reference"]


@pytest.mark.parametrize(
    ("broken", "path", "said"),
    [
        ({"knots": [{"at": 0, "shares": {**SHARES, "code": 0.2}}]}, "knots.0.shares", "add up to 1.1"),
        ({"knots": [{"at": 0, "shares": {"code": 2, "prose": -1}}]}, "knots.0.shares.code", "less than or equal to 1"),
        ({"knots": [{"at": 0, "shares": {"poetry": 1}}]}, "knots.0.shares", "no group 'poetry'"),
        ({"knots": [{"at": 1.5, "shares": SHARES}]}, "knots.0.at", "less than or equal to 1"),
        ({"grouping": "colour"}, "grouping", "no grouping 'colour'"),
        (
            {"tracks": {"phases": [{"name": "a", "start": 0, "end": 0.6}, {"name": "b", "start": 0.5, "end": 1}]}},
            "tracks.phases.1.start",
            "overlap",
        ),
    ],
)
def test_every_door_says_the_same_and_nothing_is_half_saved(editor_client, sequences, broken, path, said):
    answer = save(editor_client, reverse(NEW), sequences, name="mix", policy__config=broken)
    assert answer.status_code == 422
    shown = answer.context["data"]["problems"]
    body = {"name": "mix", "policy": {"key": "drawn", "config": broken}, "sequences": sequences.uid}
    [*told] = editor_client.post(
        "/api/curricula", {**body, "budget_tokens": 3200}, content_type="application/json"
    ).json()["problems"]
    data = fill(editor_client, reverse(NEW), sequences, policy__config=broken)
    checked = editor_client.post(reverse("curriculum-check"), data).json()
    assert told == shown == checked["problems"]
    assert any(p["field"] == f"policy.config.{path}" and said in p["message"] for p in told), told
    form = answer.context["form"]
    assert any(told[0]["message"] in error for error in form.errors["policy.config"])
    assert not Curriculum.objects.exists()


def test_a_number_that_is_none_and_json_that_is_none_are_told(editor_client, sequences):
    data = fill(editor_client, reverse(NEW), sequences, name="mix")
    data["policy.config"] = '{"sigma": NaN}'
    assert "finite number" in str(editor_client.post(reverse(NEW), data).context["form"].errors)
    data["policy.config"] = "{"
    assert "is not JSON" in str(editor_client.post(reverse(NEW), data).context["form"].errors)


def test_a_budget_the_corpus_cannot_give_is_told_at_the_budget(editor_client, sequences):
    everything = {"knots": [{"at": 0, "shares": {"prose": 1}}]}
    answer = save(
        editor_client, reverse(NEW), sequences, name="mix", policy__config=everything, budget_tokens=sequences.tokens
    )
    [problem] = answer.context["data"]["problems"]
    assert problem["field"] == "budget_tokens" and "'prose' is" in problem["message"] and "at most" in problem["hint"]


def test_a_viewer_tries_and_checks_but_saves_nothing(viewer, editor_client, sequences):
    client = signed_in(viewer)
    data = fill(client, reverse(NEW), sequences, name="mix", policy__config=drawing())
    checked = client.post(reverse("curriculum-check"), data).json()
    assert checked["problems"] == [] and checked["preview"]["names"] == ["code", "literature", "prose", "reference"]
    assert client.post(reverse(NEW), data).status_code == 403
    assert client.post(reverse("curriculum-file")).status_code == 403
    assert not Curriculum.objects.exists()


def test_another_policy_shows_its_own_settings_and_its_plan(editor_client, sequences):
    data = fill(editor_client, reverse(NEW), sequences, name="mix", policy__config=drawing())
    data["policy.key"], data["_refresh"] = "easy_to_hard", "1"
    part = editor_client.post(reverse(NEW), data, headers={"HX-Request": "true"})
    form = part.context["form"]
    assert "policy.config.sharpness" in form.fields and "policy.config" not in form.fields
    assert "<html" not in part.content.decode()
    data = posted(form)
    preview = editor_client.post(reverse("curriculum-check"), data).json()["preview"]
    assert preview["grouping"] == "difficulty"
    data["policy.key"], data["_refresh"] = "drawn", "1"
    back = editor_client.post(reverse(NEW), data, headers={"HX-Request": "true"}).context["form"]
    assert json.loads(back["policy.config"].value())["knots"] == []


def test_a_file_is_opened_or_refused_by_line(editor_client, sequences):
    saved = save(editor_client, reverse(NEW), sequences, name="mix", policy__config=drawing())
    pk = Curriculum.objects.get().pk
    exported = editor_client.get(reverse("curriculum-export", args=[pk]))
    assert saved.status_code == 302 and exported["Content-Disposition"].endswith('.yaml"')
    text = exported.content.decode()
    opened = editor_client.post(reverse("curriculum-file"), {"file": SimpleUploadedFile("mix.yaml", text.encode())})
    assert "not saved yet" in opened.content.decode()
    assert json.loads(opened.context["form"]["policy.config"].value()) == Curriculum.objects.get().config
    wrong = text.replace("sigma: 0.0", "sigma: -1")
    line = wrong.splitlines().index(next(row for row in wrong.splitlines() if "sigma" in row)) + 1
    refused = editor_client.post(reverse("curriculum-file"), {"file": SimpleUploadedFile("bad.yaml", wrong.encode())})
    assert refused.status_code == 422 and f"bad.yaml:{line}" in refused.content.decode()
    assert "choose a YAML file" in editor_client.post(reverse("curriculum-file")).content.decode()


def test_every_template_is_a_draft_that_can_be_saved(editor_client, sequences):
    page = editor_client.get(reverse("curriculum-new")).content.decode()
    assert "From a file" in page
    for template, policy in offered():
        assert template.title in page
        draft = editor_client.get(reverse(NEW), {"template": template.key})
        assert draft.context["form"].policy == policy.key
        checked = editor_client.post(reverse("curriculum-check"), posted(draft.context["form"])).json()
        assert checked["problems"] == [], template.key
        assert checked["config"]["policy"]["key"] == policy.key
    assert editor_client.get(reverse(NEW), {"template": "x"}).status_code == 404


def test_differences_are_drawn_and_a_schedule_starts_from_a_version(editor, editor_client, sequences):
    save(editor_client, reverse(NEW), sequences, name="mix", policy__config=drawing())
    save(editor_client, reverse(NEW), sequences, name="flat", policy__config=drawing(knots=[]))
    mix, flat = (Curriculum.objects.get(name=name) for name in ("mix", "flat"))
    address = reverse("curriculum-difference-chart", args=[mix.pk])
    figure = editor_client.get(address, {"with": flat.pk}).json()
    assert [trace["line"]["dash"] for trace in figure["data"][:2]] == ["solid", "dash"] and len(figure["data"]) == 8
    assert figure["table"]["columns"][2:] == ["mix:v1", "flat:v1"]
    page = editor_client.get(reverse("curriculum-difference", args=[mix.pk]), {"with": flat.pk}).content.decode()
    assert address.replace("&", "&amp;") in page
    changed = make_curriculum(
        editor, "mix", "drawn", **drawing(knots=[{"at": 0, "shares": {"code": 0.5, "prose": 0.5}}])
    )
    answer = editor_client.get(reverse("curriculum-difference", args=[mix.pk]), {"with": changed.pk})
    told = {item.setting: (item.left, item.right) for item in answer.context["differences"]}
    assert told["knots 1.shares.code"] == ("0.25", "0.5") and told["knots 2.at"] == ("1", None)
    old = make_curriculum(editor)
    page = editor_client.get(reverse("curriculum-difference", args=[mix.pk]), {"with": old.pk}).content.decode()
    assert "cannot be drawn yet" in page
    assert editor_client.get(address, {"with": old.pk}).status_code == 404
    make_schedule(editor, old)
    assert editor_client.get(address, {"with": old.pk}).status_code == 200
    page = editor_client.get(reverse("curriculum-detail", args=[mix.pk])).content.decode()
    address = re.search(r'href="([^"]+)">Make schedule', page)
    form = editor_client.get(html.unescape(address[1])).context["form"]
    assert (form["name"].value(), form["sequences"].value()) == ("mix", sequences.uid)
    assert form["policy.key"].value() == "drawn"


def test_the_designer_of_another_project_is_not_found(stranger, editor):
    row = make_curriculum(editor)
    client = signed_in(stranger)
    for name in ("curriculum-design-from", "curriculum-export", "curriculum-mixture"):
        assert client.get(reverse(name, args=[row.pk])).status_code == 404
