"""The tool `shell`: a model's commands, in a sandbox that the operator has switched on."""
