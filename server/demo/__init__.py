"""A simulated outside world: strict stand-ins for every system we speak to, and stories that play in it."""
