"""Results that are kept: found again by what they were made of, in this process or in Redis."""
