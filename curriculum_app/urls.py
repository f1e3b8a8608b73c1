"""URLs of the lowest app: data, sequences, taxonomy, curricula, schedules."""

from django.urls import path

from curriculum_app.views import curricula, datasets, media, sequences, taxonomy, versions

urlpatterns = [
    path("data/", datasets.data, name="data"),
    path("data/import/", datasets.upload, name="dataset-upload"),
    path("data/<int:pk>/", datasets.dataset, name="dataset-detail"),
    path("data/<int:pk>/difference/", versions.difference, name="dataset-difference"),
    path("data/<int:pk>/documents/", datasets.documents, name="dataset-documents"),
    path("data/<int:pk>/document/", datasets.document, name="dataset-document"),
    path("data/<int:pk>/dropped/", datasets.dropped, name="dataset-dropped"),
    path("data/<int:pk>/export/", versions.export, name="dataset-export"),
    path("data/<int:pk>/media/<slug:sha256>/", media.media, name="dataset-media"),
    path("data/<int:pk>/tag/", versions.tag, name="dataset-tag"),
    path("data/<int:pk>/untag/", versions.untag, name="dataset-untag"),
    path("data/<int:pk>/quarantine/", datasets.quarantine, name="dataset-quarantine"),
    path("data/<int:pk>/verify/", datasets.verify, name="dataset-verify"),
    path("data/<int:pk>/s-curve.json", datasets.s_curve, name="dataset-s-curve"),
    path("sequences/<int:pk>/", sequences.sequences, name="sequences-detail"),
    path("taxonomy/", taxonomy.taxonomy, name="taxonomy"),
    path("taxonomy/add/", taxonomy.node_add, name="taxonomy-add"),
    path("taxonomy/<uuid:uuid>/", taxonomy.node, name="taxonomy-node"),
    path("taxonomy/<uuid:uuid>/edit/", taxonomy.node_edit, name="taxonomy-edit"),
    path("taxonomy/<uuid:uuid>/move/", taxonomy.node_move, name="taxonomy-move"),
    path("taxonomy/<uuid:uuid>/delete/", taxonomy.node_delete, name="taxonomy-delete"),
    path("curricula/", curricula.curricula, name="curricula"),
    path("curricula/<int:pk>/", curricula.curriculum, name="curriculum-detail"),
    path("curricula/<int:pk>/difference/", curricula.difference, name="curriculum-difference"),
    path("schedules/<int:pk>/", curricula.schedule, name="schedule-detail"),
    path("schedules/<int:pk>/<slug:name>.json", curricula.chart, name="schedule-chart"),
    path("schedules/<int:pk>/order/rows.npy", curricula.order_npy, name="schedule-order-npy"),
    path("schedules/<int:pk>/order/rows.json", curricula.order_json, name="schedule-order-json"),
]
