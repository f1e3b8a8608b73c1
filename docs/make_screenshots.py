"""Take the README's pictures from a running Chimera:
`PYTHONPATH=. python docs/make_screenshots.py URL PASSWORD_FILE [NAME ...]`.

Names: home, dataset, workbench, schedule, run, study (all by default). `home` is best taken while the starter study
runs; `workbench` needs a measured sample of rules.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser import ARGUMENTS, find_chromium

FOLDER = Path(__file__).resolve().parent / "images"
PAGES = {
    "home": ("/", "home-running"),
    "dataset": ("/data/?stage=curated", "dataset"),
    "workbench": ("/data/rules/", "workbench"),
    "schedule": ("/curricula/", "schedule"),
    "run": ("/runs/", "run-live"),
    "study": ("/studies/", "study-verdict"),
}
# What is followed from the list to the page that is wanted.
LINKS = {
    "dataset": "Starter corpus:v1",
    "workbench": "rules:v1",
    "schedule": "easy-to-hard:v1",
    "run": "easy-to-hard · seed",
    "study": "Does easy",
}


def main(url: str, password: str, names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.goto(f"{url}/login/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        for name in names or list(PAGES):
            take(page, url, name)
        browser.close()


def take(page: Page, url: str, name: str) -> None:
    """Go to the page as a user would, wait for its charts, keep the first screen."""
    path, file = PAGES[name]
    page.goto(url + path)
    if name in LINKS:
        links = page.get_by_role("link", name=LINKS[name])
        running = page.locator("tr", has_text="running").get_by_role("link", name=LINKS[name])
        with page.expect_navigation():
            (running if name == "run" and running.count() else links).first.click()
    if any(chart.is_visible() for chart in page.locator("figure.chart").all()):
        page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length > 0")
        page.wait_for_load_state("networkidle" if name != "run" else "load")
    if name == "workbench":
        page.wait_for_selector("#workbench:not([aria-busy=true])")
        page.get_by_role("tab").last.click()
    page.screenshot(path=FOLDER / f"{file}.png")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]).read_text(encoding="utf-8").strip(), sys.argv[3:])
