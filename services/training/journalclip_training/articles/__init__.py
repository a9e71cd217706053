"""Training on pairs of published figures and their captions."""
