"""URLs of the webhooks (docs/alerts.md)."""

from django.urls import path

from chimera.webhooks import views

urlpatterns = [
    path("alerts/webhooks/", views.webhook_list, name="webhooks"),
    path("alerts/webhooks/new/", views.webhook_new, name="webhook-new"),
    path("alerts/webhooks/<int:pk>/", views.webhook_detail, name="webhook-detail"),
    path("alerts/webhooks/<int:pk>/edit/", views.webhook_edit, name="webhook-edit"),
    path("alerts/webhooks/<int:pk>/test/", views.webhook_test, name="webhook-test"),
    path("alerts/webhooks/<int:pk>/remove/", views.webhook_remove, name="webhook-remove"),
]
