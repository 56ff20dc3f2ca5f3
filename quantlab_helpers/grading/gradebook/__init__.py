"""Read and write nbgrader's gradebook; keep verdicts in files."""
