"""The job kinds of training."""

from chimera.capabilities import provide
from chimera.jobs import refs
from chimera.jobs.kinds import CLIENT_QUEUE, QUICK, JobKind, register
from training_app import models
from training_app.core.configs import TrainConfig
from training_app.core.configs_average import AverageConfig
from training_app.core.configs_diagnose import DiagnoseConfig
from training_app.core.configs_edit_plan import EditPlanConfig
from training_app.core.configs_external import ExternalRunConfig
from training_app.core.configs_import_run import ImportRunConfig
from training_app.core.configs_models import ImportModelConfig, MeasureWorkerConfig, ReplyConfig, VerifyCheckpointConfig
from training_app.core.configs_phases import PhasesConfig

refs.register(models.Checkpoint, "training_app.core.checkpoint:Checkpoint")
refs.register(models.Diagnosis, "training_app.core.diagnosis:Diagnosis")
provide("unread-alerts", "training_app.selectors.alerts:unread_counter")
provide("embed", "training_app.services.models:embedder")
provide("installed_models", "training_app.selectors.installed_models:installed_models")

register(
    JobKind(
        name="train",
        title="Train",
        summary="Train a model on a schedule, exactly in its order, and measure held-out bits per byte.",
        config=TrainConfig,
        run="training_app.core.jobs.train:run",
        check="training_app.services.run_check:check_run",
        adopt="training_app.services.adopt:adopt_train",
        created="training_app.services.runs:create_run",
        recorder="training_app.services.recorder:recorder_for",
        page="training_app.services.runs:run_page",
    )
)
register(
    JobKind(
        name="phases",
        title="Phases in a chain",
        summary="Runs one after another, each with data, objective, learning rate and gate of its own.",
        config=PhasesConfig,
        plan="training_app.core.phases:plan",
        conclude="training_app.services.phases:conclude",
        check="training_app.services.phases:check",
    )
)
register(
    JobKind(
        name="edit-plan",
        title="Edit a plan",
        summary="Give what a run was not shown yet another order while it is under way; the past stays as it is.",
        config=EditPlanConfig,
        run="training_app.core.jobs.edit_plan:run",
        adopt="training_app.services.plan_edits:adopt_edit_plan",
        complete="training_app.services.plan_edits:complete",
        queue=QUICK,
    )
)
register(
    JobKind(
        name="external-run",
        title="Run of another trainer",
        summary="A run that a program elsewhere trains and logs here through the API.",
        config=ExternalRunConfig,
        created="training_app.services.runs:create_foreign_run",
        page="training_app.services.runs:run_page",
        queue=CLIENT_QUEUE,
        listed=False,
    )
)
register(
    JobKind(
        name="import-model",
        title="Import model",
        summary="Take in a model from a folder or from `make models`: safetensors only, every file hashed.",
        config=ImportModelConfig,
        run="training_app.core.jobs.import_model:run",
        adopt="training_app.services.adopt_models:adopt_import_model",
    )
)
register(
    JobKind(
        name="verify-checkpoint",
        title="Verify checkpoint",
        summary="Read every file of a checkpoint again and compare its hash with the one that was sealed.",
        config=VerifyCheckpointConfig,
        run="training_app.core.jobs.verify_checkpoint:run",
        adopt="training_app.services.adopt_models:adopt_verify_checkpoint",
        listed=False,
    )
)
register(
    JobKind(
        name="measure-worker",
        title="Measure worker",
        summary="How fast a worker multiplies matrices and moves memory: predictions of step times rest on it.",
        config=MeasureWorkerConfig,
        run="training_app.core.jobs.measure_worker:run",
        adopt="training_app.services.adopt_models:adopt_measure_worker",
    )
)
register(
    JobKind(
        name="generate-reply",
        title="Reply",
        summary="What a checkpoint says next in a conversation.",
        config=ReplyConfig,
        run="training_app.core.jobs.generate_reply:run",
        adopt="training_app.services.adopt_models:adopt_reply",
        recorder="training_app.services.chat:recorder_for",
        page="training_app.services.chat:reply_page",
        listed=False,
        queue=QUICK,
    )
)
register(
    JobKind(
        name="import-run",
        title="Import finished runs",
        summary="Read runs of TensorBoard, MLflow, W&B or transformers: series, settings, wall times.",
        config=ImportRunConfig,
        run="training_app.core.jobs.import_run:run",
        adopt="training_app.services.adopt_imported:adopt_import",
        page="training_app.services.adopt_imported:page",
    )
)
register(
    JobKind(
        name="diagnose",
        title="Diagnose",
        summary="Compare the gradients of a frozen checkpoint along a schedule with those of shuffles of it.",
        config=DiagnoseConfig,
        run="training_app.core.jobs.diagnose:run",
        adopt="training_app.services.diagnoses:adopt_diagnose",
    )
)
register(
    JobKind(
        name="average",
        title="Average",
        summary="Average the weights of two or more checkpoints, or of the last ones of a run, into a new one.",
        config=AverageConfig,
        run="training_app.core.jobs.average:run",
        adopt="training_app.services.averages:adopt_average",
        complete="training_app.services.averages:complete",
    )
)
