"""AWS's protocol, both ends: models, rest-json, validation, signatures, chat frames. It knows no rule of Connect."""
