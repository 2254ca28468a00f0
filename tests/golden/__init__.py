"""Golden cases: the answers of every stage of the restoration, stored, to show that a move of code changes none."""
