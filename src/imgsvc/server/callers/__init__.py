"""Who calls: keys and certificates, what each caller may do, and how much of it."""
