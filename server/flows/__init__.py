"""This folder is the chains: each file the steps of one, in order."""
