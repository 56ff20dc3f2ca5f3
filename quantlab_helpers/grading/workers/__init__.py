"""Processes that grade one submission at a time."""
