"""The demo world: everyday questions on which people truly differ, and simulated people.

Everything here is invented. The questions and answers (`questions/*.toml`) were written for this
project; the four systems they are attributed to do not exist; the annotators are simulated and are
said to be, wherever their judgments show. `content`, `people` and `simulation` are pure and use
seeded randomness only, so the same seed gives the same world everywhere; `seeding` and
`writing` put it into the database.
"""
