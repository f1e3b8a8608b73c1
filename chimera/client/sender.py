"""The thread that talks to the server: start, batches, heartbeats, end; it tries again while the server is away."""

from __future__ import annotations

import random
import threading
import time
import warnings
from typing import Any

from .buffer import Buffer
from .transport import Away, ClientError, Transport

INTERVAL = 0.2  # seconds between two batches
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # while the server is away


class Sender:
    """Sends what is in `buffer`. `stopped` says why nothing more is sent; `cancelled` that a user wants us to end."""

    def __init__(self, transport: Transport, buffer: Buffer, opening: dict[str, Any]) -> None:
        self.transport, self.buffer, self.opening = transport, buffer, opening
        self.started: dict[str, Any] | None = None
        self.stopped: ClientError | None = None
        self.cancelled = False
        self.opened = threading.Event()  # the first attempt to start has ended, one way or the other
        self._end: dict[str, Any] | None = None
        self._ended = threading.Event()
        self._hurry = threading.Event()
        self._given_up = False
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="chimera-client", daemon=True)
        self._thread.start()

    def finish(self, state: str, message: str, timeout: float) -> bool:
        """Send the rest and end the run; False if that was not possible in `timeout` seconds."""
        self._end = {"state": state, "message": message[:300]}
        self._hurry.set()
        self._ended.wait(timeout)
        self._given_up = True
        self._hurry.set()
        return self._ended.is_set() and self.stopped is None

    def _work(self) -> None:
        pause = 0.0
        while not (self._given_up or self._ended.is_set()):
            try:
                more = self._once()
                pause = 0.0 if more else INTERVAL
            except Away as error:
                pause = self._back_off(pause, error)
            except ClientError as error:
                self._refused(error)
            except Exception as error:  # a thread that dies in silence would lose everything to come
                self._refused(ClientError(f"{type(error).__name__}: {error}"))
            if self._end is None:
                self._hurry.wait(pause)
            elif pause:
                time.sleep(INTERVAL)

    def _once(self) -> bool:
        """One call, if there is anything to say; whether more waits."""
        if self.started is None:
            self.started = self.transport.post("/runs", self.opening)
            self._heard = time.monotonic()
            self.opened.set()
        batch = self.buffer.flight()
        if batch is not None:
            self._call("points", {"seq": batch.seq, "points": batch.points, "events": batch.events})
            self.buffer.landed()
        elif self._end is not None:
            self._call("finish", self._end)
            self._ended.set()
        elif time.monotonic() - self._heard > self.started["lease_seconds"] / 10:
            self._call("heartbeat", {})
        return batch is not None and (len(batch.points) >= 500 or self._end is not None)

    def _call(self, verb: str, body: dict[str, Any]) -> None:
        assert self.started is not None
        run, session = self.started["run"], self.started["session"]
        answer = self.transport.post(f"/runs/{run}/{verb}", {"session": session, **body})
        self._heard = time.monotonic()
        self.cancelled = self.cancelled or answer.get("control") in ("cancel", "stop")

    def _back_off(self, pause: float, error: Away) -> float:
        self.opened.set()
        if pause <= INTERVAL:
            warnings.warn(f"chimera: the server is away ({error}); what is logged waits", stacklevel=2)
        return min(LONGEST_PAUSE, max(FIRST_PAUSE, pause * 2)) * random.uniform(0.8, 1.2)

    def _refused(self, error: ClientError) -> None:
        """A batch that is wrong is left out, and said; a run that is not ours any more ends the sending."""
        batch = self.buffer.flight()
        if self.started is not None and error.status in (413, 422) and batch is not None:
            warnings.warn(f"chimera: {len(batch.points)} points were refused and are left out: {error}", stacklevel=2)
            for point in batch.points:
                self.buffer.lost.add(point["step"])
            self.buffer.landed()
            return
        self.stopped, self.cancelled = error, self.cancelled or error.status == 409
        warnings.warn(f"chimera: nothing more is sent: {error}", stacklevel=2)
        self.opened.set()
        self._ended.set()
