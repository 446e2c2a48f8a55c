"""Private Cyrus and Courier: upstreams beside Dovecot, unpacked by deploy/packages and never installed."""
