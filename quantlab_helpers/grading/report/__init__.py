"""Final grades, feedback pages and tables of marks."""
