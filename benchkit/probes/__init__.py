"""What is measured: async generators of frozen specs. `PROBES` and the one door are in `probes.door`."""
