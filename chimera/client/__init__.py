"""Log a run of your own trainer into Chimera. Standard library only: the folder works wherever it is copied.

    import chimera.client

    with chimera.client.start("http://127.0.0.1:8000", "chimera_…", name="my run", config={"lr": 3e-4}) as run:
        for step in range(1, 1001):
            ...
            run.log({"loss": loss, "grad_norm": norm}, step=step, tokens=tokens)

`log` only puts values into a buffer; a thread of its own sends them, again and again while the server is away.
"""

from .run import Run, start
from .transport import ClientError

__version__ = "1.0.0"
__all__ = ["ClientError", "Run", "start"]
