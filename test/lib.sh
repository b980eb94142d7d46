# lib.sh: what demo.sh and check.sh share; sourced by both, run by neither.
#
# A script runs in two stages.  The first, perhaps as root, installs what is
# missing, makes a temporary directory and copies the sources there; then it
# replaces itself by the second, which runs as an ordinary user in an empty
# environment: it builds the copy, makes a private copy of the PostgreSQL
# installation, puts the extension there, starts a server from it, and takes
# all of it away at the end.
#
# The private copy is what keeps our hands off the machine.  PostgreSQL finds
# its directories relative to its own executable, so a tree with the same
# layout below another root is an installation of its own: with its own
# extension directory and its own pg_config for the build.  Executables are
# copied, everything else is links.

# --- words ------------------------------------------------------------------

say()
{
    printf '%s\n' "$*"
}

die()
{
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# A line about something that takes time, finished by done_step.
step()
{
    step_began=$(date +%s)
    printf '  %-44s' "$*"
}

done_step()
{
    printf '%s (%d s)\n' "${1:-done}" $(($(date +%s) - step_began))
}

failed_step()
{
    printf 'failed\n'
    if [ -n "${1:-}" ]; then
        say "  the end of $1:"
        tail -n "${2:-40}" "$1" | sed 's/^/    /'
    fi
}

# --- first stage: the machine -----------------------------------------------

remove_work()
{
    if [ -n "${work:-}" ]; then
        rm -rf "$work"
    fi
}

# The directory in which everything happens, and that is gone at the end.
begin_first_stage()
{
    work=$(mktemp -d "${TMPDIR:-/tmp}/gmm.XXXXXX")
    trap remove_work EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    trap 'exit 141' PIPE
    if [ ${#work} -gt 80 ]; then
        die "$work is too long a name for a server's socket; set TMPDIR" \
            "to a shorter one"
    fi
}

installed()
{
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A pg_config with which an extension can be built and a server started.
complete_pg_config()
{
    [ -x "$1" ] && [ -x "$("$1" --bindir)/postgres" ] &&
        [ -f "$("$1" --pgxs)" ] && [ -f "$("$1" --includedir-server)/postgres.h" ]
}

# The versions NN of /usr/lib/postgresql/NN/$1, newest first.
versions_with()
{
    for file in /usr/lib/postgresql/*/"$1"; do
        if [ -e "$file" ]; then
            file=${file#/usr/lib/postgresql/}
            say "${file%%/*}"
        fi
    done | grep -E '^[0-9]+$' | sort -rn
}

# Sets pg_config if what is needed is there, else version: the PostgreSQL to
# install packages of.  The user's PG_CONFIG wins, then the newest version that
# extensions are built for here, then the newest server, then Debian's own.
choose_postgresql()
{
    pg_config='' version=''
    if [ -n "${PG_CONFIG:-}" ]; then
        bindir=$("$PG_CONFIG" --bindir) ||
            die "PG_CONFIG=$PG_CONFIG cannot be run"
        pg_config=$bindir/pg_config
        if ! complete_pg_config "$pg_config"; then
            case $bindir in
                /usr/lib/postgresql/[0-9]*/bin)
                    version=${bindir#/usr/lib/postgresql/}
                    version=${version%/bin}
                    pg_config= ;;
                *)
                    die "PG_CONFIG=$PG_CONFIG has no server with development" \
                        "files: wanted $bindir/postgres, $("$PG_CONFIG" --pgxs)" \
                        "and $("$PG_CONFIG" --includedir-server)/postgres.h" ;;
            esac
        fi
        return
    fi

    for version in $(versions_with lib/pgxs/src/makefiles/pgxs.mk); do
        if complete_pg_config "/usr/lib/postgresql/$version/bin/pg_config"; then
            pg_config=/usr/lib/postgresql/$version/bin/pg_config
            return
        fi
    done
    for version in $(versions_with lib/pgxs/src/makefiles/pgxs.mk) \
        $(versions_with bin/postgres)
    do
        return
    done
    version=
    bindir=$(pg_config --bindir 2>/dev/null || true)
    if [ -n "$bindir" ] && complete_pg_config "$bindir/pg_config"; then
        pg_config=$bindir/pg_config
    fi
}

# The version that Debian's package "postgresql" stands for.
distribution_version()
{
    apt-cache depends postgresql 2>/dev/null |
        sed -n 's/^ *Depends: *postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

# matching_package PACKAGE VERSION: the package for the server of this version
# that is installed, even where a newer minor version is to be had: that one
# would upgrade the server.
matching_package()
{
    there=$(dpkg-query -W -f='${Version}' "postgresql-$2" 2>/dev/null || true)
    if [ -n "$there" ] && apt-cache madison "$1" 2>/dev/null |
        awk -v there="$there" '$3 == there { found = 1 } END { exit !found }'
    then
        say "$1=$there"
    else
        say "$1"
    fi
}

# become_root PACKAGE...: asks for the password, where that needs one, before
# output goes to a log.  The packages are for the message of a refusal.
become_root()
{
    if [ "$(id -u)" != 0 ] &&
        ! { command -v sudo >/dev/null 2>&1 && sudo -v; }
    then
        die "not root, and sudo does not work.  As root, run:" \
            "apt-get install --no-install-recommends $*"
    fi
}

run_as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages PACKAGE...: says what is installed, and hides apt's words
# unless it fails.
install_packages()
{
    become_root "$@"
    say "Installing: $*"
    step "apt-get (some minutes if a compiler is new here)"
    if run_as_root sh "$here/packages.sh" "$@" </dev/null >"$work/apt.log" 2>&1
    then
        done_step
        return 0
    fi
    failed_step "$work/apt.log" 25
    return 1
}

# prepare_machine [tests]: compiler, make, PostgreSQL with its development files
# and, for the tests, prove and, where it is to be had, pg_cron.
prepare_machine()
{
    choose_postgresql

    missing=
    command -v gcc >/dev/null 2>&1 || missing="$missing gcc"
    [ -e /usr/include/math.h ] || missing="$missing libc6-dev"
    command -v make >/dev/null 2>&1 || missing="$missing make"
    if [ "${1:-}" = tests ]; then
        command -v prove >/dev/null 2>&1 || missing="$missing perl"
    fi

    if [ -n "$missing" ] || [ -z "$pg_config" ]; then
        if ! command -v apt-get >/dev/null 2>&1; then
            if [ -z "$pg_config" ]; then
                missing="$missing PostgreSQL, with its development files for"
                missing="$missing the server (or say PG_CONFIG=/path/to/pg_config)"
            fi
            die "there is no apt-get here; please install:$missing"
        fi
        if [ -z "$pg_config" ] && [ -z "$version" ]; then
            version=$(distribution_version)
            if [ -z "$version" ]; then
                # A machine that has never asked for package lists.
                become_root "$missing postgresql postgresql-server-dev-all"
                step "apt-get update"
                run_as_root apt-get -q update </dev/null >/dev/null 2>&1 ||
                    { failed_step; die "apt-get update failed: is there a network?"; }
                done_step
                version=$(distribution_version)
            fi
            [ -n "$version" ] || die "apt knows no PostgreSQL; is there a" \
                "network, and has \"apt-get update\" been run?"
        fi
        if [ -z "$pg_config" ]; then
            installed "postgresql-$version" ||
                missing="$missing postgresql-$version"
            installed "postgresql-server-dev-$version" ||
                missing="$missing $(matching_package "postgresql-server-dev-$version" "$version")"
            pg_config=/usr/lib/postgresql/$version/bin/pg_config
        fi
        # shellcheck disable=SC2086
        install_packages $missing ||
            die "could not install$missing"
        complete_pg_config "$pg_config" ||
            die "$pg_config: no server with development files, although" \
                "the packages are installed"
    fi

    if [ "${1:-}" = tests ]; then
        prepare_companions
    fi
}

# pg_cron and pgvector are for one test each, which is skipped without.
prepare_companions()
{
    case $pg_config in
        /usr/lib/postgresql/[0-9]*/bin/pg_config) ;;
        *) return 0 ;;
    esac
    version=${pg_config#/usr/lib/postgresql/}
    version=${version%%/*}
    for extension in cron=pg_cron pgvector=vector; do
        if [ -e "$("$pg_config" --pkglibdir)/${extension#*=}.so" ] ||
            ! { [ "$(id -u)" = 0 ] || sudo -v 2>/dev/null; } ||
            ! apt-cache show "postgresql-$version-${extension%=*}" >/dev/null 2>&1
        then
            continue
        fi
        install_packages "postgresql-$version-${extension%=*}" ||
            say "  going on without ${extension#*=}; its test will be skipped"
    done
}

# --- from the first stage to the second -------------------------------------

# enter_second_stage SCRIPT ARGUMENT...: go on as an ordinary user, with a copy
# of the sources.
enter_second_stage()
{
    mkdir "$work/source" "$work/tmp"
    (cd "$here/.." && tar -cf - --exclude=./.git --exclude='*.o' \
        --exclude='*.so' --exclude='*.bc' --exclude='./gmm--*.sql' --exclude=./results \
        --exclude=./test/unit/build --exclude=./test/fuzz/build \
        --exclude=./test/fuzz/fuzz_fit --exclude=./test/fuzz/fuzz_score \
        --exclude=./test/fuzz/fuzz_model .) | (cd "$work/source" && tar -xf -)

    as_user=
    if [ "$(id -u)" = 0 ]; then
        # PostgreSQL does not run as root.  Whoever called sudo can then also
        # reach the server that --keep leaves.
        user=${SUDO_USER:-root}
        if [ "$user" = root ] || ! id "$user" >/dev/null 2>&1; then
            user=postgres
            id "$user" >/dev/null 2>&1 || user=nobody
        fi
        chown -R "$user" "$work"
        as_user="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
    fi
    cd "$work"
    script=$1
    shift
    # shellcheck disable=SC2086
    exec $as_user env -i PATH="$PATH" HOME="$work" LANG="${LANG:-}" \
        LC_ALL="${LC_ALL:-}" LC_CTYPE="${LC_CTYPE:-}" TERM="${TERM:-dumb}" \
        CI="${CI:-}" GMM_SEED="${GMM_SEED:-}" TMPDIR="$work/tmp" GMM_WORK="$work" GMM_PG_CONFIG="$pg_config" \
        sh "$work/source/test/$script" "$@"
}

# --- second stage: build, install, serve ------------------------------------

# Children that take long run through this, so that a signal is answered at
# once and not when they are done.  Each has a process group of its own, by
# which clean_up ends all that it started.
waiting()
{
    setsid "$@" </dev/null &
    child=$!
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

stop_server()
{
    if [ -f "$work/data/postmaster.pid" ]; then
        "$bindir/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 ||
            true
    fi
}

clean_up()
{
    trap '' INT TERM HUP PIPE
    if [ -n "${child:-}" ]; then
        kill -TERM "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    if [ -z "${keep:-}" ]; then
        stop_server
        cd /
        rm -rf "$work"
    fi
}

begin_second_stage()
{
    work=$GMM_WORK
    child='' keep=''
    bindir=
    unset GMM_WORK
    cd "$work/source"
    umask 077
    trap clean_up EXIT
    trap 'keep=; exit 130' INT
    trap 'keep=; exit 143' TERM HUP
    trap 'keep=; exit 141' PIPE

    # A directory from which nothing may be executed cannot hold a server.
    cp /bin/true "$work/true"
    "$work/true" 2>/dev/null ||
        die "nothing can be executed in $work; set TMPDIR to a directory" \
            "on a file system that is not mounted noexec"
    rm -f "$work/true"

    private_installation "$GMM_PG_CONFIG"
}

# mirror DIRECTORY: the same directory in our own tree, made of links.
mirror()
{
    mkdir -p "$work/root$1"
    cp -rs "$1/." "$work/root$1/" 2>/dev/null || [ -d "$work/root$1" ]
}

private_installation()
{
    original_bindir=$("$1" --bindir)
    bindir=$work/root$original_bindir
    mkdir -p "$bindir"
    cp -RL "$original_bindir/." "$bindir/"
    substitute="s#^$original_bindir#$work/root&#"
    for what in pkglibdir sharedir includedir-server docdir; do
        original=$("$1" "--$what")
        substitute="$substitute;s#^$original#$work/root&#"
        if [ -d "$original" ] && [ ! -d "$work/root$original" ]; then
            mirror "$original"
        fi
    done
    pg_config=$bindir/pg_config
    if [ "$("$pg_config" --pgxs)" = "$("$1" --pgxs)" ]; then
        # Debian 11 made pg_config, and it alone, stick to its directories.
        rm -f "$pg_config"
        printf '#!/bin/sh\n%s "$@" | sed "%s"\n' "$1" "$substitute" \
            >"$pg_config"
        chmod 755 "$pg_config"
    fi
    sharedir=$("$pg_config" --sharedir)
    pkglibdir=$("$pg_config" --pkglibdir)
    rm -rf "$sharedir"/extension/gmm.control "$sharedir"/extension/gmm--*.sql \
        "$sharedir"/extension/gmm_vector* \
        "$pkglibdir/gmm.so" "$pkglibdir"/bitcode/gmm*
    pg_version=$("$pg_config" --version)
    pg_version=${pg_version%% (*}
    PATH=$bindir:$PATH
    export PATH
}

# pgxs ARGUMENT...: make by the rules of PGXS, in $build_dir.  Bitcode for JIT
# would need clang.
pgxs()
{
    waiting make -s -C "${build_dir:-$work/source}" -f "$work/source/Makefile" \
        PG_CONFIG="$pg_config" with_llvm=no "$@"
}

# build [MAKE VARIABLE...]: into build.log.
build()
{
    pgxs -j "$(nproc 2>/dev/null || echo 1)" "$@" >"$work/build.log" 2>&1 &&
        pgxs install >>"$work/build.log" 2>&1
}

# start_server [SETTING...]: a server that only its owner can reach.
start_server()
{
    PGHOST=$work PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    export PGHOST PGPORT PGUSER PGDATABASE
    waiting "$bindir/initdb" -D "$work/data" -U postgres -A trust -N \
        -E UTF8 --no-locale >"$work/initdb.log" 2>&1 || {
        failed_step "$work/initdb.log"
        exit 1
    }
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$work'"
        echo "unix_socket_permissions = 0700"
        # Nothing here outlives the script, so nothing need reach the disk.
        echo "fsync = off"
        echo "full_page_writes = off"
        echo "log_line_prefix = '%m [%p] %q%d '"
        for setting; do
            echo "$setting"
        done
    } >>"$work/data/postgresql.conf"
    "$bindir/pg_ctl" -D "$work/data" -l "$work/server.log" -w -s start \
        </dev/null >"$work/pg_ctl.log" 2>&1 || {
        failed_step "$work/server.log"
        exit 1
    }

    # A server that does not look into our tree would test something else.
    found=$(psql -X -A -t -c "SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'")
    [ "$found" = "$pkglibdir" ] ||
        die "this PostgreSQL cannot be run from a copy: it looks for" \
            "libraries in $found"
}
