"""The Celery app: a queue of bells. What is to be done stands in PostgreSQL (chimera/jobs/leasing.py)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chimera.settings")

app = Celery("chimera")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_acks_late=False,  # a lost message is re-sent by the sweep; a late duplicate would come an hour later
    task_ignore_result=True,
    task_default_queue="cpu",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"global_keyprefix": os.environ.get("CHIMERA_REDIS_PREFIX", "chimera") + ":"},
)
app.autodiscover_tasks(["chimera.jobs"])
app.autodiscover_tasks(["chimera.jobs"], related_name="workers")
