"""Grade submissions in stages: collect, align, execute, score, gradebook, report."""
