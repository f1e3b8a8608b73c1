"""Which held-out documents a checkpoint has been trained on."""

from types import SimpleNamespace

import numpy as np

from curriculum_app.core.jobs import group
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.held_out_windows import trained_on
from tests.core.curriculum.test_group_job import config, context_with, corpus


def test_a_checkpoint_has_seen_what_its_sequences_and_those_of_its_base_show(tmp_path):
    ctx = context_with(tmp_path, corpus())
    one, other = (SequenceTable.open(group.run(config(seed=seed), ctx).stored) for seed in (0, 1))
    held = {table.digest: table.documents.column("held_out").to_numpy(zero_copy_only=False) for table in (one, other)}

    own = trained_on(SimpleNamespace(manifest={"sequences": one.digest}), one, ctx.store)
    assert not own[held[one.digest]].any()
    seen = trained_on(SimpleNamespace(manifest={"sequences": other.digest}), one, ctx.store)
    shown = np.isin(np.arange(len(seen)), other.pieces.documents)
    assert np.array_equal(seen, shown) and seen[held[one.digest]].any()
    assert trained_on(SimpleNamespace(manifest={}), one, ctx.store) is None
