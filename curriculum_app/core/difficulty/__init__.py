"""Measures of how hard a document is likely to be (methods: curriculum.md 4.2). All are proxies, none asks a model."""
