"""URLs of Home, studies and evaluations."""

from django.urls import path

from eval_app.views import (
    arena,
    evaluations,
    home,
    items,
    reports,
    reproductions,
    skills,
    studies,
    study_templates,
    win_rates,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("starter/", home.starter_start, name="starter-start"),
    path("studies/", studies.study_list, name="studies"),
    path("studies/arena/", arena.arena, name="arena"),
    path("studies/arena.csv", arena.arena_csv, name="arena-csv"),
    path("studies/new/", study_templates.study_new, name="study-new"),
    path("studies/new/<slug:key>/", study_templates.study_from_template, name="study-template"),
    path("studies/<int:pk>/quantiles.json", studies.study_quantiles, name="study-quantiles"),
    path("studies/<int:pk>/", studies.study_detail, name="study-detail"),
    path("studies/<int:pk>/differences/<int:arm>.json", studies.study_differences, name="study-differences"),
    path("studies/<int:pk>/arm-differences.json", studies.study_arm_differences, name="study-arm-differences"),
    path("studies/<int:pk>/curves.json", studies.study_curves, name="study-curves"),
    path("studies/<int:pk>/config.json", studies.study_config, name="study-config"),
    path("studies/<int:pk>/reproduce/", reproductions.study_reproduce, name="study-reproduce"),
    path("studies/<int:pk>/report.md", reports.as_markdown, name="study-report"),
    path("studies/<int:pk>/report.html", reports.as_html, name="study-report-html"),
    path("studies/<int:pk>/report.zip", reports.as_archive, name="study-report-zip"),
    path("skills/", skills.skill_map, name="skills"),
    path("skills/heat.json", skills.skill_heat_json, name="skill-heat"),
    path("skills/emergence/", skills.skill_emergence, name="skill-emergence"),
    path("skills/emergence.json", skills.skill_emergence_json, name="skill-emergence-chart"),
    path("skills/tags/", skills.skill_tags, name="skill-tags"),
    path("skills/tags/add/", skills.skill_tag_add, name="skill-tag-add"),
    path("skills/tags/<int:pk>/remove/", skills.skill_tag_remove, name="skill-tag-remove"),
    path("evaluations/compare/", items.compare, name="evaluations-compare"),
    path("evaluations/win-rate/", win_rates.win_rate, name="win-rate"),
    path(
        "evaluations/<int:candidate>/against/<int:baseline>/<str:task>/",
        win_rates.judge,
        name="win-rate-judge",
    ),
    path("evaluations/<int:pk>/items/", items.item_list, name="evaluation-items"),
    path("evaluations/<int:pk>/items/<str:task>/<path:item>/", items.item_detail, name="evaluation-item"),
    path("evaluations/<int:pk>/", evaluations.evaluation_detail, name="evaluation-detail"),
]
