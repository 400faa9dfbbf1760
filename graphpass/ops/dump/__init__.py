"""How the operator table is made: MXNet is asked, and what it can't tell is written down here.

``python -m graphpass.ops.dump OUT.json`` writes the table. Nothing else in graphpass imports this
package, save tests.
"""
