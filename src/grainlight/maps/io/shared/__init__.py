"""What several readers or writers use."""
