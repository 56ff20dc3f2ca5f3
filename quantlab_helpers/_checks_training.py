"""The exercises of lessons 00 and 01, bits and the trained baseline, and their well-known mistakes."""

from __future__ import annotations

from ._exercise import FunctionExercise, ValueExercise

EXERCISES: list[FunctionExercise | ValueExercise] = []
