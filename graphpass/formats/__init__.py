"""File formats: symbol JSON of every MXNet version, and parameters."""
