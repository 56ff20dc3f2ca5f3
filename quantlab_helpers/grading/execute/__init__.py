"""Run a rebuilt notebook in the sandbox and keep what its cells print."""
