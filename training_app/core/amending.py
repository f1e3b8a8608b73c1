"""Edits of the plan while the run is under way: only rows that nobody was shown yet may change.

An edit is a whole schedule that begins with the rows of the one before. It is taken over between two steps, if the run
has not gone past its first new row, and the answer is saved at once: a run that is killed remembers what it answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera.context import Amendment, Context
from chimera.errors import InputError
from curriculum_app.core.schedule import Schedule
from training_app.core.gates import gates_by_step

if TYPE_CHECKING:
    from training_app.core.engine import Run


def amend(run: Run, ctx: Context) -> bool:
    """Answer every edit that was asked for since the last step; whether there was one."""
    fresh = [asked for asked in ctx.recorder.amendments() if str(asked.number) not in run.state.answered]
    for asked in fresh:
        refusal = refusal_of(run, asked)
        if not refusal:
            try:
                take_over(run, asked)
            except InputError as error:
                refusal = str(error)
        run.state.answered[str(asked.number)] = refusal
        ctx.recorder.answered(asked, refusal, run.state.step)
    return bool(fresh)


def amend_again(run: Run, ctx: Context) -> None:
    """After a resume: the edits that the saved state had taken over."""
    for asked in ctx.recorder.amendments():
        if run.state.answered.get(str(asked.number)) == "":
            take_over(run, asked)


def refusal_of(run: Run, asked: Amendment) -> str:
    """Why the run cannot follow an edit any more; empty if it can."""
    shown = rows_fed(run) + len(run.batches.seen)
    if asked.first_row >= shown:
        return ""
    return f"it came too late: it begins at row {asked.first_row:,}, and {shown:,} rows had been shown"


def take_over(run: Run, asked: Amendment) -> None:
    """Follow the edited schedule from here.

    Raises:
        InputError: it does not begin as the plan before it.
    """
    schedule = Schedule.open(asked.stored)
    run.batches.replan(schedule, asked.first_row)
    run.schedule = schedule
    run.mixture.replan(schedule, run.batches)
    run.gates = gates_by_step(schedule.tracks, run.batches.tokens_after, int(run.batches.seen["length"].sum()))


def rows_fed(run: Run) -> int:
    """Rows that this run has been shown."""
    return sum(len(rows) for rows in run.state.delivered)
