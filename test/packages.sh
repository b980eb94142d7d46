#!/bin/sh
# packages.sh PACKAGE...: install Debian packages, and nothing else.
#
# Run as root by the scripts beside it.  Installing PostgreSQL's server package
# normally creates a cluster and starts it, and starts every cluster that an
# administrator has stopped.  Here neither happens: a setting that forbids the
# first and a policy that forbids the second are in force while apt runs, and
# are taken away again.  If apt would upgrade or remove a PostgreSQL server
# that is already there, nothing is installed; but with CI=true, on a machine
# that is for tests alone, a server may be upgraded.
set -eu

snippet_dir=/etc/postgresql-common/createcluster.d
snippet=$snippet_dir/zz-gmm-test.conf
policy=/usr/sbin/policy-rc.d
made_policy='' made_dirs='' wrote_snippet=''

restore()
{
    if [ -n "$made_policy" ]; then rm -f "$policy"; fi
    if [ -n "$wrote_snippet" ]; then rm -f "$snippet"; fi
    for dir in $made_dirs; do
        rmdir "$dir" 2>/dev/null || true
    done
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

DEBIAN_FRONTEND=noninteractive
NEEDRESTART_MODE=l              # needrestart may list services, not restart them
NEEDRESTART_SUSPEND=1
export DEBIAN_FRONTEND NEEDRESTART_MODE NEEDRESTART_SUSPEND

# A dead network should be noticed in seconds, not minutes.
options="-y -q --no-install-recommends -o Acquire::Retries=1
    -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold"

simulate()
{
    # shellcheck disable=SC2086
    apt-get $options -s install "$@"
}

plan=$(simulate "$@" 2>/dev/null) || {
    echo "updating the package lists (apt-get update)"
    apt-get -q -o Acquire::http::Timeout=30 -o Acquire::Retries=1 update
    plan=$(simulate "$@")
}

harm=$(printf '%s\n' "$plan" |
    grep -E '^(Remv |Inst postgresql-(common|[0-9]+) \[)' || true)
if [ -n "${CI:-}" ]; then
    harm=$(printf '%s\n' "$harm" | grep '^Remv ' || true)
fi
if [ -n "$harm" ]; then
    echo "installing $* would change what is installed here:"
    printf '%s\n' "$harm"
    echo "so nothing was installed; do it by hand if that is wanted"
    exit 1
fi

# Services do not start while we install.  Where the administrator has a policy
# already, that one rules.
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    made_policy=yes
    chmod 755 "$policy"
fi

# No cluster is created for a server that is new here.
for dir in "$snippet_dir" /etc/postgresql-common; do
    if [ ! -d "$dir" ]; then made_dirs="$made_dirs $dir"; fi
done
mkdir -p "$snippet_dir"
wrote_snippet=yes
echo "create_main_cluster = false" >"$snippet"
if command -v pg_conftool >/dev/null 2>&1; then
    create=$(pg_conftool /etc/postgresql-common/createcluster.conf \
        show -bs create_main_cluster 2>/dev/null || true)
    if [ "$create" != off ] && printf '%s\n' "$plan" |
        grep -Eq '^Inst postgresql-[0-9]+ '
    then
        echo "/etc/postgresql-common/createcluster.conf does not read" \
            "createcluster.d, so that installing a server would create a" \
            "cluster.  Set create_main_cluster = false there and try again."
        exit 1
    fi
fi

# shellcheck disable=SC2086
apt-get $options install "$@" || {
    # The lists may be older than what the mirror still has.
    echo "trying once more with new package lists (apt-get update)"
    apt-get -q -o Acquire::http::Timeout=30 -o Acquire::Retries=1 update
    apt-get $options install "$@"
}
