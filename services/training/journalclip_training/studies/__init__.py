"""Training on head-MRI studies: the same losses, schedules, checkpoints and registry as figures, over volumes."""
