"""`pytest --benchkit`: a test's own client and server at the two ends of a modelled path, held against its budget."""
