"""The AWS CLI's grammar over `client`."""
