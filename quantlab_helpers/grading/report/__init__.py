"""Final grades, feedback pages and tables of scores."""
