"""The judge: runs the instructor's tests in a process that no submitted code reaches."""
