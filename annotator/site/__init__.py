"""The ground that knows no table: middleware, storage, the secret key."""
