"""What the command line reads and shows; `fusion_graph.cli` is its front, and imports these parts on use."""
