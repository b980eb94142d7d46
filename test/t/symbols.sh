#!/bin/sh
# symbols.sh: the library shows nothing to the process but what PostgreSQL looks
# up in it.
#
# Libraries are loaded with RTLD_GLOBAL, so of two functions of one name the
# first that was loaded is called by both.
set -eu
. test/t/tap.sh

command -v nm >/dev/null 2>&1 || skip_all "there is no nm here"
directory=$(pg_config --pkglibdir)
case $(uname) in
    Darwin)
        library=$directory/gmm.so
        [ -e "$library" ] || library=$directory/gmm.dylib
        symbols=$(nm -gU "$library" | sed 's/.* _//') ;;
    *) symbols=$(nm -D --defined-only "$directory/gmm.so" | sed 's/.* //') ;;
esac

same "no symbol that another library may have" "" \
    "$(printf '%s\n' "$symbols" | grep -vE '^(gmm_.*|pg_finfo_gmm_.*|_PG_init|Pg_magic_func)$')"

# What CREATE FUNCTION names with its pg_finfo record, what the server and its
# parallel workers look up, and no function that one file shares with another.
same "no more and no less than is looked up" \
    "$(ask -c "SELECT DISTINCT unnest(ARRAY[prosrc, 'pg_finfo_' || prosrc]) FROM pg_proc
               WHERE probin LIKE '%gmm' UNION VALUES ('_PG_init'), ('Pg_magic_func'), ('gmm_parallel_main')" |
        LC_ALL=C sort)" \
    "$(printf '%s\n' "$symbols" | LC_ALL=C sort)"
finish
