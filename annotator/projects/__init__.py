"""Projects with their categories, progress and dashboards."""
