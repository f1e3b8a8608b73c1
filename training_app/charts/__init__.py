"""Charts of training: which series stand together on a run's page, and figures made of rows."""
