"""Where the server listens, and what becomes of its connections."""
