"""The nouns people touch: projects, prompts, candidates, questions, judgments."""
