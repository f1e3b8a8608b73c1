"""Where a child of the sandbox begins: walls first, then its role. The orders are one JSON argument."""

from __future__ import annotations

import json
import os
import sys

from . import roles, walls


def main() -> None:
    orders = json.loads(sys.argv[1])
    sys.argv = [""]
    os.environ.clear()
    limits = walls.Limits(**orders["limits"])
    if orders["walls"] == "namespaces":
        walls.enter(limits, orders["uid"], orders["folders"])
    walls.confine(limits, orders["processes"])
    if orders["role"] == "candidate":
        roles.candidate()
    else:
        roles.checker(*orders["pipes"])
    os._exit(0)
