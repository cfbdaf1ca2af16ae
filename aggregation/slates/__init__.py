"""Slates: several winners who together stand for the voters. Pure; the plug-ins are in
`methods/slates`.
"""
