"""Inputs for tests of extraction, ours and those of whoever builds on it."""
