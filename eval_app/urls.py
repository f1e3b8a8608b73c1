"""URLs of Home, studies and evaluations."""

from django.urls import path

from eval_app.views import evaluations, home, studies

urlpatterns = [
    path("", home.home, name="home"),
    path("starter/", home.starter_start, name="starter-start"),
    path("studies/", studies.study_list, name="studies"),
    path("studies/<int:pk>/", studies.study_detail, name="study-detail"),
    path("studies/<int:pk>/differences/<int:arm>.json", studies.study_differences, name="study-differences"),
    path("studies/<int:pk>/curves.json", studies.study_curves, name="study-curves"),
    path("studies/<int:pk>/config.json", studies.study_config, name="study-config"),
    path("studies/<int:pk>/report.md", studies.study_report, name="study-report"),
    path("evaluations/<int:pk>/", evaluations.evaluation_detail, name="evaluation-detail"),
]
