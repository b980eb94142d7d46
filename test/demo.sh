#!/bin/sh
# demo.sh: what gmm is for, on real data, in one command.
#
#   sh test/demo.sh [--keep]
#
# Installs what is missing (Debian's packages, as root or with sudo), builds a
# copy of the sources, starts a private server in a temporary directory, fits
# two mixtures there and shows what came out.  Nothing of a PostgreSQL that is
# already there is touched, and nothing is left behind.
#
# --keep leaves the server up and says how to connect and how to stop it.
# PG_CONFIG chooses the PostgreSQL.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

if [ -z "${GMM_WORK:-}" ]; then
    for argument; do
        [ "$argument" = --keep ] || die "usage: sh test/demo.sh [--keep]"
    done
    begin_first_stage
    prepare_machine
    enter_second_stage demo.sh "$@"
fi

begin_second_stage

step "Building gmm for $pg_version"
build || {
    failed_step "$work/build.log"
    exit 1
}
done_step
step "Starting a private server"
start_server
"$bindir/createdb" demo
PGDATABASE=demo
done_step

# Lines and bars as the terminal can show them.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *[Uu][Tt][Ff]8 | *[Uu][Tt][Ff]-8) look=unicode full=█ empty=░ one=● two=○ plusminus=± ;;
    *) look=ascii full=# empty=. one=o two=x plusminus=+- ;;
esac

status=0
PGCLIENTENCODING=UTF8 PAGER=
export PGCLIENTENCODING PAGER
waiting psql -X -q -v ON_ERROR_STOP=1 \
    -v look="$look" -v full="$full" -v empty="$empty" -v one="$one" \
    -v two="$two" -v plusminus="$plusminus" -v picture="$work/geyser.svg" \
    -f test/demo.psql || status=$?
if [ "$status" != 0 ]; then
    say "the demo did not come to its end; the server's log ends:"
    tail -n 20 "$work/server.log"
    exit 1
fi

if [ "${1:-}" != --keep ]; then
    say "The server is stopped and removed now.  Next, with one that stays:"
    say "    sh test/demo.sh --keep"
    exit 0
fi

# As root, too, this has to work, and pg_ctl refuses root.
cat >"$work/stop" <<STOP
#!/bin/sh
# Stops the server of gmm's demo and removes all that belongs to it.
set -eu
if pid=\$(head -n 1 "$work/data/postmaster.pid" 2>/dev/null); then
    kill -INT "\$pid"
    while [ -e "$work/data/postmaster.pid" ]; do sleep 0.1; done
fi
rm -rf "$work"
STOP
keep=yes
say "The server stays up.  It listens on no port; its socket is open to"
say "$(id -un) and root.  The picture, for a browser:"
say "    $work/geyser.svg"
say "Stop it and remove everything:"
say "    sh $work/stop"
say "Next, which table do you have?  Load it, and fit:"
say "    $original_bindir/psql -h $work -U postgres demo"
