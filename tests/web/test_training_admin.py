"""The admin of training: what chats, clients and workers wrote is listed and opened, never edited, without secrets."""

import pytest
from django.apps import apps
from django.urls import reverse

from tests.web.run_factory import make_run
from training_app.models import Chat, ChatReply, ChatTurn, Checkpoint, ClientSession, WorkerSpeed

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(editor):
    run = make_run(editor)
    checkpoint = Checkpoint.objects.create(
        project=editor.project, name="one", version=1, digest="0" * 64, manifest={"files": {}}, run=run
    )
    chat = Chat.objects.create(project=editor.project)
    turn = ChatTurn.objects.create(chat=chat, number=1, prompt="Say it", sampling={})
    return [
        chat,
        turn,
        ChatReply.objects.create(turn=turn, checkpoint=checkpoint, text="It"),
        ClientSession.objects.create(run=run, session="not-for-eyes", program="python"),
        WorkerSpeed.objects.create(
            host="lab", device="cpu", device_name="AVX2", threads=1, memory_bytes=1, bandwidth=1.0, torch="2", matmul={}
        ),
    ]


def test_rows_of_chats_clients_and_speeds_are_listed_and_opened_read_only(admin_client, rows):
    for row in rows:
        name = f"admin:training_app_{row._meta.model_name}"
        assert admin_client.get(reverse(f"{name}_changelist"), {"q": "1"}).status_code == 200
        assert admin_client.get(reverse(f"{name}_add")).status_code == 403
        page = admin_client.get(reverse(f"{name}_change", args=[row.pk])).content.decode()
        assert 'name="_save"' not in page and "not-for-eyes" not in page


def test_every_model_that_people_can_read_has_a_page(admin_client):
    packed = {"metricaxis"}  # bytes alone; its segments have pages
    models = {model._meta.model_name for model in apps.get_app_config("training_app").get_models()} - packed
    for model in models:
        assert admin_client.get(reverse(f"admin:training_app_{model}_changelist")).status_code == 200
