"""The label network: candidates of every pixel, evidence for each, marginals and joint samples of a map's labels."""
