"""Inference: the champion served: search, embed, classify, explain, and the figure-search page."""
