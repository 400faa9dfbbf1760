"""Where a pattern holds, and why not.

=======================  =======================================================================
module                   what is in it
=======================  =======================================================================
:mod:`.matcher`          `find` and `Matcher`
:mod:`.match`            `Match`, `Mismatch`, and who listens: `Recorder`
:mod:`.mismatch`         the reasons in words
:mod:`.search`           the backtracking search, on `.bindings`
:mod:`.operand_slots`    which input an operand may take
:mod:`.attribute_tests`  what a pattern asks of attributes
:mod:`.conditions`       what must hold of a match as a whole
:mod:`.graph_index`      who stands where in the graph
=======================  =======================================================================
"""
