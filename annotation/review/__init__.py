"""Looking at answers after they were given: browsing, disputes, verdicts, remarks, asking again."""
