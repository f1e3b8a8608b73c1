"""URLs of training: runs, series, comparisons, checkpoints."""

from django.urls import path

from training_app.views import alerts, bring, chat, checkpoints, compare, diagnoses, metrics, runs, series

urlpatterns = [
    path("runs/", runs.run_list, name="runs"),
    path("runs/bring/", bring.bring, name="runs-bring"),
    path("runs/bring/client.whl", bring.wheel, name="client-wheel"),
    path("runs/compare/", compare.compare, name="runs-compare"),
    path("runs/compare/series/", series.compare_series, name="runs-compare-series"),
    path("runs/compare/series.csv", series.compare_export, {"ending": "csv"}, name="runs-compare-csv"),
    path("runs/compare/series.json", series.compare_export, {"ending": "json"}, name="runs-compare-json"),
    path("runs/compare/metrics/", metrics.compare_metrics, name="runs-compare-metrics"),
    path("runs/compare/candidates/", compare.candidates, name="runs-compare-candidates"),
    path("runs/<int:pk>/", runs.run_detail, name="run-detail"),
    path("runs/<int:pk>/curriculum/", runs.run_curriculum, name="run-curriculum"),
    path("runs/<int:pk>/data/", runs.run_data, name="run-data"),
    path("runs/<int:pk>/logs/", runs.run_logs, name="run-logs"),
    path("runs/<int:pk>/config/", runs.run_config, name="run-config"),
    path("runs/<int:pk>/head/", runs.run_head, name="run-head"),
    path("runs/<int:pk>/events/", runs.run_events, name="run-events"),
    path("runs/<int:pk>/batch/", runs.run_batch, name="run-batch"),
    path("runs/<int:pk>/series/", series.run_series, name="run-series"),
    path("runs/<int:pk>/series.csv", series.run_export, {"ending": "csv"}, name="run-csv"),
    path("runs/<int:pk>/series.json", series.run_export, {"ending": "json"}, name="run-json"),
    path("runs/<int:pk>/metrics/", metrics.run_metrics, name="run-metrics"),
    path("alerts/", alerts.alert_list, name="alerts"),
    path("alerts/rules/", alerts.rule_list, name="alert-rules"),
    path("alerts/rules/new/", alerts.rule_new, name="alert-rule-new"),
    path("alerts/rules/<slug:name>/", alerts.rule_edit, name="alert-rule"),
    path("alerts/rules/<slug:name>/switch/", alerts.rule_switch, name="alert-rule-switch"),
    path("alerts/rules/<slug:name>/remove/", alerts.rule_remove, name="alert-rule-remove"),
    path("chat/", chat.chat_list, name="chat"),
    path("chat/<int:pk>/", chat.chat_detail, name="chat-detail"),
    path("chat/<int:pk>/stop/", chat.chat_stop, name="chat-stop"),
    path("chat/<int:pk>/delete/", chat.chat_delete, name="chat-delete"),
    path("checkpoints/<int:pk>/", checkpoints.checkpoint_detail, name="checkpoint-detail"),
    path("diagnoses/", diagnoses.diagnosis_list, name="diagnoses"),
    path("diagnoses/<int:pk>/", diagnoses.diagnosis_detail, name="diagnosis-detail"),
    path("diagnoses/<int:pk>/cosines/<int:order>/", diagnoses.cosines_json, name="diagnosis-cosines"),
    path("diagnoses/<int:pk>/ranks/", diagnoses.ranks_json, name="diagnosis-ranks"),
]
