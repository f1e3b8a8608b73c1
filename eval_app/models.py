"""Rows of evaluation: reports of single checkpoints and studies with their verdicts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project
from curriculum_app.models import SequenceSet, TaxonomyNode
from training_app.models import Checkpoint, TrainingRun


class EvalReport(Artefact):
    """Scores of one checkpoint on held-out text, on tasks, or both; results by item are in the artefact's files."""

    ref_kind = "evaluation"

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="reports")
    sequence_set = models.ForeignKey(
        SequenceSet, null=True, blank=True, on_delete=models.PROTECT, related_name="reports"
    )
    scores = models.JSONField(default=dict)

    @property
    def macro(self) -> float | None:
        """Bits per byte, the mean over the held-out domains."""
        value: float | None = self.scores.get("held_out/macro")
        return value


class Score(models.Model):
    """One metric of one task in a report, with its 95 % interval over items; see `eval_app.core.task_scores`."""

    report = models.ForeignKey(EvalReport, on_delete=models.CASCADE, related_name="task_scores")
    task = models.CharField(max_length=80)
    metric = models.CharField(max_length=40)
    value = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    n = models.PositiveIntegerField()
    chance = models.FloatField(null=True, blank=True)
    higher_is_better = models.BooleanField(default=True)
    main = models.BooleanField(default=False)
    unit = models.CharField(max_length=20, blank=True)
    contaminated = models.PositiveIntegerField(null=True, blank=True)
    unread = models.FloatField(null=True, blank=True)
    unread_low = models.FloatField(null=True, blank=True)
    unread_high = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["report", "id"]
        constraints = [models.UniqueConstraint(fields=["report", "task", "metric"], name="one_score_of_a_metric")]

    def __str__(self) -> str:
        return f"{self.task}/{self.metric} = {self.value:.4g}"

    @property
    def at_chance(self) -> bool:
        """The interval holds what guessing gives."""
        return self.chance is not None and self.low <= self.chance <= self.high


class Watch(models.Model):
    """Every checkpoint that a run keeps is evaluated, also those it has kept already; `config` is a WatchConfig."""

    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="watch")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    config = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"watch of {self.run}"


class OwnTask(Artefact):
    """A task of the user's own: a YAML text in lm-eval's format."""

    ref_kind = "task"

    task = models.CharField(max_length=80)


class Study(models.Model):
    """Arms × seeds at one token budget with one primary outcome named before the start, and its verdict.

    Its cells are the runs whose jobs are children of its job (slot `train/<arm>/<seed>`).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="studies")
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="study")
    sequence_set = models.ForeignKey(
        SequenceSet, null=True, blank=True, on_delete=models.PROTECT, related_name="studies"
    )
    name = models.CharField(max_length=200)
    question = models.CharField(max_length=300, blank=True)
    primary_outcome = models.CharField(max_length=200)
    verdict = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.name

    @property
    def uid(self) -> str:
        return f"study-{self.pk}"


class SkillTag(models.Model):
    """The items of a task (those whose id fits `pattern`), or a held-out domain, test a node of the taxonomy.

    A task or domain without a row here has the tags of its definition, if any.
    """

    class Of(models.TextChoices):
        TASK = "task", "task"
        DOMAIN = "domain", "held-out domain"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="skill_tags")
    node = models.ForeignKey(TaxonomyNode, on_delete=models.CASCADE, related_name="skill_tags")
    of = models.CharField(max_length=6, choices=Of.choices)
    name = models.CharField(max_length=120, help_text="the task or the domain")
    pattern = models.CharField(max_length=200, default="*", help_text="of the items' ids, such as anatomy-*")
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["of", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "node", "of", "name", "pattern"], name="one_tag_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.of} {self.name} {self.pattern} → {self.node}"


class Reproduction(models.Model):
    """A study run again from its frozen description: `job` has the new study as its child and ends with `result`.

    `result` is JSON of `eval_app.core.reproduction.Reproduced`, null until the new study has a verdict.
    """

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="reproduction")
    original = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="reproductions")
    result = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.original.uid} again"


class PairVote(models.Model):
    """Which of two reports' answers to one prompt is better: said by a person or by a checkpoint."""

    class Choice(models.TextChoices):
        CANDIDATE = "candidate", "candidate"
        BASELINE = "baseline", "baseline"
        TIE = "tie", "tie"

    candidate = models.ForeignKey(EvalReport, on_delete=models.CASCADE, related_name="votes")
    baseline = models.ForeignKey(EvalReport, on_delete=models.CASCADE, related_name="votes_as_baseline")
    task = models.CharField(max_length=80)
    item = models.CharField(max_length=200)
    choice = models.CharField(max_length=10, choices=Choice.choices)
    voter = models.CharField(max_length=150, blank=True)
    judge = models.ForeignKey(Checkpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="votes")
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate", "baseline", "task", "item", "voter", "judge"],
                nulls_distinct=False,
                name="one_vote_of_a_judge",
            ),
            models.CheckConstraint(
                condition=models.Q(voter="", judge__isnull=False)
                | (~models.Q(voter="") & models.Q(judge__isnull=True)),
                name="a_person_or_a_judge",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task}/{self.item}: {self.choice}"
