"""URLs of the job pages (docs/jobs.md)."""

from django.urls import path

from chimera.jobs import log_views, queue_views, views

urlpatterns = [
    path("jobs/", views.job_list, name="jobs"),
    path("jobs/queue/", queue_views.queue_page, name="job-queue-page"),
    path("jobs/queue/order/", queue_views.queue_order, name="job-queue-order"),
    path("jobs/new/<slug:kind>/", views.job_new, name="job-new"),
    path("jobs/new/<slug:kind>/foretell/", views.job_foretell, name="job-foretell"),
    path("jobs/<int:pk>/", views.job_detail, name="job-detail"),
    path("jobs/<int:pk>/priority/", views.job_priority, name="job-priority"),
    path("jobs/<int:pk>/log/", log_views.job_log, name="job-log"),
    path("jobs/<int:pk>/log.txt", log_views.job_log_text, name="job-log-text"),
    path("jobs/<int:pk>/queue/", views.job_queue, name="job-queue"),
    path("jobs/<int:pk>/<slug:verb>/", views.job_control, name="job-control"),
]
