"""Mail clients as people use them, each run directly at a Dovecot and through the gateway."""
