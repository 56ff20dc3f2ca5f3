"""A lesson before and after learners work on it: build, release, copy, hand in, publish."""
