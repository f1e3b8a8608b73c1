"""From a question to what is shipped: a study is watched, one run of it is changed on the way, and the verdict kept."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.acceptance.conftest import ROOT, Running, shot, sign_in

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1800)]

QUESTION = "Which order, and is it worth twice the tokens?"
BUDGET = 65_536
WEAK, TWICE = "hard-to-easy", "twice the tokens"
ARMS = ("shuffled", "easy-to-hard", WEAK, TWICE)
SEEDS = (1, 2, 3)
RULE = "loss is coming down"
ACCURACY, RIGHT_ANSWER = "commonsense_qa/accuracy", "commonsense_qa/correct_answer_loss"
# How long is waited, not what is promised.
MOMENT, JOB, STUDY = 60_000, 240_000, 15 * 60_000
LOSS = "document.querySelector('figure[data-patterns*=\"loss\"]')?.chart?.series[0]"


@dataclass(frozen=True)
class Intervention:
    """The run that was changed, the last step that it had taken, and an untouched run of the same arm."""

    run: str
    step: int
    twin: str


@pytest.fixture
def ready(page: Page, chimera: Running) -> Page:
    """Signed in, patient, with sequences to train on: the starter study's, or else those of a small one."""
    page.set_default_timeout(MOMENT)
    expect.set_options(timeout=MOMENT)
    sign_in(page, chimera)
    page.goto(f"{chimera.url}/studies/new/")
    if page.get_by_text("No sequences yet").count():
        prepare(chimera)
    return page


def prepare(chimera: Running) -> None:
    """What the starter study leaves behind, of a slice of the corpus, from a second terminal."""
    script = '. "$0/environment" && python manage.py chimera run starter --config - --wait'
    config = json.dumps({"scale": "test", "seeds": [1]})
    subprocess.run(["bash", "-c", script, str(chimera.data)], input=config, text=True, cwd=ROOT, check=True)


def test_a_study_is_watched_changed_proved_and_shipped(
    ready: Page, chimera: Running, chromium: Browser, tmp_path: Path
) -> None:
    page = ready
    add_rule(page, chimera)
    study = launch(page, chimera)
    watch_a_run(page)
    see_the_alert_and_its_batch(page, chimera)
    changed = intervene(page, study)
    expect_a_verdict(page, study)
    expect_the_twin_untouched(page, changed)
    expect_the_weak_skills(page, study)
    expect_a_report_that_needs_nothing(page, chromium, study, tmp_path)
    expect_the_archive(page, study, tmp_path)
    average_the_last_checkpoints(page, changed)
    expect_the_same_curves_for_a_colleague(page, chimera, chromium, study)


def add_rule(page: Page, chimera: Running) -> None:
    """An alert of one's own: training loss a twentieth below where an earlier run began, which every run crosses."""
    page.goto(f"{chimera.url}/runs/")
    page.locator("tbody").get_by_role("link").first.click()
    page.wait_for_function(f"{LOSS}?.step.length > 2")
    bound = round(0.95 * page.evaluate(f"{LOSS}.smooth[0]"), 2)
    page.goto(f"{chimera.url}/alerts/rules/")
    page.get_by_role("button", name="New rule").click()
    page.get_by_role("link", name="Threshold").click()
    page.get_by_label("Name", exact=True).fill(RULE)
    page.get_by_label("Cool-down").fill("100000")
    page.get_by_label("Side").select_option("below")
    page.get_by_label("Bound").fill(str(bound))
    shot(page, "journey-10-rule")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("region", name="Rules").last).to_contain_text(RULE)


def launch(page: Page, chimera: Running) -> str:
    """Put the study together from a template, start it, and give the address of its page."""
    page.goto(f"{chimera.url}/studies/")
    page.get_by_role("link", name="New study").click()
    page.locator("section", has=page.get_by_role("heading", name="Easy to hard", exact=True)).get_by_role(
        "button", name="Fill in"
    ).click()
    page.wait_for_url("**/jobs/new/study/**")
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_label("Token budget").fill(str(BUDGET))
    page.get_by_label("Seeds").fill(", ".join(map(str, SEEDS)))
    add_arms(page)
    page.get_by_label("with tasks").check()
    page.get_by_label("Suite").select_option("default")
    page.get_by_label("Items of a task at most").fill("24")
    add_outcome(page, ACCURACY, "higher")
    add_outcome(page, RIGHT_ANSWER, "lower")
    page.get_by_text("Training settings").click()
    page.get_by_label("Evaluate every").fill("64")
    page.get_by_text("Checkpoints and faults settings").click()
    page.get_by_label("Keep a checkpoint every (steps)").fill("32")
    expect(page.get_by_text(re.compile("^12 runs, .* tokens in all"))).to_be_visible()
    shot(page, "journey-10-form")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    address = page.url
    page.goto(f"{chimera.url}/jobs/queue/")
    expect(page.locator("main")).to_contain_text(QUESTION)
    shot(page, "journey-10-queue")
    page.goto(address)
    return address


