#!/bin/sh
# matrix.sh: every test, on every version of PostgreSQL that Debian has.
#
#   sh test/matrix.sh [--in DIRECTORY] [TARGET...]
#
#   TARGET           PostgreSQL
#   bullseye         13
#   bookworm         15
#   trixie           17
#   forky            18
#   bookworm-i386    15, of 32 bits
#
# Each target is a minimal system in a directory of its own, made with
# debootstrap, in which nothing is installed that test/check.sh does not install
# there by itself; so this also tests that check.sh needs nothing but Debian.
# When they have passed, the Debian package is made and used there (debian.sh).
# The tests run with CI=true in namespaces of their own (mounts and processes),
# of which nothing is left at the end.  Needs root, debootstrap and a network.
#
# --in keeps the systems in DIRECTORY, to be used again: a minute and some
# hundred megabytes each.  Without it they go when the tests have run.
# Each target's whole output is in DIRECTORY/TARGET.log.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mirror=${GMM_MIRROR:-http://deb.debian.org/debian}

die()
{
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

directory='' targets=''
while [ $# -gt 0 ]; do
    case $1 in
        --in) [ $# -gt 1 ] || die "--in wants a directory"
            directory=$2
            shift ;;
        -*) die "usage: sh test/matrix.sh [--in DIRECTORY] [TARGET...]" ;;
        *) targets="$targets $1" ;;
    esac
    shift
done
targets=${targets:-bullseye bookworm trixie forky bookworm-i386}

[ "$(id -u)" = 0 ] || die "systems in directories need root"
command -v debootstrap >/dev/null 2>&1 ||
    die "there is no debootstrap; please install it"

if [ -n "$directory" ]; then
    mkdir -p "$directory"
    directory=$(cd "$directory" && pwd)
else
    directory=$(mktemp -d "${TMPDIR:-/tmp}/gmm-matrix.XXXXXX")
    trap 'rm -rf "$directory"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
fi

# make_system TARGET: there, or made; a half-made one is not used.
make_system()
{
    system=$directory/$1
    if [ -e "$system/etc/debian_version" ] && [ ! -e "$system.part" ]; then
        return 0
    fi
    suite=${1%-i386}
    set -- --variant=minbase
    if [ "$suite" != "${system##*/}" ]; then set -- "$@" --arch=i386; fi
    script=/usr/share/debootstrap/scripts/$suite
    # An older debootstrap does not know the newest names.
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    rm -rf "$system"
    : >"$system.part"
    debootstrap "$@" "$suite" "$system" "$mirror" "$script" || return 1
    rm "$system.part"
}

# What runs in the target's namespaces, as root: mount what a system has, and
# become it.  Its /dev/shm is its own.
inside='
    root=$1
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o size=1g tmpfs "$root/dev/shm"
    machine=$(case $root in *-i386) echo i386 ;; *) uname -m ;; esac)
    exec setarch "$machine" chroot "$root" env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        TERM=dumb CI=true GMM_SEED="${GMM_SEED:-}" sh -ec "
            sh /gmm/test/check.sh
            prove --verbose --exec sh /gmm/test/debian.sh"
'

run_target()
{
    make_system "$1" || return 1
    rm -rf "$directory/$1/gmm"
    mkdir "$directory/$1/gmm"
    (cd "$here/.." && tar -cf - --exclude=./.git --exclude='*.o' \
        --exclude='*.so' --exclude='*.bc' .) |
        (cd "$directory/$1/gmm" && tar -xf -)
    unshare --mount --pid --fork --kill-child sh -ec "$inside" sh "$directory/$1"
}

failed=0
for target in $targets; do
    log=$directory/$target.log
    began=$(date +%s)
    if run_target "$target" >"$log" 2>&1; then verdict=passed; else
        verdict=FAILED failed=$((failed + 1))
    fi
    printf '%-14s %s: %s (%s, %d s)\n' "$target" "$verdict" \
        "$(sed -n 's/^Result: /package: /p; /^[0-9]* passed, /p' "$log" | paste -s -d ' ' -)" \
        "$(sed -n 's/^gmm, \(PostgreSQL [^,]*\),.*/\1/p' "$log")" $(($(date +%s) - began))
    if [ "$verdict" = FAILED ]; then
        grep -E -A12 'FAILED|failed|^not ok' "$log" | tail -n 60 | sed 's/^/    /'
    fi
done
exit $((failed > 0))
