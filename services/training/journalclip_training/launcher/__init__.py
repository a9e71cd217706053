"""The training launcher: one RayJob for each training that is asked for. It installs no torch."""
