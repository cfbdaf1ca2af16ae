"""Who disagrees, and what each choice costs them: groups of annotators, their welfare, and rules.

Pure mathematics on arrays and tables; no method of the catalogue, but what those methods share.
"""
