"""Intake: what is dropped, uploaded or submitted is stored under its digest and announced. It parses no article."""
