"""The job kinds of evaluation: one leaf, two composites."""

from chimera.jobs import refs, verbs
from chimera.jobs.kinds import QUICK, JobKind, register
from eval_app import models
from eval_app.core.configs_evaluate import EvaluateConfig, TaskFileConfig
from eval_app.core.configs_judge import JudgeConfig
from eval_app.core.configs_reproduce import ReproduceConfig
from eval_app.core.configs_study import StarterConfig, StudyConfig

refs.register(models.EvalReport, "eval_app.core.evaluation:Evaluation")
refs.register(models.OwnTask, "eval_app.core.task_file:TaskFile")

register(
    JobKind(
        name="evaluate",
        title="Evaluate",
        summary="Score a checkpoint on held-out text and on tasks, item by item.",
        config=EvaluateConfig,
        run="eval_app.core.jobs.evaluate:run",
        adopt="eval_app.services.evaluations:adopt_evaluate",
    )
)
register(
    JobKind(
        name="register-task",
        title="Register a task",
        summary="Keep a task of your own, a YAML text in the format of lm-evaluation-harness.",
        config=TaskFileConfig,
        run="eval_app.core.jobs.register_task:run",
        adopt="eval_app.services.evaluations:adopt_task",
        queue=QUICK,
    )
)
register(
    JobKind(
        name="judge-pairs",
        title="Judge pairs",
        summary="Let a checkpoint say which of two reports' answers is better, asked in both orders.",
        config=JudgeConfig,
        run="eval_app.core.jobs.judge_pairs:run",
        adopt="eval_app.services.votes:adopt_judged",
    )
)
register(
    JobKind(
        name="study",
        title="Study",
        summary="Compare curricula over seeds at one token budget; a verdict on one outcome named before the start.",
        config=StudyConfig,
        plan="eval_app.core.study:plan",
        conclude="eval_app.services.studies:conclude",
        created="eval_app.services.studies:created",
        check="eval_app.services.studies:check",
        foretell="eval_app.selectors.study_estimate:foretell",
        complete="eval_app.services.studies:complete",
        page="eval_app.services.studies:page",
    )
)
register(
    JobKind(
        name="reproduce",
        title="Reproduce a study",
        summary="Run a study again from its frozen description and say whether every curve is the same.",
        config=ReproduceConfig,
        plan="eval_app.core.reproduce:plan",
        conclude="eval_app.services.reproduce:conclude",
        created="eval_app.services.reproduce:created",
        complete="eval_app.services.reproduce:complete",
        page="eval_app.services.reproduce:page",
        listed=False,
    )
)
register(
    JobKind(
        name="starter",
        title="Starter study",
        summary="From the bundled corpus to a verdict: import, curate, group, schedule, train, compare.",
        config=StarterConfig,
        plan="eval_app.core.starter:plan",
        conclude="eval_app.services.studies:conclude_starter",
        listed=False,
    )
)

verbs.register(
    verbs.Verb(
        name="report",
        help="print the report of a study: Markdown, --html or --archive FILE",
        arguments="eval_app.management.report:arguments",
        run="eval_app.management.report:run",
    )
)
