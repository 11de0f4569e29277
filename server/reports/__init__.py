"""Pages that are files of their own: no script, nothing from elsewhere."""
