"""The pure domain, without a database; mirrors the core folders."""
