"""This folder is what drives the flows."""
