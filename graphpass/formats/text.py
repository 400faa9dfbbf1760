r"""The text form: a graph as short statements in Python's syntax, for people and for diffs.

A graph prints as, and can be read from::

    data, conv0_weight = variable(), variable()
    conv0 = Convolution(data, conv0_weight, kernel=(3, 3), num_filter=8, no_bias=True)
    `sha-relu0` = Activation(conv0, act_type="relu")
    return `sha-relu0`

========================================  =========================================================
text                                      means
========================================  =========================================================
``x = variable(__shape__=(1, 3))``        a variable with an attribute
``y = relu(x)``                           an operator: inputs by slot, then attributes
``` `conv/0` ```                          any name at all, with escapes such as ``\n`` and ``\x1b``
``pad=(1, 1)``, ``pad="(1,1)"``           the text that MXNet's front end writes for a value; a text
``s[1]``                                  the second output of the node ``s``
``a, b = SliceChannel(x, …)``             names for the first outputs; the node is called ``a``
``mean[0, 7]``                            output 0 under the version stamp 7, where the stamp is not
                                          the one that composing in saved order gives
``relu0_1 = relu(x, name="relu0")``       a second node of one name
``after=[x]``                             control dependencies
``subgraphs=[body]``                      blocks that the operator runs, each written above it as
                                          ``def body():``; nothing outside is known inside
``` `MyOp`(x, outputs=2) ```              an operator, attributes or inputs that MXNet 1.9.1 does
                                          not take: in backquotes nothing is checked
``return y, s[1]``                        the heads
========================================  =========================================================

==========================  ==============================================================
module                      what is in it
==========================  ==============================================================
:mod:`.text_print`          `print_graph`
:mod:`.text_parse`          `parse_graph`
:mod:`.text_block`          one graph of a text, statement by statement
:mod:`.text_scope`          its nodes and their names
:mod:`.text_operators`      which operator a call means
:mod:`.text_values`         names, keys and attribute texts, both ways
:mod:`.text_stamps`         the version stamps that need not be written
:mod:`.text_source`         backquotes, Python's parser, places of errors
:mod:`.text_chains`         what Python's parser must not see
==========================  ==============================================================
"""

from __future__ import annotations

from graphpass.formats.text_parse import parse_graph
from graphpass.formats.text_print import print_graph

__all__ = ["parse_graph", "print_graph"]
