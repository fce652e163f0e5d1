"""Who signs in, who belongs to a project, and who may do what."""
