"""Reports of evaluations: tables, pages and pictures. Nothing heavy is imported before one is made."""
