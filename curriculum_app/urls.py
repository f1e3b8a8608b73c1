"""URLs of the lowest app: data, sequences, taxonomy, curricula, schedules."""

from django.urls import path

from curriculum_app.views import taxonomy

urlpatterns = [
    path("taxonomy/", taxonomy.taxonomy, name="taxonomy"),
    path("taxonomy/add/", taxonomy.node_add, name="taxonomy-add"),
    path("taxonomy/<uuid:uuid>/", taxonomy.node, name="taxonomy-node"),
    path("taxonomy/<uuid:uuid>/edit/", taxonomy.node_edit, name="taxonomy-edit"),
    path("taxonomy/<uuid:uuid>/move/", taxonomy.node_move, name="taxonomy-move"),
    path("taxonomy/<uuid:uuid>/delete/", taxonomy.node_delete, name="taxonomy-delete"),
]
