"""Measurements of serving: throughput against the bare model in the same run, and search against exact search."""
