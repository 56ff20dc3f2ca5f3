"""Lessons from their text sources: rules, notebooks, the bank of answers."""
