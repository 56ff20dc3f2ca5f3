"""Find submissions in folders and archives: whose, of which lesson, handed in when."""
