"""`python -m chimera.client try|send`: a made-up run to see that all works; what a program could not send."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path

from . import leftover
from .run import start
from .transport import Away, ClientError, Transport


def main(arguments: list[str] | None = None) -> int:
    """0: done; 1: refused or not reached."""
    parser = argparse.ArgumentParser(prog="python -m chimera.client", description=__doc__)
    parser.add_argument("--url", default=os.environ.get("CHIMERA_URL", ""), help="default: CHIMERA_URL")
    parser.add_argument("--token", default=os.environ.get("CHIMERA_TOKEN", ""), help="default: CHIMERA_TOKEN")
    verbs = parser.add_subparsers(dest="verb", required=True)
    trial = verbs.add_parser("try", help="log a made-up run")
    trial.add_argument("--steps", type=int, default=50)
    trial.add_argument("--seconds", type=float, default=0.05, help="between two steps")
    send = verbs.add_parser("send", help="send the file that a program has left")
    send.add_argument("file", type=Path)
    said = parser.parse_args(arguments)
    try:
        done = _try(said) if said.verb == "try" else _send(said)
    except (ClientError, Away) as error:
        print(f"chimera: {error}", file=sys.stderr)
        return 1
    print(done)
    return 0


def _try(said: argparse.Namespace) -> str:
    name = "made up by chimera.client"
    with start(said.url, said.token, name=name, config={"made_up": True}, steps=said.steps) as run:
        for step in range(1, said.steps + 1):
            loss = 2 + 5 * math.exp(-step / 20) + 0.1 * math.sin(step)
            run.log({"loss": loss, "learning_rate": 1e-3 / step}, step=step, tokens=step * 1024)
            time.sleep(said.seconds)
        run.event("half of it is done", step=said.steps // 2)
    return run.url or "the server could not be reached"


def _send(said: argparse.Namespace) -> str:
    run = leftover.send(said.file, Transport(said.url, said.token))
    return f"{run['run']} has {run['state']} with {run['step']} steps"


if __name__ == "__main__":
    sys.exit(main())
