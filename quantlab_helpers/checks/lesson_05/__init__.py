"""The exercises of lesson 05, one module each."""
