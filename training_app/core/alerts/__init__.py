"""Alert rules: one file each, found by `training_app.core.alerts.base.ALERTS`."""
