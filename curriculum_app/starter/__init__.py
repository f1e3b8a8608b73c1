"""The starter project: real, freely licensed text, its recipes and a taxonomy (pure; nothing is downloaded).

`corpus/` holds gzip JSON Lines that `build.py` cut from a larger collection, `recipes.py` says how they are imported
and curated, `taxonomy.yaml` is read by `taxonomy.py`, `LICENSES.md` and `licenses/` say under which terms all stands.
"""
