"""Who may import whom, and what the web process must do without."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["torch", "transformers", "peft", "accelerate", "datatrove", "spacy", "sklearn", "trafilatura"]


def test_the_import_contracts_hold() -> None:
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_logo=True))"
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("also", ["", "import django.urls; django.urls.get_resolver().url_patterns"])
def test_the_web_process_starts_without_the_training_stack(also: str) -> None:
    code = f"import sys, chimera.asgi\n{also}\nprint([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_job_kind_is_described_without_the_training_stack() -> None:
    code = (
        "import sys, django; django.setup(); from chimera.jobs.kinds import all_kinds\n"
        "for kind in all_kinds(): kind.config.model_json_schema()\n"
        f"print(len(all_kinds()) > 5, [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
