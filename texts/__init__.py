"""Every word that people see, one TOML per feature."""
