"""Map the cells of a submission to the cells of its lesson, and rebuild the notebook."""
