"""What others say, in our words: one folder per outside system."""
