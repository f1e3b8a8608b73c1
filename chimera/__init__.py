"""Chimera: the settings package and the little that all apps share.

Pure modules (no Django): `typed`, `refs`, `errors`, `registry`, `artefacts`, `context`, `sandbox`.
Application modules: `settings`, `urls`, `asgi`, `celery`, `config_forms`, `projects`, `jobs`.
"""
