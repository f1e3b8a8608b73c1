"""Write the file tree of README.md from the first line of every file's docstring: `python docs/make_tree.py`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- tree: made by docs/make_tree.py -->", "<!-- end of tree -->"
FOLDERS = ("chimera", "curriculum_app", "training_app", "eval_app", "static", "benchmarks")
SILENT = ("/migrations/", "/corpus/", "/licenses/")


def tracked() -> list[str]:
    """Every file git knows or would add, folder by folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = (name for name in set(listed.splitlines()) if (ROOT / name).is_file())
    return sorted(names, key=lambda name: (str(Path(name).parent), name))


def first_line(path: Path) -> str:
    """What a file says of itself: the first sentence of its docstring or leading comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
    else:
        comment = re.match(r"\s*(?://|/\*|\{#)\s*(.+?)\s*(?:\*/|#\})?\s*$", text.split("\n", 1)[0])
        said = comment[1] if comment else ""
    return said.split("\n", 1)[0].strip()


def lines() -> list[str]:
    """The tree, folder by folder; a file that says nothing of itself stands with its name alone."""
    found: list[str] = []
    shown = ""
    for name in tracked():
        path = Path(name)
        if path.parts[0] not in FOLDERS or any(part in f"/{name}" for part in SILENT):
            continue
        if path.suffix not in {".py", ".js", ".css"}:
            continue
        folder, said = str(path.parent), first_line(ROOT / name)
        if path.name in {"apps.py"} or (path.name == "__init__.py" and not said):
            continue
        if folder != shown:
            found.append(f"{folder}/")
            shown = folder
        label = path.name if path.name != "__init__.py" else "(folder)"
        found.append(f"  {label:<26}{said}".rstrip())
    return found


def rendered(readme: str) -> str:
    """`readme` with its tree replaced by the present one."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n```text\n" + "\n".join(lines()) + f"\n```\n{END}{tail}"


def main() -> int:
    readme = ROOT / "README.md"
    readme.write_text(rendered(readme.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
