"""URLs of the job pages (docs/jobs.md)."""

from django.urls import path

from chimera.jobs import views

urlpatterns = [
    path("jobs/", views.job_list, name="jobs"),
    path("jobs/new/<slug:kind>/", views.job_new, name="job-new"),
    path("jobs/<int:pk>/", views.job_detail, name="job-detail"),
    path("jobs/<int:pk>/priority/", views.job_priority, name="job-priority"),
    path("jobs/<int:pk>/<slug:verb>/", views.job_control, name="job-control"),
]
