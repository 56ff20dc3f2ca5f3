"""The exercises of lesson 00, one module each."""
