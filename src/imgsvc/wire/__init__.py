"""Messages on the wire ↔ arrays and operations."""
