#!/bin/sh
# python_r.sh: the code of doc/guide_python_r.md runs, and models go from gmm to
# scikit-learn and mclust and back, in all families: densities and probabilities of
# the same rows agree to 1e-12 on both sides.  What is not installed is skipped; the
# guide's statements in SQL are run by readme.sh.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/python_r.XXXXXX")
trap 'rm -rf "$dir"' EXIT
awk -v dir="$dir" -f test/blocks.awk doc/guide_python_r.md >"$dir/index"
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# blocks LANGUAGE NEEDS: the guide's code, one after another
blocks()
{
    awk -v language="$1" -v needs="$2" '$2 == language && $4 == needs { print $1 "." $2 }' "$dir/index" |
        while read -r block; do cat "$dir/$block"; done
}

# What the guide finds in the README's database, and a model of each family.
ask -o /dev/null <<'SQL'
CREATE TABLE faithful (eruptions float8, waiting float8);
\copy faithful FROM 'test/data/faithful.csv' CSV HEADER
CREATE TABLE iris (a real, b real, c real, d real, species text);
\copy iris FROM 'test/data/iris.csv' CSV HEADER
CREATE TABLE models (name text NOT NULL, fitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                     model gmm_model NOT NULL, PRIMARY KEY (name, fitted_at));
CREATE TABLE geyser AS SELECT gmm_fit(ARRAY[eruptions, waiting], 2) AS model FROM faithful;
CREATE TABLE ours AS
SELECT family, gmm_fit(ARRAY[a, b, c, d], 3, gmm_options(covariance_type => family)) AS model
FROM iris, unnest('{full,tied,diag,spherical}'::text[]) AS family GROUP BY family;
CREATE TABLE theirs (family text, model gmm_model);
CREATE TABLE said (family text, log_densities float8[], probabilities float8[]);
CREATE VIEW scores AS
SELECT array_agg(gmm_logpdf(model, x) ORDER BY id) AS log_densities,
       array_agg(gmm_predict_proba(model, x) ORDER BY id) AS probabilities, side, family
FROM (SELECT row_number() OVER () AS id, ARRAY[a, b, c, d]::float8[] AS x FROM iris) AS rows,
     (SELECT 'ours' AS side, * FROM ours UNION ALL SELECT 'theirs', * FROM theirs) AS m
GROUP BY side, family;
SQL

# give FILE: the rows, and our models with what they say of these
give()
{
    ask -o "$1" -c "SELECT json_build_object(
        'rows', (SELECT json_agg(ARRAY[a, b, c, d]::float8[]) FROM iris),
        'models', (SELECT json_agg(json_build_object('family', family, 'model', model::text,
                       'log_densities', log_densities, 'probabilities', probabilities) ORDER BY family)
                   FROM ours JOIN scores USING (family) WHERE side = 'ours'))"
}

# take FILE WHAT: lines of a model, and of what the other side says of the rows, in JSON
take()
{
    ask -o /dev/null -c "TRUNCATE theirs" -c "CREATE TEMP TABLE lines (line json)" \
        -c "\\copy lines FROM '$1' CSV QUOTE E'\\x01' DELIMITER E'\\x02'" \
        -c "TRUNCATE said" \
        -c "INSERT INTO theirs SELECT line ->> 'family', (line ->> 'model')::gmm_model FROM lines" \
        -c "INSERT INTO said SELECT line ->> 'family',
                translate(line ->> 'log_densities', '[]', '{}')::float8[],
                translate(line ->> 'probabilities', '[]', '{}')::float8[] FROM lines"
    for family in full tied diag spherical; do
        same "$2, $family: fitted there, scored here" "t t" "$(ask -F ' ' -c "
            SELECT (SELECT max(abs(a - b) / greatest(1, abs(a))) <= 1e-12 FROM unnest(s.log_densities, t.log_densities) AS u (a, b)),
                   (SELECT max(abs(a - b)) <= 1e-12 FROM unnest(s.probabilities, t.probabilities) AS u (a, b))
            FROM scores AS s JOIN said AS t USING (family)
            JOIN theirs USING (family) WHERE side = 'theirs' AND family = '$family' AND (gmm_summary(model)).covariance_type = family")"
    done
}

