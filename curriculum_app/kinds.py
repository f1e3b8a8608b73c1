"""The job kinds of the lowest app."""

from chimera.capabilities import provide
from chimera.jobs import refs, verbs
from chimera.jobs.kinds import QUICK, JobKind, register
from curriculum_app import models
from curriculum_app.core.clustering.config import ClusterConfig
from curriculum_app.core.configs import CurateConfig, ImportConfig, PreviewConfig
from curriculum_app.core.configs_benchmarks import BenchmarkConfig
from curriculum_app.core.configs_dry_run import DryRunConfig, DryRunScheduleConfig
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.configs_order import GroupConfig, ScheduleConfig
from curriculum_app.core.configs_procedural import ProceduralConfig
from curriculum_app.core.configs_rules import SampleRulesConfig
from curriculum_app.core.configs_themes import SubsetConfig, TrainClassifierConfig
from curriculum_app.core.configs_tokens import CountTokensConfig
from curriculum_app.core.configs_versions import CompareConfig, VerifyConfig

refs.register(
    models.DatasetVersion,
    "curriculum_app.core.dataset_version:DatasetVersion",
    held_by="curriculum_app.selectors.versions:held_by",
    followers={"difference": ("before", "after")},
)
refs.register(models.Benchmark, "curriculum_app.core.benchmarks:Benchmark")
refs.register(models.ColumnSet, "curriculum_app.core.columns:Columns")
refs.register(models.RuleSample, "curriculum_app.core.rule_sample:RuleSample")
refs.register(models.SequenceSet, "curriculum_app.core.sequences:SequenceTable")
refs.register(models.Clustering, "curriculum_app.core.clustering.artefact:Clustering")
refs.register(models.Schedule, "curriculum_app.core.schedule:Schedule")
refs.register(models.LabelSet, "curriculum_app.core.themes.labels:LabelSet")
refs.register(models.Classifier, "curriculum_app.core.themes.classifier:Classifier")
provide("band_store", "curriculum_app.services.band_store:band_store")

