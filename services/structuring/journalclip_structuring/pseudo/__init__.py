"""Pseudo reports (SeLIP's first phase): random records drawn from the vocabularies, then written out as reports.

The record comes first and the text is written from it, so the truth is exact. Everything follows from a seed.
"""
