"""The HTML pages: parse, authorise, read, render. What people do on them goes through the API."""
