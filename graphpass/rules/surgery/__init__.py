"""What several operations share: the steps of surgery on a graph and its parameters.

=======================  =======================================================================
module                   what is in it
=======================  =======================================================================
:mod:`.region`           what lies between some values and the inputs
:mod:`.copying`          copies of nodes under new names
:mod:`.equality`         which nodes of another model equal ours, and which parameters each other
:mod:`.equal_weights`    variables of equal values become one
:mod:`.repeating`        which operators give the same each time
:mod:`.constants`        values that are the same in every run
:mod:`.growth`           which of these are worth their bytes
:mod:`.subgraphs`        each subgraph is changed by itself
:mod:`.interface`        where two models meet: shared, connected and fed inputs
:mod:`.naming`           new names and their clashes
:mod:`.renaming`         new names for nodes that exist
:mod:`.name_templates`   what such a name is made of
:mod:`.repeated_names`   who keeps a name that several nodes have
:mod:`.operators`        which operators are meant, and how a new one is written
:mod:`.slots`            inputs of an operator by number or name
:mod:`.uses`             who uses a node, and how to give them another
:mod:`.stamps`           version stamps of auxiliary states
:mod:`.arrays`           parameters that come, go and move with their variables
:mod:`.initial_values`   values of new parameters
:mod:`.regular_files`    files that a rule names
:mod:`.values`           what is known of a variable's value
=======================  =======================================================================
"""
