"""What an agent sees: pure functions from a panel to a page."""
