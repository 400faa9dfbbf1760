"""What applies lowerings: the graph of another operator set, and how it is made and written."""
