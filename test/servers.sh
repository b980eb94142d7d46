# servers.sh: servers of a test's own, beside the one that it connects to;
# sourced.  The test sets dir, a directory of its own.
#
# Their programs are those in PATH that belong to psql's server, so that they
# have the extension that is being tested.

# start_own NAME PORT [SETTING...]: a server in $dir/NAME, reached by its socket
# in $dir and, as this computer only, by TCP.
start_own()
{
    own=$1 port=$2
    shift 2
    initdb -D "$dir/$own" -U "${PGUSER:-postgres}" -A trust -N -E UTF8 --no-locale \
        >"$dir/$own.log" 2>&1 || return 1
    {
        echo "port = $port"
        echo "listen_addresses = '127.0.0.1'"
        echo "unix_socket_directories = '$dir'"
        echo "fsync = off"
        for setting; do
            echo "$setting"
        done
    } >>"$dir/$own/postgresql.conf"
    pg_ctl -D "$dir/$own" -l "$dir/$own.log" -w -s start </dev/null >>"$dir/$own.log" 2>&1
}

# stop_own NAME...
stop_own()
{
    for own; do
        if [ -f "$dir/$own/postmaster.pid" ]; then
            pg_ctl -D "$dir/$own" -m immediate -w -s stop >/dev/null 2>&1 || true
        fi
    done
}

# free_port FROM: the first port from there on to which nobody answers.
free_port()
{
    free=$1
    while pg_isready -q -h 127.0.0.1 -p "$free" -t 1; do
        free=$((free + 1))
    done
    echo "$free"
}

# start_other FROM: a server "other" in a directory of its own, at a port from there on, to
# which postgres_fdw is to connect; sets dir and port.  It ends with the test, which is
# skipped where there is no postgres_fdw.
start_other()
{
    [ -e "$(pg_config --sharedir)/extension/postgres_fdw.control" ] ||
        skip_all "postgres_fdw is not installed for this PostgreSQL"
    [ "$(id -u)" != 0 ] || skip_all "servers are not run as root"
    dir=$(mktemp -d "${TMPDIR:-/tmp}/other.XXXXXX")
    trap 'stop_own other; rm -rf "$dir"' EXIT
    trap 'exit 130' INT TERM HUP
    port=$(free_port "$1")
    start_own other "$port" || { echo "Bail out! no server"; cat "$dir/other.log"; exit 1; }
}
