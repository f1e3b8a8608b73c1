"""Putting a plan into an order: the greedy mixture-adherent scheduler and how well an order keeps to its plan."""