def add_arms(page: Page) -> None:
    """Beside the two of the template the reverse order, and the shuffle with twice the tokens."""
    page.get_by_label("Kind of the new arm").select_option("Hard to easy")
    page.get_by_role("button", name="Add arm").click()
    page.get_by_label("Kind of the new arm").select_option("Shuffled")
    page.get_by_role("button", name="Add arm").click()
    arm = page.locator("li.item", has=page.locator("summary strong:text-is('shuffle')"))
    arm.get_by_label("Budget factor").fill("2")
    arm.get_by_label("Name", exact=True).fill(TWICE)
    expect(page.locator("li.item summary", has_text=TWICE)).to_contain_text("Shuffled")


def add_outcome(page: Page, metric: str, better: str) -> None:
    page.get_by_role("button", name="Add outcome").click()
    outcome = page.locator("li.item", has=page.get_by_label("Better is", exact=True)).last
    outcome.get_by_label("Metric", exact=True).fill(metric)
    outcome.get_by_label("Better is", exact=True).select_option(better)


def cell(page: Page, arm: str, seed: int) -> Locator:
    """What the study's page says of one run."""
    table = page.get_by_role("group", name="Runs of the study")
    names = table.locator("thead th").all_inner_texts()
    return table.locator("tbody tr").nth(SEEDS.index(seed)).locator("td").nth(names.index(arm) - 1)


def watch_a_run(page: Page) -> None:
    """Loss, entropy, stable rank and the mixture against its plan come while the run learns."""
    link = page.get_by_role("link", name="Watch a run live")
    expect(link).to_be_visible(timeout=MOMENT)
    link.click()
    for title in ("Training loss", "Token entropy", "Stable rank", "Mixture by difficulty"):
        chart = page.locator("figure", has=page.get_by_role("heading", name=title, exact=True))
        expect(chart.locator(".plot.js-plotly-plot")).to_be_visible(timeout=MOMENT)
    page.wait_for_function(f"{LOSS}?.step.length > 2", timeout=MOMENT)
    shot(page, "journey-10-live")


def see_the_alert_and_its_batch(page: Page, chimera: Running) -> None:
    """From the alert to what the model was shown at that step."""
    page.goto(f"{chimera.url}/alerts/")
    first = page.get_by_role("region", name="Alerts").last.locator("tbody tr", has_text=RULE).first
    expect(first).to_be_visible(timeout=MOMENT)
    shot(page, "journey-10-alerts")
    step = first.locator("td.num").inner_text().replace("\u202f", "")
    first.get_by_role("link").click()
    expect(page.get_by_label("step", exact=True).last).to_have_value(step)
    documents = page.get_by_role("region", name=f"Documents of step {step}").locator("tbody tr")
    expect(documents.first).to_be_visible()
    expect(documents.first.locator("th")).not_to_be_empty()
    expect(page.locator("#batch")).to_contain_text("asked most for")
    shot(page, "journey-10-batch")


def intervene(page: Page, study: str) -> Intervention:
    """Pause a run of the weak arm, show it easier text from there on, and let it go on."""
    page.goto(study)
    twin = cell(page, WEAK, SEEDS[0]).get_by_role("link").get_attribute("href") or ""
    cell(page, WEAK, SEEDS[-1]).get_by_role("link").click()  # the last but one in the queue
    page.wait_for_function(f"{LOSS}?.step.length > 2", timeout=STUDY)
    page.get_by_role("button", name="Pause").click()
    expect(state(page)).to_have_text("paused", timeout=MOMENT)
    shot(page, "journey-11-paused")
    run, stood = page.url, int(re.sub(r"\D", "", page.locator(".state-line strong").inner_text().split("/")[0]))
    edit_the_plan(page)
    page.goto(run)
    page.get_by_role("button", name="Resume").click()
    expect(state(page)).to_have_text("succeeded", timeout=STUDY)
    expect_the_mark(page, stood)
    return Intervention(run, stood, page.url.split("/runs/")[0] + twin)


def state(page: Page) -> Locator:
    """The badge in the head of a run."""
    return page.locator("#run-head .badge")


