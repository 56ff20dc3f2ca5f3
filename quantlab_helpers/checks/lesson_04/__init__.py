"""The exercises of lesson 04, one module each."""
