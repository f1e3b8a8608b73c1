"""Webhook and Delivery: where notices go, and what became of each."""

from __future__ import annotations

from django.db import models

from chimera.projects.models import Project


class Webhook(models.Model):
    """An address that is told what happens in a project. `config` is a WebhookConfig without its secret."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    config = models.JSONField()
    secret = models.CharField(max_length=200, blank=True)
    site = models.CharField(max_length=300, blank=True, help_text="begins the links in its messages")
    active = models.BooleanField(default=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.config.get("name", self.pk))


class Delivery(models.Model):
    """One notice for one webhook: waiting, delivered or given up."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        GIVEN_UP = "given up", "given up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    once = models.CharField(max_length=500)
    notice = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    status = models.IntegerField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["webhook", "once"], name="a_notice_goes_out_once")]
        indexes = [models.Index(fields=["next_at"], name="waiting_delivery", condition=models.Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{self.once} ({self.state})"
