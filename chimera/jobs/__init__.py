"""Job rows, transitions, runner, reaper: everything that takes time goes through here (Django app)."""
