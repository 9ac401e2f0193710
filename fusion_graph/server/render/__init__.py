"""From a run to what each of the three APIs says about it: objects and streams, without any HTTP."""
