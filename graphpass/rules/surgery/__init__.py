"""What several operations share: the steps of surgery on a graph and its parameters.

=======================  ===================================================================
module                   what is in it
=======================  ===================================================================
:mod:`.region`           what lies between some values and the inputs
:mod:`.copying`          copies of nodes under new names
:mod:`.equality`         which nodes of another model equal ours
:mod:`.interface`        where two models meet: shared, connected and fed inputs
:mod:`.naming`           new names and their clashes
:mod:`.renaming`         new names for nodes that exist
:mod:`.operators`        which operators are meant, and how a new one is written
:mod:`.slots`            inputs of an operator by number or name
:mod:`.uses`             who uses a node, and how to give them another
:mod:`.stamps`           version stamps of auxiliary states
:mod:`.arrays`           parameters that come, go and move with their variables
:mod:`.initial_values`   values of new parameters
:mod:`.regular_files`    files that a rule names
:mod:`.values`           what is known of a variable's value
:mod:`.wording`          phrases of messages and reports
=======================  ===================================================================
"""
