#!/bin/sh
# Writes ../src/catalog/names.rs from a fresh cluster: catalog/generate.sh 'postgresql://postgres@127.0.0.1/postgres'
set -eu
cd "$(dirname "$0")"
out=../src/catalog/names.rs
{
  echo '//! Names of PostgreSQL'"'"'s own catalogue by reviewed effect; written by `catalog/generate.sh`, not by hand.'
  psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="$1" --file=generate.sql |
    awk '{ if ($1 != list) { if (list) print line "\n];"; list = $1; print "\n#[rustfmt::skip]\npub(super) const " list ": &[&str] = &["; line = "   " }
           name = $2; gsub(/\\/, "\\\\", name); word = " \"" name "\",";
           if (length(line word) > 150) { print line; line = "   " } line = line word }
         END { print line "\n];" }'
} > "$out"
