"""Measurements, each against a bare baseline in the same run."""
