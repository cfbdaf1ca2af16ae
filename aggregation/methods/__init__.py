"""Aggregation methods, one per file; a module whose name begins with an underscore holds
mathematics several share.
"""
