"""What we make of it, as pure functions: no I/O, no clock, no randomness."""
