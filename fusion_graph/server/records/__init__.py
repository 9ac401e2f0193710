"""What the HTTP app keeps in its database, one kind of record each file; every read names the owner."""
