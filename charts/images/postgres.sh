#!/bin/bash
# A one-node PostgreSQL. The chart mounts a folder of users, one file a user that holds the password: `admin` owns the
# server, each other user owns the database of its name. Passwords are set at each start, so a changed secret counts.
set -euo pipefail
users=${POSTGRES_USERS:-/etc/postgres-users}
data=${POSTGRES_DATA:-/var/lib/postgresql/data}
export PATH=$(echo /usr/lib/postgresql/*/bin):$PATH PGHOST=${POSTGRES_SOCKETS:-/tmp} PGUSER=admin PGDATABASE=postgres
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data"  # a first start that was killed
  initdb --pgdata="$data" --username=admin --pwfile="$users/admin" --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
fi
settings=(-c unix_socket_directories="$PGHOST" -c shared_buffers="${POSTGRES_BUFFERS:-128MB}")
pg_ctl --pgdata="$data" --wait --options="-c listen_addresses= ${settings[*]}" start  # nobody comes in before it is set up
for file in "$users"/*; do
  name=$(basename "$file")
  [ "$name" = admin ] || psql --quiet --set=ON_ERROR_STOP=1 --set=name="$name" <<'SQL'
select format('create role %I login', :'name') where not exists (select from pg_roles where rolname = :'name') \gexec
select format('create database %I owner %I', :'name', :'name')
 where not exists (select from pg_database where datname = :'name') \gexec
SQL
  [ "$name" = admin ] || psql --quiet --set=ON_ERROR_STOP=1 --set=name="$name" <<'SQL'
select format('revoke connect on database %I from public', :'name') \gexec
SQL
  psql --quiet --set=ON_ERROR_STOP=1 --set=name="$name" --set=password="$(cat "$file")" <<'SQL'
select format('alter role %I password %L', :'name', :'password') \gexec
SQL
done
pg_ctl --pgdata="$data" --wait stop
exec postgres -D "$data" -c listen_addresses='*' "${settings[@]}"
