"""The exercises of lesson 03, one module each."""
