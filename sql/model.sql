--
-- gmm_model: its functions and casts; from arrays, to and from jsonb and json
--
\pset format unaligned
\pset tuples_only on

-- How the value is stored: aligned for doubles, not compressed.
SELECT typlen, typalign, typstorage FROM pg_type WHERE typname = 'gmm_model';

-- Every function is immutable, strict and parallel safe, and everything has
-- a comment; gmm_model() is strict but for the names, which need not be given.
SELECT p.oid::regprocedure, provolatile, proisstrict, proparallel
FROM pg_proc AS p, pg_depend, pg_extension AS e
WHERE p.proname ~ '^gmm_(model|components|summary|bic|aic|icl|trials)'
  AND pg_depend.classid = 'pg_proc'::regclass AND objid = p.oid
  AND refobjid = e.oid AND deptype = 'e' AND extname = 'gmm'
  AND ((provolatile, proisstrict, proparallel) <> ('i', true, 's')
       OR obj_description(p.oid, 'pg_proc') IS NULL);
SELECT obj_description('gmm_model'::regtype, 'pg_type') IS NOT NULL;
SELECT castsource::regtype, casttarget::regtype, castcontext,
	obj_description(oid, 'pg_cast')
FROM pg_cast WHERE 'gmm_model'::regtype IN (castsource, casttarget)
ORDER BY castsource::regtype::text;

--
-- Arrays
--
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{{1,0.5},{0.5,2}},{{3,0},{0,4}}}');
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,0.5},{0.5,2}}', 'tied');
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,2},{3,4}}', 'Diag');
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{1,2}', covariance_type => 'vii');
SELECT gmm_model(ARRAY[1], ARRAY[[1, 2]]::real[], ARRAY[[1, 2]]::numeric[], 'VVI');
SELECT gmm_model(weights => '{0.5,0.5}', means => '{0,5}', covariances => '{1,2}');
SELECT gmm_model('[5:6]={0.5,0.5}', '[0:1][3:3]={{0},{5}}', '{1,2}', 'spherical');
SELECT gmm_model(NULL, '{0}', '{1}') IS NULL;

SELECT gmm_model('{1}', '{{0,1}}', '{{1,0},{0,1}}', 'eii');
SELECT gmm_model('{1,NULL}', '{0,1}', '{1,1}');
SELECT gmm_model('{1}', '{{0,NULL}}', '{{1,1}}', 'diag');
SELECT gmm_model('{1}', '{{0,1}}', '{{1,NULL}}', 'diag');
SELECT gmm_model('{NaN}', '{0}', '{1}');
SELECT gmm_model('{0.5,0.5}', '{{0,1},{1,Infinity}}', '{1,1}', 'spherical');
SELECT gmm_model('{0.5,0.5}', '{{0,1},{1,0}}', '{{1,1},{1,-Infinity}}', 'diag');
SELECT gmm_model('{1}', '{{0,1}}', '{{1,NaN},{0,1}}', 'tied');
SELECT gmm_model('{}', '{}', '{}');
SELECT gmm_model('{1}', '{}', '{1}');
SELECT gmm_model('{1}', '{0}', '{}');
SELECT gmm_model('{{1}}', '{0}', '{1}');
SELECT gmm_model('{0.5,0.5}', '{{0,1}}', '{{{1,0},{0,1}}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{1,0},{0,1}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{{{1,0},{0,1}}}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{{1,0.5},{0.4,1}}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{{1,1},{1,1}}}');
SELECT gmm_model('{0.5,0.4}', '{0,1}', '{1,1}');
SELECT gmm_model(array_fill(0.0001::float8, ARRAY[10001]), '{0}', '{1}');
SELECT gmm_model('{1}', array_fill(0::float8, ARRAY[1, 4097]), '{1}', 'spherical');

--
-- jsonb
--
SELECT gmm_model('{1}', '{{0.1,1e-300}}', '{{1,2}}', 'diag')::jsonb;
SELECT jsonb '{"weights": [1], "means": [[0.1, 1e-300]], "covariances": [1],
	"covariance_type": "spherical"}'::gmm_model;
SELECT jsonb '{"weights": [1], "means": [[1e400]], "covariances": [1]}'::gmm_model;
SELECT jsonb '{"weights": [1], "means": [["0"]], "covariances": [1]}'::gmm_model;
SELECT jsonb '[1, 2]'::gmm_model;
SELECT jsonb '1'::gmm_model;
-- json: the text form; and models as objects in the JSON that is made of rows
SELECT gmm_model('{1}', '{{-0,1e-300}}', '{{1,2}}', 'diag')::json;
SELECT json '{"weights": [1], "means": [[-0, 1e-300]], "covariances": [1], "covariance_type": "spherical"}'::gmm_model;
SELECT json '{"weights": [1], "means": [[1e400]], "covariances": [1]}'::gmm_model;
SELECT json '[1, 2]'::gmm_model;
SELECT json 'null'::gmm_model;
SELECT NULL::gmm_model::json IS NULL AND NULL::json::gmm_model IS NULL;
SELECT jsonb_typeof(to_jsonb(m)), json_typeof(to_json(m)), row_to_json(r), jsonb_build_object('a', m) #> '{a,means}',
	json_agg(m), jsonb_agg(m)->0->'k', jsonb_object_agg('key', ARRAY[m])
FROM (SELECT gmm_model('{1}', '{{2}}', '{3}', 'spherical')) AS r (m) GROUP BY m, r;
