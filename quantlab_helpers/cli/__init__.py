"""The command `quantlab`: parse options, call one function, print."""
