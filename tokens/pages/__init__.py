"""Pages of the admin about tokens: their forms, a secret shown once, and times and limits in words."""
