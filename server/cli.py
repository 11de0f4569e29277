"""This file is the command line."""


def main() -> None:
    """Run `beforehand`."""
