"""Grade submissions, in stages.

    collect     find submissions in folders and archives; put them into ``submitted/``
    align       put the student's answers into the instructor's notebook
    execute     run the notebook's cells in a sandbox
    score       turn the outputs of the tests into a score for each cell
    gradebook   write the scores into nbgrader's gradebook, the verdicts into files
    report      write feedback pages and tables of scores

`pipeline.grade` runs align to gradebook for a class, in the processes of `workers`. Stages share
`records`, `lesson`, `course_folder`, `name_analysis`, `submissions` and `roster`, and import no
other stage; only `report` reads `gradebook`.
"""
