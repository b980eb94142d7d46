-- The extension as it is installed: relocatable, trusted, every object with a
-- comment, and scoring functions that a parallel plan may use.

SELECT ok(relocatable AND trusted, 'relocatable and trusted')
FROM pg_available_extension_versions WHERE name = 'gmm' AND installed;

-- Everything the extension created, with its comment.
CREATE TEMP VIEW objects AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name,
       coalesce(obj_description(d.objid, d.classid::regclass::text), '') AS remark
FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid
WHERE e.extname = 'gmm' AND d.refclassid = 'pg_extension'::regclass
  AND d.deptype = 'e';

SELECT ok(count(*) > 0, 'it has objects') FROM objects;

-- The array type comes with its element type and takes its comment from there, and
-- so does a view's row type, a member of its own since PostgreSQL 17.
SELECT equals(string_agg(name, ', ' ORDER BY name), NULL::text,
              'every object has a comment')
FROM objects
WHERE remark = '' AND name !~ '\[\]$' AND
      NOT EXISTS (SELECT FROM pg_type WHERE classid = 'pg_type'::regclass AND oid = objid AND typrelid <> 0);

SELECT equals(string_agg(p.proname, ', '), 'gmm_fit_table, gmm_progress',
              'every function is parallel safe, but for what runs queries or looks at processes')
FROM objects AS o JOIN pg_proc AS p
  ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid
WHERE p.proparallel <> 's';

CREATE SCHEMA elsewhere;
SELECT ok(true, 'moving to another schema');
ALTER EXTENSION gmm SET SCHEMA elsewhere;
SELECT equals(count(*), 0::bigint, 'nothing stays in the old schema')
FROM objects AS o JOIN pg_proc AS p
  ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid
WHERE p.pronamespace <> 'elsewhere'::regnamespace;

SELECT finish();
