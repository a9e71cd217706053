"""Training: a frozen dataset in; a candidate model out."""
