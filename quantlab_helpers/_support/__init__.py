"""Helpers for every part of the package: input checks, files, archives, progress bars."""
