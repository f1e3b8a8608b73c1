"""What evaluation has to say on the pages of the apps below."""

from chimera.panels import Panel, Tab, register, register_tab

register(Panel("taxonomy", "eval/skills/_panel_tree.html", "eval_app.selectors.skill_panels:of_tree"))
register(Panel("taxonomy-node", "eval/skills/_panel_node.html", "eval_app.selectors.skill_panels:of_node"))
register(Panel("sequences", "eval/_panel_studies.html", "eval_app.selectors.studies:studies_on_sequences"))
register_tab(Tab("run", "run-eval", "Eval"))