def edit_the_plan(page: Page) -> None:
    """What is left of a run goes from easy to hard."""
    tabs = page.get_by_role("navigation", name="Run", exact=True)
    tabs.get_by_role("link", name="Curriculum").click()
    page.get_by_role("link", name="Edit the rest of the plan").click()
    page.wait_for_url("**/jobs/new/edit-plan/**")  # loaded whole: a change of the kind fetches its settings
    page.get_by_label("Name", exact=True).fill("easier from here")
    page.get_by_label("Kind", exact=True).select_option("Easy to hard")
    expect(page.get_by_label("Sharpness")).to_be_visible()
    shot(page, "journey-11-edit")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("main .badge").first).to_have_text("succeeded", timeout=JOB)
    shot(page, "journey-11-edit-made")


def expect_the_mark(page: Page, stood: int) -> None:
    """The run says from which step on it followed the new plan, on its charts and in words."""
    page.reload()
    expect(page.locator("#timeline")).to_contain_text("plan edited: easier from here")
    expect(page.locator("#timeline [data-mark-word=plan_edited]")).to_have_attribute("data-mark-step", str(stood))
    for title in ("Training loss", "Token entropy", "Stable rank", "Learning rate"):
        chart = page.locator("figure", has=page.get_by_role("heading", name=title, exact=True))
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".annotation", has_text=f"plan edited · step {stood}")).to_be_visible()
    shot(page, "journey-11-mark")
    page.get_by_role("navigation", name="Run", exact=True).get_by_role("link", name="Curriculum").click()
    row = page.get_by_role("region", name="Edits of the plan").locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("made")
    expect(row.locator("td.num").last).to_have_text(str(stood))
    shot(page, "journey-11-edits")


def expect_the_twin_untouched(page: Page, changed: Intervention) -> None:
    """The same arm at another seed was shown what was planned, and carries no mark."""
    page.goto(changed.twin)
    expect(state(page)).to_have_text("succeeded")
    expect(page.locator("#timeline")).to_contain_text("succeeded")
    expect(page.locator("[data-mark-word=plan_edited]")).to_have_count(0)
    tabs = page.get_by_role("navigation", name="Run", exact=True)
    tabs.get_by_role("link", name="Curriculum").click()
    expect(page.get_by_role("heading", name="Edits of the plan")).to_have_count(0)
    tabs.get_by_role("link", name="Data").click()
    expect(page.locator("section", has=page.get_by_role("heading", name="Order"))).to_contain_text(
        "✓ delivered = planned"
    )
    shot(page, "journey-11-twin")


def expect_a_verdict(page: Page, study: str) -> None:
    """One sentence, every arm with its interval, the yardstick never a winner, tasks among the outcomes."""
    page.goto(study)
    word = page.locator(".verdict-word")
    expect(word).to_be_visible(timeout=STUDY)
    shot(page, "journey-12-verdict")
    assert word.inner_text().strip().lower() in {"better", "worse", "cannot tell"}
    assert "3 seeds (95 % interval" in page.locator(".verdict-sentence").inner_text()
    arms = page.get_by_role("group", name="Arms", exact=True).locator("tbody tr")
    expect(arms).to_have_count(4)
    for arm in ("easy-to-hard", WEAK, TWICE):
        row = arms.filter(has=page.get_by_role("rowheader", name=arm, exact=True))
        assert re.search(r"[−+-]\d+\.\d+ … [−+-]\d+\.\d+", row.inner_text()), row.inner_text()
    yardstick = arms.filter(has=page.get_by_role("rowheader", name=TWICE, exact=True))
    expect(yardstick).to_contain_text("2 × tokens")
    expect(yardstick).to_contain_text("no test")
    expect(page.locator("section", has=page.get_by_role("heading", name="Secondary outcomes"))).to_contain_text(
        "In tokens: what"
    )
    secondary = page.get_by_role("group", name="Secondary outcomes")
    for metric in (ACCURACY, RIGHT_ANSWER):
        expect(secondary.get_by_role("columnheader", name=metric)).to_be_visible()
    expect(secondary.locator("tbody tr")).to_have_count(3)


def expect_the_weak_skills(page: Page, study: str) -> None:
    """From the verdict to what its models do worst."""
    page.goto(study)
    page.get_by_role("link", name="Weak skills").first.click()
    weakest = page.locator("section", has=page.get_by_role("heading", name="Weakest"))
    expect(weakest.get_by_role("listitem").first).to_contain_text("95 % interval")
    shot(page, "journey-12-skills")


