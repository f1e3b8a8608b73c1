"""What training has to say on the pages of the app below."""

from chimera.panels import Panel, register

register(Panel("schedule", "training/_panel_runs.html", "training_app.selectors.panels:runs_on_schedule"))
register(Panel("curriculum", "training/_panel_runs.html", "training_app.selectors.panels:runs_on_curriculum"))
register(Panel("lineage", "training/_panel_lineage.html", "training_app.selectors.panels:runs_of_lineage"))
register(Panel("document", "training/_panel_exposures.html", "training_app.selectors.exposures:of_document"))
register(Panel("dry-run", "training/_panel_dry_run.html", "training_app.selectors.dry_runs:cost_on_workers"))
