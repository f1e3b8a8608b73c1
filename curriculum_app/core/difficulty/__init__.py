"""Measures of how hard a document is likely to be. All are proxies, none asks a model."""
