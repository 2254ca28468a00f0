"""The open benchmark: tasks that anyone can make, and scores of anyone's answers (docs/benchmark/open.md)."""
