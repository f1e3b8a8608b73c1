"""The report of a study: as a page of its own, as Markdown, as an archive."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from chimera.projects.access import Actor
from chimera.projects.request import actor_of, off_the_loop
from eval_app.models import Study
from eval_app.selectors.report import report
from eval_app.selectors.report_archive import archive
from eval_app.selectors.report_page import report_html
from eval_app.selectors.studies import study_get


@require_GET
def as_html(request: HttpRequest, pk: int) -> HttpResponse:
    """One file with all in it; `?download` sends it as one."""
    actor = actor_of(request)
    study = _decided(actor, pk)
    response = HttpResponse(report_html(actor, study))
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="{study.uid}.html"'
    return response


@require_GET
def as_markdown(request: HttpRequest, pk: int) -> HttpResponse:
    """The verdict page's facts as Markdown, to keep beside the code."""
    return HttpResponse(report(_decided(actor_of(request), pk)), content_type="text/markdown; charset=utf-8")


@require_GET
def as_archive(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The report with every config and order file, streamed."""
    actor = actor_of(request)
    study = _decided(actor, pk)
    headers = {"Content-Disposition": f'attachment; filename="{study.uid}.zip"'}
    return StreamingHttpResponse(off_the_loop(archive(actor, study)), content_type="application/zip", headers=headers)


def _decided(actor: Actor, pk: int) -> Study:
    study = study_get(actor, pk)
    if study.verdict is None:
        raise Http404("this study has no verdict yet")
    return study
