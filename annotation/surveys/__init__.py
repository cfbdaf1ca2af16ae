"""What annotators are asked about themselves, and what they answer: versions of their profile."""
