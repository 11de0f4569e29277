"""This folder is the HTTP surface: handlers translate and delegate, and nothing else knows the web framework."""
