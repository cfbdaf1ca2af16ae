"""What the photographs show: every screen of a project that has been through everything once.

Made on top of the seeded demo by the acts that people's clicks go through, with scripted models and
simulated people. `addresses` knows an example of every page.
"""
