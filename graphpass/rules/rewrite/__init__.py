"""The engine: patterns, the matcher, what takes the place of a match, and why not.

A rule goes through these: text or Python -> pattern -> one closure per part (`matcher`) -> match ->
draft -> firing, which reports keep. `facts` is what all of them ask of the graph.
"""
