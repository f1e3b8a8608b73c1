"""The one table of URLs: each app keeps its own and is included at the root."""

from django.contrib import admin
from django.urls import include, path

import curriculum_app.api  # noqa: F401 - adds its calls to the API
import training_app.api  # noqa: F401 - adds its calls to the API
from chimera.jobs.api import api

api_urls = api.urls
for operation in api_urls[0]:  # the API knows its own users (token or session); it never redirects to the login page
    vars(operation.callback)["login_required"] = False

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", api_urls),
    path("", include("chimera.projects.urls")),
    path("", include("chimera.webhooks.urls")),
    path("", include("chimera.jobs.urls")),
    path("", include("curriculum_app.urls")),
    path("", include("training_app.urls")),
    path("", include("eval_app.urls")),
]
