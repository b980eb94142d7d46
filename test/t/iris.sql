-- Fisher's iris, three components with full covariances: 5 of the 150 flowers
-- are not with the others of their species, as with other programs that reach
-- the best optimum.
\ir models.psql

CREATE TABLE fitted AS
SELECT gmm_fit(features, 3) AS model FROM datasets WHERE data = 'iris';

CREATE TABLE classified AS
SELECT species, gmm_predict(model, ARRAY[sepal_length, sepal_width, petal_length, petal_width]) AS component
FROM iris, fitted;

CREATE TABLE meaning AS
SELECT component, mode() WITHIN GROUP (ORDER BY species) AS species FROM classified GROUP BY component;

SELECT equals(string_agg(species, ' ' ORDER BY species), 'setosa versicolor virginica',
              'each component has its own species') FROM meaning;

SELECT equals(count(*) FILTER (WHERE c.species <> m.species) || ' of ' || count(*),
              '5 of 150', '5 of 150 flowers wrong')
FROM classified AS c JOIN meaning AS m USING (component);

SELECT finish();
