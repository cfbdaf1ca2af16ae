"""Pages of runs, releases and methods."""