# counts NAME: rows of each component of the model that came, and of ours, by our prediction
counts()
{
    ask -c "SELECT string_agg(n::text, ' ' ORDER BY came DESC, n)
        FROM (SELECT came, count(*) AS n FROM faithful,
                  (SELECT true AS came, model FROM models WHERE name = '$1' UNION ALL SELECT false, model FROM geyser) AS m
              GROUP BY came, gmm_predict(model, ARRAY[eruptions, waiting])) AS c"
}

# run NAME COMMAND...: it ends well
run()
{
    name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then ok "$name"; else not_ok "$name" "$(cat "$dir/out")"; fi
}

give "$dir/given"
if "$python" -c 'import sklearn' 2>"$dir/none"; then
    blocks python - >"$dir/functions.py"
    cat "$dir/functions.py" - >"$dir/both.py" <<'PY'
import sys

given = json.load(open(sys.argv[1]))
rows = np.array(given["rows"])
for one in given["models"]:
    mixture = to_sklearn(one["model"])
    expected = np.array(one["log_densities"])
    assert np.max(np.abs(mixture.score_samples(rows) - expected) / np.maximum(1, np.abs(expected))) <= 1e-12, one["family"]
    assert np.max(np.abs(mixture.predict_proba(rows) - one["probabilities"])) <= 1e-12, one["family"]
    assert to_sklearn(json.loads(one["model"])).sample(2)[0].shape == (2, 4)
with open(sys.argv[2], "w") as out:
    for one in given["models"]:
        mixture = GaussianMixture(3, covariance_type=one["family"], random_state=1).fit(rows)
        print(json.dumps({"family": one["family"], "model": from_sklearn(mixture),
                          "log_densities": mixture.score_samples(rows).tolist(),
                          "probabilities": mixture.predict_proba(rows).tolist()}), file=out)
PY
    run "scikit-learn: fitted here, scored there" "$python" "$dir/both.py" "$dir/given" "$dir/taken"
    take "$dir/taken" scikit-learn
    if "$python" -c 'import psycopg' 2>"$dir/none"; then
        { cat "$dir/functions.py"; blocks python psycopg; echo 'print(*sorted(c for _, c in counts), *sorted(np.bincount(components)[1:]))'; } >"$dir/guide.py"
        got=$("$python" "$dir/guide.py" 2>&1) || true
        same "the guide's psycopg" "$(counts 'from Python')" "$got"
    else
        skip "the guide's psycopg" "psycopg is not installed"
    fi
else
    skip "scikit-learn" "it is not installed"
fi

if Rscript -e 'library(mclust); library(jsonlite)' >"$dir/none" 2>&1; then
    { blocks r - | awk '/^ask <- / { exit } { print }'; cat <<'R'; } >"$dir/both.R"
given <- fromJSON(commandArgs(TRUE)[1], simplifyDataFrame = FALSE)
out <- file(commandArgs(TRUE)[2], "w")
names <- c(full = "VVV", tied = "EEE", diag = "VVI", spherical = "VII")
for (one in given$models) {
    p <- to_mclust(one$model)
    name <- p$variance$modelName
    stopifnot(name == names[[one$family]])
    said <- dens(given$rows, name, p, logarithm = TRUE)
    stopifnot(max(abs(said - one$log_densities) / pmax(1, abs(said))) <= 1e-12)
    stopifnot(max(abs(estep(given$rows, name, p)$z - one$probabilities)) <= 1e-12)
    fit <- Mclust(given$rows, G = 3, modelNames = name, verbose = FALSE)
    e <- estep(given$rows, name, fit$parameters)
    writeLines(toJSON(list(family = unbox(one$family), model = unbox(as.character(from_mclust(fit))),
                           log_densities = dens(given$rows, name, fit$parameters, logarithm = TRUE),
                           probabilities = e$z), digits = I(17)), out)
}
close(out)
R
    run "mclust: fitted here, scored there" Rscript "$dir/both.R" "$dir/given" "$dir/taken"
    take "$dir/taken" mclust
    { blocks r -; echo 'cat(sort(as.integer(sub(".*,", "", counts))), sort(tabulate(component)))'; } >"$dir/guide.R"
    got=$(Rscript "$dir/guide.R" 2>"$dir/out" | tail -n 1)
    same "the guide's R" "$(counts 'from R')" "$got"
else
    skip "mclust" "it or jsonlite is not installed"
fi
finish
