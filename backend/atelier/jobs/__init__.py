"""Long work, each piece in a process of its own that reports through its row."""
