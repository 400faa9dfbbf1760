"""Pictures of models: what a terminal, a page or a program is shown."""
