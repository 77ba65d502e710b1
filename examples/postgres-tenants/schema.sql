-- Applied by `npm run migrate`, as often as you like.

CREATE TABLE IF NOT EXISTS tenants (
  name text PRIMARY KEY CHECK (name ~ '^[a-z0-9-]{1,40}$'),
  title text NOT NULL,
  -- A tenant is closed and never deleted: its name is in tokens, and must not become another customer's.
  closed boolean NOT NULL DEFAULT false,
  -- Grows with each change of its users, so that programs that run read them again.
  revision integer NOT NULL DEFAULT 1
);

CREATE TABLE IF NOT EXISTS users (
  tenant text NOT NULL REFERENCES tenants (name),
  name text NOT NULL,
  password_hash text NOT NULL,
  may_write boolean NOT NULL,
  PRIMARY KEY (tenant, name)
);

CREATE TABLE IF NOT EXISTS documents (
  tenant text NOT NULL REFERENCES tenants (name),
  title text NOT NULL,
  text text NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (tenant, title)
);

CREATE OR REPLACE FUNCTION raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tenants SET revision = revision + 1 WHERE name IN (NEW.tenant, OLD.tenant);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER users_changed AFTER INSERT OR UPDATE OR DELETE ON users
  FOR EACH ROW EXECUTE FUNCTION raise_revision();

-- The grants of all tenants, as `tollgate/store/postgres` would make it: so the program's role needs no CREATE.
CREATE TABLE IF NOT EXISTS tollgate (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL,
  version text NOT NULL,
  expires_at double precision
);
