"""Every file says in its first line what it is for, and none grows beyond what can be read in one go."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
SOURCES = [name for name in sorted(LISTED) if Path(name).suffix in {".py", ".js", ".css"} and (ROOT / name).is_file()]
WRITTEN = [name for name in SOURCES if not re.search(r"/migrations/\d", name)]
COMMENT = re.compile(r"\s*(?://|/\*)\s*\w")
LONGEST = 400  # lines


def description(name: str) -> str:
    """The first line of a module's docstring, or of the comment at the top of a script or style sheet."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    return text.split("\n")[0] if COMMENT.match(text) else ""


def test_files_are_listed() -> None:
    assert len(SOURCES) > 200


def test_every_file_begins_with_what_it_is_for() -> None:
    assert [name for name in WRITTEN if not description(name)] == []


def test_no_file_is_longer_than_one_can_read() -> None:
    lengths = {name: (ROOT / name).read_text(encoding="utf-8").count("\n") for name in WRITTEN}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_folder_of_python_files_is_a_package_with_a_description() -> None:
    folders = {str(Path(name).parent) for name in SOURCES if name.endswith(".py") and "/" in name}
    bare = {folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()}
    assert bare <= {"docs"}  # its one script is run by hand