def expect_a_report_that_needs_nothing(page: Page, chromium: Browser, study: str, tmp_path: Path) -> None:
    """One file, opened from the disk without a network: it asks for nothing and says the verdict and the edit."""
    page.goto(study)
    sentence = page.locator(".verdict-sentence").inner_text()
    file = tmp_path / "report.html"
    file.write_bytes(page.request.get(address_of(page, "Report")).body())
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    reader, asked = context.new_page(), list[str]()
    reader.on("request", lambda request: asked.append(request.url))
    reader.goto(file.as_uri())
    expect(reader.get_by_role("heading", level=1)).to_have_text(QUESTION)
    expect(reader.locator("svg[role=img]").first).to_be_visible()
    expect(reader.locator("body")).to_contain_text(sentence)
    expect(reader.locator("body")).to_contain_text(f"The plan of {WEAK} · seed {SEEDS[-1]} was edited after step")
    shot(reader, "journey-12-report")
    assert asked == [file.as_uri()], "a report fetches nothing"
    context.close()


def address_of(page: Page, name: str) -> str:
    """Where a link of the page leads, whole."""
    return str(page.get_by_role("link", name=name, exact=True).evaluate("link => link.href"))


def expect_the_archive(page: Page, study: str, tmp_path: Path) -> None:
    """Every run's order is in it; the changed run's differs from what its arm had planned."""
    page.goto(study)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Archive").click()
    file = tmp_path / "study.zip"
    waiting.value.save_as(file)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        places = {(arm, seed): f"runs/{arm}/seed-{seed}/" for arm in ARMS for seed in SEEDS}
        rows = {key: len(archive.read(f"{place}index.txt").splitlines()) for key, place in places.items()}
        orders = {key: json.loads(archive.read(f"{place}manifest.json")) for key, place in places.items()}
        facts = {key: json.loads(archive.read(f"{place}run.json"))["digests"] for key, place in places.items()}
    assert rows == {key: order["rows"] for key, order in orders.items()}
    assert all(each["delivered order"] == each["planned order"] != "" for each in facts.values())
    policies = {seed: orders[WEAK, seed]["policy"]["key"] for seed in SEEDS}
    assert policies == {1: "hard_to_easy", 2: "hard_to_easy", 3: "easy_to_hard"}, "the last one was edited"
    shown = {arm: facts[arm, SEEDS[-1]]["multiset shown"] for arm in ARMS}
    assert shown[WEAK] == shown["shuffled"] != shown[TWICE], "an edit changes the order, not what is shown"


def average_the_last_checkpoints(page: Page, changed: Intervention) -> None:
    """The mean of what the untouched run has kept, with its held-out score beside the last one's."""
    page.goto(changed.twin)
    page.get_by_role("link", name="Average the last ones").click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("main .badge").first).to_have_text("succeeded", timeout=JOB)
    page.get_by_role("link", name=re.compile("^checkpoint: ")).click()
    expect(page.get_by_role("region", name="Sources of the average").locator("tfoot")).to_contain_text("this average")
    shot(page, "journey-12-average")


def expect_the_same_curves_for_a_colleague(page: Page, chimera: Running, chromium: Browser, study: str) -> None:
    """Somebody else presses Reproduce, and the page says that all came out equal."""
    name, password = invite(page, chimera)
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    other = context.new_page()
    other.set_default_timeout(MOMENT)
    sign_in(other, chimera, name, password)
    other.goto(study)
    other.on("dialog", lambda dialog: dialog.accept())
    other.get_by_role("button", name="Reproduce").click()
    repeats = other.locator("section", has=other.get_by_role("heading", name=re.compile("^Repeats ")))
    expect(repeats).to_be_visible()
    expect(repeats.locator(".badge")).to_have_text("equal", timeout=STUDY)
    shot(other, "journey-12-equal")
    expect(repeats).to_contain_text(f"Equal: all {4 * len(SEEDS)} runs gave the same curves, orders and final weights")
    expect(repeats).to_contain_text("the verdict is the same in every digit")
    context.close()
    page.goto(study)
    said = page.locator("section", has=page.get_by_role("heading", name="Reproductions"))
    expect(said.locator(".badge")).to_have_text("equal")


def invite(page: Page, chimera: Running) -> tuple[str, str]:
    """Another member of the project, an editor."""
    name, password = "colleague", "has-tea-at-four"
    page.goto(f"{chimera.url}/admin/auth/user/add/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password1").fill(password)
    page.locator("#id_password2").fill(password)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.goto(f"{chimera.url}/admin/projects/membership/add/")
    for field, text in {"project": "Starter project", "user": name}.items():
        page.locator(f".field-{field} .select2-selection").click()
        page.locator(".select2-search__field").fill(text)
        page.get_by_role("option", name=text).click()
    page.locator("#id_role").select_option("editor")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    return name, password
