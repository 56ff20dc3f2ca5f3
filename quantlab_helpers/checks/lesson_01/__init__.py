"""The exercises of lesson 01, one module each."""
