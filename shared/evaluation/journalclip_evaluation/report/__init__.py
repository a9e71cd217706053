"""The report for people: one HTML file a run that needs nothing else, not even a network.

Plots are inline SVG, pictures are small inline JPEGs, and every number stands beside its interval, its pool and
chance.
"""
