"""What learners get: packaged files, the wheel, and the check that no solution leaks."""
