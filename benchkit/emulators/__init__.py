"""Through what: context managers from PathModels to namespaces and addresses."""
