"""AWS's protocol, both ends: models, rest-json, validation, signatures, chat frames. It has no rule of Connect."""
