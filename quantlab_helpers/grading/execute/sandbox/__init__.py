"""The sandboxed kernel process: isolation, limits, supervisor, protocol."""
