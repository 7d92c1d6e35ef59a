#!/bin/sh
# Writes ../src/catalog/functions.rs and names.rs from a fresh cluster:
# catalog/generate.sh 'postgresql://postgres@127.0.0.1/postgres'
set -eu
cd "$(dirname "$0")"
listed=$(psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="$1" --file=generate.sql)
write() {
  echo "//! $1 of PostgreSQL's own catalogue; written by \`catalog/generate.sh\`, not by hand."
  awk '{ if ($1 != list) { if (list) print line "\n];"; list = $1; print "\n#[rustfmt::skip]\npub(super) const " list ": &[&str] = &["; line = "   " }
         name = $2; gsub(/\\/, "\\\\", name); word = " \"" name "\",";
         if (length(line word) > 150) { print line; line = "   " } line = line word }
       END { print line "\n];" }'
}
echo "$listed" | grep '_FUNCTIONS ' | write 'Functions, by reviewed effect,' > ../src/catalog/functions.rs
echo "$listed" | grep -v '_FUNCTIONS ' | write 'Operators, types and relations' > ../src/catalog/names.rs
