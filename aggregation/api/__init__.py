"""The REST interface of runs, releases and methods: doors to the same acts that the pages call."""
