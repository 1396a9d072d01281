-- An instance lies in a region, which its ARNs name.

ALTER TABLE instance ADD COLUMN region TEXT NOT NULL DEFAULT 'us-east-1';
