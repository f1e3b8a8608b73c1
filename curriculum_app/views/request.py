"""A form page, or a dialog with it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def page_or_dialog(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """`form_page.html` around the template, or a dialog with it when htmx asked from another page."""
    shell = "partials/dialog.html" if request.headers.get("HX-Request") else "partials/form_page.html"
    return render(request, shell, {**context, "body": template})
