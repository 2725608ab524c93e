"""What the server takes on, and what it refuses because it has enough to do."""
