"""What the judgments say about themselves: agreement, circles, calibration, and whether a model can
help at all.
"""
