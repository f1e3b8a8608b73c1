"""The one table of URLs: each app keeps its own and is included at the root."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("chimera.projects.urls")),
    path("", include("chimera.jobs.urls")),
    path("", include("curriculum_app.urls")),
    path("", include("training_app.urls")),
    path("", include("eval_app.urls")),
]
