"""The instructor's side: notebooks built from text, answers to every exercise.

Needs the extra ``grading``. Nothing that a learner runs imports it.
"""
