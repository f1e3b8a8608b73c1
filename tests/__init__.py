"""Tests, in the order of the code: core (pure), web, jobs, services, contracts, launch, kill, e2e, acceptance."""
