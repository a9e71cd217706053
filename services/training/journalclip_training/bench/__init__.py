"""Measurements of training against a bare baseline in the same run; logic here, commands in the pipelines package."""
