"""Objects that live as long as the process: composition, freshness of copies, health, lifespan."""
