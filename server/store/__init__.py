"""Where the state lives. SQL is nowhere else."""
