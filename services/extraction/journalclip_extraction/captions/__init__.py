"""Captions: which lines start one, how far each reaches, and which of several is the caption of its figure."""
