"""What every room uses: settings, errors, messages, catalogs, resources, the sandbox."""
