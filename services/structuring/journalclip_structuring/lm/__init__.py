"""Causal language models that write a `Study` for a report, under a grammar that lets them write nothing else."""
