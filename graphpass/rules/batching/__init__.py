"""Branches that run at once: which there are, and how the batch goes through every operator.

=======================  ===================================================================
module                   what is in it
=======================  ===================================================================
:mod:`.colors`           which nodes compute the same function of their inputs
:mod:`.finding`          the inputs of branches that go through the same operators
:mod:`.trunk`            what all branches compute, node by node
:mod:`.joining`          one trunk in the place of branches
:mod:`.parting`          branches in the place of a trunk that runs on joined values
:mod:`.tracking`         where the batch axis of each value of a trunk is
:mod:`.constants`        constants that are as long as the batch
:mod:`.table`            operator -> rule
:mod:`.site`             what a rule may ask
:mod:`.elementwise`      rules: number by number
:mod:`.layers`           rules: layers
:mod:`.reshaping`        rules: Reshape and its codes
:mod:`.moving`           rules: axes that move, come and go; joining and splitting
:mod:`.picking`          rules: slices, reductions, softmax, sorting, looking up
:mod:`.sequences`        rules: recurrent layers, sequences, attention, products
=======================  ===================================================================

Everything here rests on one statement about a value: *run on the branches' inputs joined along
their batch axis, a node gives the branches' values joined along such and such an axis*. A rule
tells the axis of the outputs from those of the inputs, or refuses, because the statement would not
hold: samples mix, or a size is baked in.
"""
