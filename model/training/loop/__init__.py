"""The training loop: steps, schedules, checkpoints, resuming; the same for every task."""
