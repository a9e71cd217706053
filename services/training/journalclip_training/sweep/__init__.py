"""A search for a recipe's best settings: what is varied, one trial, all trials, their table and plot."""
