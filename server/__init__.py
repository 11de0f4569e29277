"""What we make of it: rules, flows, storage and the web."""