register(
    JobKind(
        name="import",
        title="Import documents",
        summary="Read a file into an immutable dataset version; records that cannot be read go to quarantine.",
        config=ImportConfig,
        run="curriculum_app.core.jobs.import_:run",
        adopt="curriculum_app.services.adopt:adopt_import",
    )
)
register(
    JobKind(
        name="register-benchmark",
        title="Register a benchmark",
        summary="Read the items of a benchmark, so that curation can keep training data free of them.",
        config=BenchmarkConfig,
        run="curriculum_app.core.jobs.register_benchmark:run",
        adopt="curriculum_app.services.benchmarks:adopt_benchmark",
        queue=QUICK,
    )
)
register(
    JobKind(
        name="preview",
        title="Preview",
        summary="Read the first 20 records of a file or folder, to choose the mapping of its import.",
        config=PreviewConfig,
        run="curriculum_app.core.jobs.preview:run",
        adopt="curriculum_app.services.imports:adopt_preview",
        page="curriculum_app.services.imports:page",
        listed=False,
        queue=QUICK,
    )
)
register(
    JobKind(
        name="curate",
        title="Curate",
        summary="Filter each source by its recipe, redact personal data and remove near-duplicates across all sources.",
        config=CurateConfig,
        run="curriculum_app.core.jobs.curate:run",
        adopt="curriculum_app.services.adopt:adopt_curate",
    )
)
register(
    JobKind(
        name="sample-rules",
        title="Measure rules on a sample",
        summary="Measure every rule of the recipes on a sample of each domain, to choose thresholds by eye.",
        config=SampleRulesConfig,
        run="curriculum_app.core.jobs.sample_rules:run",
        adopt="curriculum_app.services.rules:adopt_rule_sample",
        page="curriculum_app.services.rules:workbench_page",
        listed=False,
    )
)
register(
    JobKind(
        name="measure",
        title="Measure",
        summary="Give every document its difficulty and quality in numbers: length, diversity, readability, loss.",
        config=MeasureConfig,
        run="curriculum_app.core.jobs.measure:run",
        adopt="curriculum_app.services.adopt:adopt_measure",
    )
)
register(
    JobKind(
        name="cluster",
        title="Cluster",
        summary="Embed every document, find clusters of similar ones, name them and draw them on a map.",
        config=ClusterConfig,
        run="curriculum_app.core.jobs.cluster:run",
        adopt="curriculum_app.services.adopt:adopt_cluster",
    )
)
register(
    JobKind(
        name="group",
        title="Group and tokenise",
        summary="Train a tokenizer, cut held-out sets, pack sequences and count them by groups.",
        config=GroupConfig,
        run="curriculum_app.core.jobs.group:run",
        adopt="curriculum_app.services.adopt:adopt_group",
    )
)
register(
    JobKind(
        name="count-tokens",
        title="Count tokens",
        summary="Count the tokens of a version, raw, dropped at every stage and kept, under every tokenizer.",
        config=CountTokensConfig,
        run="curriculum_app.core.jobs.count_tokens:run",
        adopt="curriculum_app.services.adopt:adopt_count_tokens",
    )
)
register(
    JobKind(
        name="schedule",
        title="Schedule",
        summary="Draw the pool and put it in the order that a curriculum asks for.",
        config=ScheduleConfig,
        run="curriculum_app.core.jobs.schedule:run",
        check="curriculum_app.services.schedule_check:check_schedule",
        adopt="curriculum_app.services.adopt:adopt_schedule",
    )
)
register(
    JobKind(
        name="procedural",
        title="Procedural strings",
        summary="Write brackets, sorting, stacks, automata by programs, each string verified, as a dataset version.",
        config=ProceduralConfig,
        run="curriculum_app.core.jobs.procedural:run",
        adopt="curriculum_app.services.adopt:adopt_procedural",
    )
)
register(
    JobKind(
        name="dry-run",
        title="Dry run",
        summary="Plan a schedule, count in seconds what it would show and what to mend, and store nothing.",
        config=DryRunConfig,
        run="curriculum_app.core.jobs.dry_run:run",
        adopt="curriculum_app.services.dry_runs:adopt_dry_run",
        page="curriculum_app.services.dry_runs:page",
        queue=QUICK,
    )
)
register(
    JobKind(
        name="dry-run-schedule",
        title="Dry run of a schedule",
        summary="Count in seconds what an existing schedule shows and what to mend.",
        config=DryRunScheduleConfig,
        run="curriculum_app.core.jobs.dry_run:run_schedule",
        adopt="curriculum_app.services.dry_runs:adopt_dry_run",
        page="curriculum_app.services.dry_runs:page",
        listed=False,
        queue=QUICK,
    )
)
register(
    JobKind(
        name="train-classifier",
        title="Train a classifier",
        summary="Train a yes-no classifier on the labels of a theme, measure it on labels held out, score a dataset.",
        config=TrainClassifierConfig,
        run="curriculum_app.core.jobs.train_classifier:run",
        adopt="curriculum_app.services.adopt_themes:adopt_classifier",
        page="curriculum_app.services.adopt_themes:classifier_page",
    )
)
register(
    JobKind(
        name="subset",
        title="Freeze a subset",
        summary="Keep the documents that a classifier scores high enough, as a dataset version.",
        config=SubsetConfig,
        run="curriculum_app.core.jobs.subset:run",
        adopt="curriculum_app.services.adopt_themes:adopt_subset",
    )
)
register(
    JobKind(
        name="verify",
        title="Verify a dataset version",
        summary="Read all files of a version again; the job fails and names them if any is missing or changed.",
        config=VerifyConfig,
        run="curriculum_app.core.jobs.verify:run",
        adopt="curriculum_app.services.versions:adopt_verify",
        page="curriculum_app.services.versions:verified_page",
        listed=False,
    )
)
register(
    JobKind(
        name="compare",
        title="Compare two dataset versions",
        summary="Find the documents added, removed and changed from one version to another.",
        config=CompareConfig,
        run="curriculum_app.core.jobs.compare:run",
        adopt="curriculum_app.services.versions:adopt_compare",
        page="curriculum_app.services.versions:difference_page",
        listed=False,
        queue=QUICK,
    )
)

verbs.register(
    verbs.Verb(
        name="curricula",
        help="list, show, export or save curricula",
        arguments="curriculum_app.management.curricula:arguments",
        run="curriculum_app.management.curricula:run",
    )
)
