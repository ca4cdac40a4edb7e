-- What this transaction sees begins once it holds the lock, text is UTF-8 whatever the role's settings say, and a role
-- that would see only some rows is refused instead of replacing only those.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL row_security = off;
