"""`python -m benchmarks [NAME [--quick] [--json]]`: list the benchmarks, or run one.

A benchmark is a module of this package with `NAME` and `measure(quick: bool) -> dict[str, Figure]`. With `--json` the
last line of standard output is one JSON object. The exit code is 1 if a goal was missed.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from types import ModuleType

import benchmarks
from benchmarks.report import as_json, as_text


def discover() -> dict[str, ModuleType]:
    """The benchmark modules by `NAME`."""
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__"]
    modules = [importlib.import_module(f"benchmarks.{name}") for name in names]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}


def main(arguments: list[str] | None = None) -> int:
    found = discover()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Chimera against named peers.")
    parser.add_argument("name", nargs="?", choices=sorted(found), help="leave out to list them")
    parser.add_argument("--quick", action="store_true", help="end within 50 seconds")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    if options.name is None:
        for name, module in sorted(found.items()):
            print(f"{name:12} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0
    figures = found[options.name].measure(options.quick)
    print(as_text(figures))
    if options.json:
        print(as_json(options.name, figures))
    return 0 if all(figure.ok for figure in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
