"""Find submissions in folders and archives: the student, the lesson, the time of each."""
