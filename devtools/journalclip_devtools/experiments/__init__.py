"""Controlled experiments on synthetic worlds with known truth: what a loss or a safeguard does, all else equal."""
