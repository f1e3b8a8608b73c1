"""The part of plotly.js that pages load: made of the installed wheel, small, and as the templates say."""

import re
from pathlib import Path

from django.contrib.staticfiles import finders

from chimera import static_files

ROOT = Path(__file__).resolve().parents[2]


def test_the_installed_plotly_can_be_cut():
    found = finders.find(f"{static_files.FOLDER}/{static_files.PART}")
    text = Path(found).read_text(encoding="utf-8")
    assert text.startswith(static_files.WHOLE.read_text(encoding="utf-8")[:200])  # with its licence
    assert len(text) < 1_250_000
    assert {*static_files.TRACES, "scatter"} == set(re.findall(r'moduleType:"trace",name:"(\w+)"', text))


def test_the_whole_library_is_there_for_other_traces():
    assert finders.find(f"{static_files.FOLDER}/plotly.min.js") == str(static_files.WHOLE)
    listed = [name for name, _ in static_files.PlotlyFinder().list(None)]
    assert listed == ["plotly.min.js", static_files.PART]


def test_pages_know_which_traces_the_part_draws():
    tag = (ROOT / "templates/partials/chart_scripts.html").read_text(encoding="utf-8")
    named = re.search(r'data-traces="([a-z ]+)"', tag)
    assert named is not None and set(named[1].split()) == {*static_files.TRACES, "scatter"}
