"""Plan the work, run it on a testbed, keep the record: the only place where the parts below meet."""
