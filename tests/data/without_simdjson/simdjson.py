"""Stands in front of the real simdjson, as on a machine that has none."""

raise ImportError("simdjson is hidden by a test")
