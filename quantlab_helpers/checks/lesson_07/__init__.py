"""The exercises of lesson 07, one module each."""
