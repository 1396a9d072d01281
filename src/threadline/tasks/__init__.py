"""The work that runs later: each piece is a row of the table `task`, which any node may run; one module a kind."""
