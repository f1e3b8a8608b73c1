"""The job kinds of evaluation: one leaf, two composites."""

from chimera.jobs import refs
from eval_app import models

refs.register(models.EvalReport, "eval_app.core.evaluation:Evaluation")
