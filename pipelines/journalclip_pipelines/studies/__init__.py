"""Head-MRI studies on one machine: submit, drain the studies' handlers, freeze, and the controlled experiments."""
