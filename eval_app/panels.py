"""What evaluation has to say on the pages of the apps below."""

from chimera.panels import Panel, register

register(Panel("sequences", "eval/_panel_studies.html", "eval_app.selectors.studies:studies_on_sequences"))
