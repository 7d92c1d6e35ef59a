# The stand of the Postgres bench: the demo with further doors, PgBouncer before the same server. Sourced by `postgres`.
# shellcheck shell=bash

# Ends all that was started here.
stop() {
    [[ -z ${sitting:-}${stub:-} ]] || kill ${sitting:-} ${stub:-} 2>/dev/null || true
    (( ${#helpers[@]} == 0 )) || kill "${helpers[@]}" 2>/dev/null || true
    # the supervisor ends with TERM, and takes its own with it
    [[ -z ${DEMO_SUPERVISOR_PID:-} ]] || kill "$DEMO_SUPERVISOR_PID" 2>/dev/null || true
    [[ -z ${demo:-} ]] || wait "$demo" 2>/dev/null || true
    rm -rf "$WORK"
}

# A port that nobody listens on; the next call takes another.
free_port() {
    port=$((20000 + RANDOM % 10000))
    while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((20000 + RANDOM % 10000))
    done
}

# Until the demo's gateway is another one than it was.
await_demo() { # pid that is gone
    local now=''
    until [[ -n $now && $now != "$1" ]]; do
        if ! kill -0 "$demo" 2>/dev/null; then
            cat "$WORK/demo.out" >&2
            exit 1
        fi
        sleep 0.2
        now=$(sed -n 's/^DEMO_PID=//p' "$WORK/demo/env" 2>/dev/null || true)
    done
    set -a
    # shellcheck disable=SC1091
    . "$WORK/demo/env"
    set +a
}

start_demo() {
    DEMO_DIR=$WORK/demo DEMO_PROFILE=${DEMO_PROFILE:-release} ${BENCH_DEMO:-tools/demo} >"$WORK/demo.out" 2>&1 &
    demo=$!
    await_demo none
}

direct() { # statement
    psql "$DEMO_POSTGRES_DIRECT_URL" --no-psqlrc -Atqc "$1"
}

# The shipped configuration has one door with TLS. Here come one in plaintext, a Unix socket, and many seats; the server
# is reached as its clients are. The supervisor starts a gateway that was killed anew.
open_doors() {
    local config=$DEMO_CONFIG gone=$DEMO_PID name
    server_port=$(sed -E 's#.*@[^:]*:([0-9]+)/.*#\1#' <<<"$DEMO_POSTGRES_DIRECT_URL")
    server_folder=$(direct 'SHOW unix_socket_directories')
    echo 'hostnossl all all 127.0.0.1/32 scram-sha-256' >>"$(direct 'SHOW hba_file')"
    direct 'SELECT pg_reload_conf()' >/dev/null
    free_port; plain_port=$port
    free_port; stub_port=$port
    sockets=$WORK/sockets
    mkdir "$sockets"
    target() { # name, where it is
        printf '  %s:\n    labels: [env:demo]\n    postgres:\n      at:\n        %s\n      databases: [shop]\n' "$1" "$2"
        printf '      user: shop_gateway\n      password: { file: keys/shop.password }\n'
    }
    {
        printf 'listeners:\n  - address: 127.0.0.1:%s\n    postgres: { allow_plaintext: true }\n' "$plain_port"
        printf '  - address: %s/.s.PGSQL.5432\n    postgres: {}\n' "$sockets"
        sed -E -e '1,/^listeners:/ { /^listeners:/d }' \
            -e '0,/^    tls:/ s/^    tls:/    caps: { connections: 20000, connections_per_source: 20000 }\n    tls:/' \
            -e '/^targets:/,$d' "$config"
        printf 'targets:\n'
        target plain "loopback: { port: $server_port }"
        target socket "unix: { path: $server_folder/.s.PGSQL.$server_port }"
        target idle "tcp: { host: 127.0.0.1, port: $stub_port, ca: ca.pem }"
        sed -e '1,/^targets:/d' "$config"
    } >"$config.new"
    mv "$config.new" "$config"
    # the same rules for the same server by another way
    for name in plain socket idle; do
        sed -E -e "s/Target::\"shop\"/Target::\"$name\"/" -e "s/@id\(\"(.*)\"\)/@id(\"\\1-$name\")/" \
            "$DEMO_POLICIES/shop.cedar" >"$DEMO_POLICIES/$name.cedar"
    done
    kill -KILL "$gone"
    await_demo "$gone"
}

# Session pooling, so that it may do what the gateway does; with TLS on both sides, the server's verified as the gateway
# does, or without.
start_bouncer() { # name, settings for TLS
    local folder=$WORK/$1 as=() tries=50 user=postgres
    password=$(sed -E 's#.*//[^:]*:([^@]*)@.*#\1#' <<<"$DEMO_POSTGRES_DIRECT_URL")
    free_port
    mkdir "$folder"
    cp "$WORK/demo/gateway/"{server.pem,server.key,ca.pem} "$folder/"
    printf '"%s" "%s"\n' "$user" "$password" >"$folder/users"
    cat >"$folder/ini" <<END
[databases]
shop = host=127.0.0.1 port=$server_port dbname=shop
socket = host=$server_folder port=$server_port dbname=shop
idle = host=127.0.0.1 port=$stub_port dbname=shop pool_size=20000
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir = $folder
auth_type = scram-sha-256
auth_file = $folder/users
pool_mode = session
default_pool_size = 64
max_client_conn = 20000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
$2
END
    if (( $(id -u) == 0 )); then
        chown -R postgres "$folder"
        as=(setpriv --reuid postgres --regid postgres --clear-groups --)
    fi
    chmod -R go= "$folder"
    "${as[@]}" /usr/sbin/pgbouncer --quiet "$folder/ini" >"$WORK/$1.out" 2>&1 &
    bouncer=$!
    helpers+=("$bouncer")
    bouncer_port=$port
    until psql "postgresql://postgres:$password@127.0.0.1:$port/shop" -Atc 'SELECT 1' >/dev/null 2>>"$WORK/$1.out"; do
        if (( --tries == 0 )); then
            cat "$WORK/$1.out" >&2
            exit 1
        fi
        sleep 0.1
    done
}
