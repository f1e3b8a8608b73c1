"""URLs of Home, studies and evaluations."""

from django.urls import path

from eval_app.views import evaluations, home, reports, studies

urlpatterns = [
    path("", home.home, name="home"),
    path("starter/", home.starter_start, name="starter-start"),
    path("studies/", studies.study_list, name="studies"),
    path("studies/<int:pk>/", studies.study_detail, name="study-detail"),
    path("studies/<int:pk>/differences/<int:arm>.json", studies.study_differences, name="study-differences"),
    path("studies/<int:pk>/curves.json", studies.study_curves, name="study-curves"),
    path("studies/<int:pk>/config.json", studies.study_config, name="study-config"),
    path("studies/<int:pk>/report.md", reports.as_markdown, name="study-report"),
    path("studies/<int:pk>/report.html", reports.as_html, name="study-report-html"),
    path("studies/<int:pk>/report.zip", reports.as_archive, name="study-report-zip"),
    path("evaluations/<int:pk>/", evaluations.evaluation_detail, name="evaluation-detail"),
]
