"""Why a rewrite applies nowhere, or not there.

=====================  =========================================================================
module                 what is in it
=====================  =========================================================================
:mod:`.explain`        `explain`: a rewrite or a pattern on a model
:mod:`.explanation`    `Explanation`: the answer, as text and as data
:mod:`.examiner`       the matcher with a recorder, and the driver's own judge, at one node
:mod:`.attempts`       of all attempts at one node, the one to tell
:mod:`.rehearsal`      firings that are taken back, to see if the driver could go through with them
:mod:`.attempts`       of all attempts at one node, the one to tell
:mod:`.rehearsal`      firings that are taken back, to see whether the driver's would go well
:mod:`.miss`           `Miss`: where the attempt stopped that came furthest
:mod:`.checks`         a miss line by line, in the order of the pattern
:mod:`.remedy`         the one thing that would have to be otherwise
:mod:`.near_misses`    `near_misses`: all that came near in a graph, grouped by what is lacking
=====================  =========================================================================
"""
