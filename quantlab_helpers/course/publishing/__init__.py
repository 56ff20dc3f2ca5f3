"""Lessons as web pages, slides, a gallery and a demo page."""
