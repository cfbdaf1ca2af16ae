"""How well answers go together, and what is worth a look about how somebody answers."""
