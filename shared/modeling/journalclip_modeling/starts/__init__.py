"""Foreign checkpoints as starts: read once, converted exactly, checked, and written as a folder that we know."""
