"""The REST interface under /api/v1/: doors to the same acts that the pages call."""
