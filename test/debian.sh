#!/bin/sh
# debian.sh: the Debian package, made, installed, used and removed as the README
# says; writes TAP.
#
# Installs packages, so it is for a system that is thrown away afterwards: test/
# matrix.sh runs it there, as root and with CI=true, when check.sh has passed.
set -eu

cd "$(dirname "$0")/.."
. test/t/tap.sh
[ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] ||
    skip_all "installing packages is for root on a machine of tests (CI=true)"

DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
dir=$(mktemp -d "${TMPDIR:-/tmp}/gmm-debian.XXXXXX")
trap 'rm -rf "$dir"' EXIT
id postgres >/dev/null 2>&1 || adduser --system --quiet postgres
mkdir "$dir/gmm"
tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' . |
    (cd "$dir/gmm" && tar -xf -)
chown -R postgres "$dir"

# logged NAME COMMAND...: a test that the command succeeds; says how it ended.
logged()
{
    logged_name=$1
    shift
    if "$@" >"$dir/log" 2>&1 </dev/null; then
        ok "$logged_name"
    else
        not_ok "$logged_name" "$(tail -n 60 "$dir/log")"
    fi
}

# as_user COMMAND: in the copy of the sources, as one who is not root.
as_user()
{
    setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups \
        env HOME="$dir" sh -ec "cd $dir/gmm; $1"
}

apt="apt-get -y -q --no-install-recommends"
# shellcheck disable=SC2086
logged "what it is built with can be had" sh -c "sh test/packages.sh build-essential devscripts lintian &&
    cd $dir/gmm && $apt build-dep ."
version=$(/usr/share/postgresql-common/supported-versions | tail -n 1)
package=postgresql-$version-gmm

logged "pg_buildext updatecontrol" as_user "pg_buildext updatecontrol"
same "makes a package for the PostgreSQL of this system" "$package" \
    "$(sed -n 's/^Package: //p' "$dir/gmm/debian/control")"
logged "dpkg-buildpackage, which runs the regression tests" \
    as_user "dpkg-buildpackage -b -us -uc"
contains "they were run and all passed" "$(find sql -name '*.sql' | wc -l) tests passed" \
    "$(grep -Ei '^not ok|FAILED|^(#|) *All [0-9]+ tests passed' "$dir/log")"

# The publisher's address is the publisher's to put in.
as_user "cd ..; lintian --fail-on error,warning \
    --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog *.changes" \
    >"$dir/lintian" 2>&1 </dev/null && clean=yes || clean=no
same "lintian finds no error and no warning" yes "$clean"
sed 's/^/# /' "$dir/lintian"

logged "it can be installed" sh -c "$apt install $(echo "$dir/${package}"_*.deb)"
documentation=/usr/share/doc/$package
same "the files that the documentation names are beside it" "" \
    "$(grep -ohE 'test/(data|pictures)/[a-z_]+\.(csv|svg)' "$documentation/README.md" "$documentation"/doc/*.md | sort -u |
        while read -r file; do
            [ -s "$documentation/$file" ] || echo "$file"
        done)"

# Bitcode is in the package, so that JIT may take functions apart, too.
cat >"$dir/use.sql" <<SQL
CREATE EXTENSION gmm;
SET jit = on;
SET jit_above_cost = 0;
SET jit_inline_above_cost = 0;
SET jit_optimize_above_cost = 0;
CREATE TABLE faithful (eruptions float8, waiting float8);
\\copy faithful FROM '$documentation/test/data/faithful.csv' CSV HEADER
CREATE TABLE geyser AS SELECT gmm_fit(ARRAY[eruptions, waiting], 2) AS model FROM faithful;
SELECT count(*) FILTER (WHERE gmm_predict(model, ARRAY[eruptions, waiting]) = 1), round(gmm_bic(model)::numeric, 1)
FROM faithful, geyser GROUP BY model;
SELECT count(*) FROM geyser, faithful
WHERE gmm_logpdf(model, ARRAY[eruptions, waiting]) < 0 AND model = model::text::gmm_model;
DROP EXTENSION gmm CASCADE;
SELECT count(*) FROM pg_proc WHERE probin LIKE '%gmm%';
SQL
chmod 644 "$dir/use.sql"
same "it is created, used and dropped" "175|2322.2,272,0" \
    "$(as_user "pg_virtualenv -v $version psql -X -q -A -t -v ON_ERROR_STOP=1 -f $dir/use.sql" 2>"$dir/errors" |
        grep -v cluster | paste -s -d , -)"
sed 's/^/# /' "$dir/errors"

same "gmm_vector is in it" "gmm_vector--1.0.sql gmm_vector.control" \
    "$(dpkg -L "$package" | sed -n 's|^/usr/share/postgresql/[0-9]*/extension/\(gmm_vector.*\)|\1|p' | sort | paste -s -d ' ' -)"
logged "it can be removed" sh -c "$apt purge $package"
same "nothing of it is left" "" "$(find /usr/lib/postgresql /usr/share/postgresql /usr/share/doc -name '*gmm*' 2>&1)"
finish
