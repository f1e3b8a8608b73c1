"""The report of a study: charts as SVG text, the HTML around them, the archive that goes with it (pure)."""
