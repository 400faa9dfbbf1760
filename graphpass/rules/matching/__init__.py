"""Where a pattern holds, and why not.

=======================  =======================================================================
module                   what is in it
=======================  =======================================================================
:mod:`.matcher`          `find` and `Matcher`
:mod:`.match`            `Match`, `Mismatch`, and who listens: `Recorder`
:mod:`.mismatch`         the reasons in words
:mod:`.glance`           what is seen of a candidate before it is searched
:mod:`.search`           the search for one match
:mod:`.backtracking`     its goals and choices, on `.bindings`
:mod:`.layouts`          which input stands for which operand, by `.operand_slots`
:mod:`.attribute_tests`  what a pattern asks of attributes
:mod:`.conditions`       what must hold of a match as a whole
:mod:`.match_writer`     complete bindings -> `Match`
:mod:`.graph_index`      who stands where in the graph
=======================  =======================================================================
"""
