/*
 * json_reader.c
 *	  Reading a JSON object whose keys a table describes: scalars, rectangular
 *	  arrays of numbers, arrays of strings, and an array of objects of a simpler
 *	  kind.
 *
 * The text is read by PostgreSQL's JSON parser as a stream of events and not
 * as a tree: a model may be larger than a jsonb can be, and nothing is
 * allocated that the input did not pay for.  The keys may come in any order,
 * so the arrays are collected with the shapes that they turn out to have, and
 * the caller compares them with each other in the end.
 *
 * An error that is soft does not leave the parser at once: the action that
 * found it returns a failure, and everything on the way returns too.
 */
#include "postgres.h"

#include <math.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "compat.h"
#include "model/json_reader.h"

#define KEY_BIT(key)	(UINT64CONST(1) << (key))

/* Bytes of a user's string that a message repeats */
#define MAX_QUOTED_BYTES	64

/* The value of a key of an array of numbers, while it is being read. */
typedef struct ArrayReader
{
	int			level;			/* brackets open now */
	int			n_dims;			/* brackets around a number; 0: none seen */
	int			deepest;		/* most brackets open so far */
	int			counts[GMM_ARRAY_MAX_DIMS]; /* elements so far, by level */
	int			dims[GMM_ARRAY_MAX_DIMS];	/* of the arrays closed, or -1 */
	size_t		n_values;
	size_t		max_values;		/* allocated */
	double	   *values;
} ArrayReader;

/* An object, while it is being read. */
typedef struct ObjectReader
{
	const GmmJsonForm *form;
	char	   *record;
	const GmmField *field;		/* whose value is being read */
	uint64		seen;			/* KEY_BIT of the keys so far */
} ObjectReader;

/* The state of the JSON parser's semantic actions. */
typedef struct Reader
{
	Node	   *escontext;
	bool		failed;			/* a soft error was saved */
	ObjectReader outer;
	ObjectReader element;
	ObjectReader *object;		/* the innermost that is open, or NULL */
	bool		in_elements;	/* between the brackets around elements, which
								 * are objects or strings */
	ArrayReader array;			/* of the outer object's current key */
} Reader;

/*
 * Save an error about the text and let the parser stop.  The rest are the
 * arguments of ereport().
 */
#define reader_error(reader, ...) \
	do { \
		(reader)->failed = true; \
		errsave((reader)->escontext, __VA_ARGS__); \
	} while (0)

#define PLACE(type, object) \
	((type *) ((object)->record + (object)->field->offset))

static const char *const kind_names[] = {
	[GMM_FIELD_INT32] = "an integer",
	[GMM_FIELD_INT64] = "an integer",
	[GMM_FIELD_FLOAT8] = "a number",
	[GMM_FIELD_BOOL] = "true or false",
	[GMM_FIELD_FAMILY] = "a string",
	[GMM_FIELD_CRITERION] = "a string",
	[GMM_FIELD_ARRAY] = "an array of numbers",
	[GMM_FIELD_RECORDS] = "an array of objects",
	[GMM_FIELD_STRINGS] = "an array of strings"
};

/* Cut a user's string to a length fit for a message. */
static char *
clip(char *string)
{
	int			length = (int) strlen(string);

	if (length > MAX_QUOTED_BYTES)
		string[pg_mbcliplen(string, length, MAX_QUOTED_BYTES)] = '\0';
	return string;
}

/* The keys of some groups as "a, b and c", palloc'd. */
char *
gmm_json_key_list(const GmmJsonForm *form, int groups)
{
	StringInfoData list;
	const char *last = NULL;

	initStringInfo(&list);
	for (int i = 0; i < form->keys->n_fields; i++)
	{
		if (!(form->keys->fields[i].group & groups))
			continue;
		if (last != NULL)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", last);
		last = form->keys->fields[i].name;
	}
	if (last != NULL)
		appendStringInfo(&list, "%s%s", list.len > 0 ? " and " : "", last);
	return list.data;
}

/* A hint of all keys */
static int
keys_hint(const GmmJsonForm *form)
{
	return errhint("%s %s.", form->keys_are, gmm_json_key_list(form, ~0));
}

/* Complain that the current key's value is not of the kind that it must be. */
static void
wrong_kind(Reader *reader)
{
	const ObjectReader *object = reader->object;
	const GmmField *field = object->field;

	reader_error(reader,
				 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				  errmsg("\"%s\" of a %s must be %s", field->name, object->form->name,
						 kind_names[field->kind]),
				  field->kind == GMM_FIELD_RECORDS ? keys_hint(object->form->element) : 0));
}

/* Complain that the text is JSON, but not an object. */
static void
not_an_object(Reader *reader)
{
	reader_error(reader,
				 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				  errmsg("a %s must be a JSON object", reader->outer.form->name),
				  errhint("%s", reader->outer.form->example)));
}

/* Complain that the arrays inside an array differ in length or depth. */
static void
not_rectangular(Reader *reader)
{
	reader_error(reader,
				 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				  errmsg("\"%s\" of a %s must be a rectangular array of numbers",
						 reader->outer.field->name, reader->outer.form->name),
				  errdetail("The arrays inside of it differ in length or depth.")));
}

/* --- arrays of numbers --- */

/* Start an array; its key is there, and its value is to come. */
static void
begin_array(ArrayReader *array)
{
	memset(array, 0, sizeof(ArrayReader));
	for (int level = 0; level < GMM_ARRAY_MAX_DIMS; level++)
		array->dims[level] = -1;

	/* A power of two, so that doubling ends at MIXTURE_MAX_VALUES */
	array->max_values = 16;
	array->values = (double *) palloc(array->max_values * sizeof(double));
}

static void
open_bracket(Reader *reader, ArrayReader *array)
{
	if (array->level == GMM_ARRAY_MAX_DIMS)
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("\"%s\" of a %s is nested too deeply",
							 reader->outer.field->name, reader->outer.form->name)));
	else if (array->n_dims > 0 && array->level == array->n_dims)
		not_rectangular(reader);
	else
	{
		if (array->level > 0)
			array->counts[array->level - 1]++;
		array->counts[array->level] = 0;
		array->level++;
		array->deepest = Max(array->deepest, array->level);
	}
}

static void
close_bracket(Reader *reader, ArrayReader *array)
{
	int			level = --array->level;
	GmmArray   *view;

	/* The first array of a level says how long the others must be */
	if (array->dims[level] < 0)
		array->dims[level] = array->counts[level];
	else if (array->dims[level] != array->counts[level])
		not_rectangular(reader);
	if (level > 0)
		return;

	view = PLACE(GmmArray, &reader->outer);
	view->name = reader->outer.field->name;
	view->n_dims = array->deepest;
	for (int i = 0; i < array->deepest; i++)
		view->dims[i] = Max(array->dims[i], 0);
	view->values = array->values;
}

/* --- numbers --- */

/*
 * Convert the number token that is the current key's value, as float8 does.
 * False is returned after a soft error, here and below.
 */
static bool
read_double(Reader *reader, const char *token, double *value)
{
	errno = 0;
	*value = strtod(token, NULL);
	if (errno == ERANGE && (*value == 0.0 || isinf(*value)))
		reader_error(reader,
					 (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					  errmsg("a number in \"%s\" of a %s is out of range for type double precision",
							 reader->object->field->name, reader->object->form->name)));
	return !reader->failed;
}

/* Convert one that must be an integer from -max to max. */
static bool
read_integer(Reader *reader, const char *token, int64 max, int64 *value)
{
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(token, &end, 10);
	if (*end != '\0')
		wrong_kind(reader);
	else if (errno == ERANGE || number > max || number < -max)
		reader_error(reader,
					 (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					  errmsg("\"%s\" of a %s is out of range",
							 reader->object->field->name, reader->object->form->name)));
	*value = number;
	return !reader->failed;
}

/* Take a number inside of an array. */
static void
read_array_number(Reader *reader, ArrayReader *array, const char *token)
{
	double		value;

	if (array->n_dims == 0)
		array->n_dims = array->level;
	if (array->level != array->n_dims || array->deepest != array->n_dims)
	{
		not_rectangular(reader);
		return;
	}
	if (!read_double(reader, token, &value))
		return;

	if (array->n_values == array->max_values)
	{
		if (array->n_values >= MIXTURE_MAX_VALUES)
		{
			reader_error(reader,
						 (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						  errmsg("\"%s\" of a %s has more than %d values",
								 reader->outer.field->name, reader->outer.form->name,
								 MIXTURE_MAX_VALUES)));
			return;
		}
		array->max_values *= 2;
		array->values = (double *)
			repalloc(array->values, array->max_values * sizeof(double));
	}
	array->values[array->n_values++] = value;
	array->counts[array->level - 1]++;
}

/* Take a number that is the value of the current key. */
static void
read_number(Reader *reader, const char *token)
{
	ObjectReader *object = reader->object;
	int64		value;

	switch (object->field->kind)
	{
		case GMM_FIELD_INT32:
			if (read_integer(reader, token, PG_INT32_MAX, &value))
				*PLACE(int, object) = (int) value;
			break;
		case GMM_FIELD_INT64:
			if (read_integer(reader, token, PG_INT64_MAX, &value))
				*PLACE(int64_t, object) = value;
			break;
		case GMM_FIELD_FLOAT8:
			(void) read_double(reader, token, PLACE(double, object));
			break;
		default:
			wrong_kind(reader);
			break;
	}
}

/* Take a string that is the value of the current key. */
static void
read_string(Reader *reader, char *token)
{
	ObjectReader *object = reader->object;
	const char *hint;
	bool		known;

	switch (object->field->kind)
	{
		case GMM_FIELD_FAMILY:
			known = gmm_covariance_type_parse(token, PLACE(MixtureCovarianceType, object));
			hint = GMM_COVARIANCE_TYPES_HINT;
			break;
		case GMM_FIELD_CRITERION:
			known = gmm_criterion_parse(token, PLACE(MixtureCriterion, object));
			hint = GMM_CRITERIA_HINT;
			break;
		default:
			wrong_kind(reader);
			return;
	}
	if (!known)
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("unknown %s \"%s\" in a %s", object->field->name,
							 clip(token), object->form->name),
					  errhint("%s", hint)));
}

/* Take a string inside of an array, which keeps it. */
static void
keep_string(Reader *reader, char *token)
{
	GmmJsonStrings *strings = PLACE(GmmJsonStrings, &reader->outer);

	if (strings->n == MIXTURE_MAX_DIMENSIONS)
	{
		reader_error(reader,
					 (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					  errmsg("\"%s\" of a %s has more than %d elements",
							 reader->outer.field->name, reader->outer.form->name,
							 strings->n)));
		return;
	}
	if (strings->n == strings->max)
	{
		strings->max = Max(16, 2 * strings->max);
		strings->strings = strings->strings == NULL ?
			(char **) palloc(strings->max * sizeof(char *)) :
			(char **) repalloc(strings->strings, strings->max * sizeof(char *));
	}
	strings->strings[strings->n++] = token;
}

/* --- the parser's events --- */

/* { */
static GmmJsonAction
read_object_start(void *state)
{
	Reader	   *reader = (Reader *) state;

	if (reader->object == NULL)
		reader->object = &reader->outer;
	else if (reader->object == &reader->outer && reader->in_elements &&
			 reader->outer.field->kind == GMM_FIELD_RECORDS)
	{
		ObjectReader *element = &reader->element;

		reader->object = element;
		element->field = NULL;
		element->seen = 0;
		memset(element->record, 0, element->form->size);
	}
	else
		wrong_kind(reader);
	GMM_JSON_ACTION_END(reader->failed);
}

/* Keep an element that is complete. */
static void
keep_element(Reader *reader)
{
	const ObjectReader *element = &reader->element;
	GmmJsonRecords *records = PLACE(GmmJsonRecords, &reader->outer);
	size_t		size = element->form->size;
	GmmFieldGroup group;
	const char *missing = gmm_json_missing(element->form, element->seen,
										   GMM_GROUP_REQUIRED, &group);

	if (missing != NULL)
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("key \"%s\" is missing in a %s", missing,
							 element->form->name),
					  keys_hint(element->form)));
	else if (records->n == reader->outer.form->most_elements)
		reader_error(reader,
					 (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					  errmsg("\"%s\" of a %s has more than %d elements",
							 reader->outer.field->name, reader->outer.form->name,
							 records->n)));
	else
	{
		if (records->n == records->max)
		{
			records->max = Max(16, 2 * records->max);
			records->records = records->records == NULL ?
				(char *) palloc(records->max * size) :
				(char *) repalloc(records->records, records->max * size);
		}
		memcpy(records->records + records->n * size, element->record, size);
		records->n++;
	}
}

/* } */
static GmmJsonAction
read_object_end(void *state)
{
	Reader	   *reader = (Reader *) state;

	if (reader->object == &reader->element)
	{
		keep_element(reader);
		reader->object = &reader->outer;
	}
	GMM_JSON_ACTION_END(reader->failed);
}

/* a key */
static GmmJsonAction
read_key(void *state, char *name, bool isnull)
{
	Reader	   *reader = (Reader *) state;
	ObjectReader *object = reader->object;
	const GmmFields *keys = object->form->keys;
	int			key = 0;

	while (key < keys->n_fields && strcmp(name, keys->fields[key].name) != 0)
		key++;
	if (key == keys->n_fields)
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("unknown key \"%s\" in a %s", clip(name),
							 object->form->name),
					  keys_hint(object->form)));
	else if (object->seen & KEY_BIT(key))
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("duplicate key \"%s\" in a %s", name,
							 object->form->name)));
	else
	{
		object->field = &keys->fields[key];
		object->seen |= KEY_BIT(key);
		if (isnull)
			wrong_kind(reader);
		else if (object->field->kind == GMM_FIELD_ARRAY)
			begin_array(&reader->array);
	}
	GMM_JSON_ACTION_END(reader->failed);
}

/* [ */
static GmmJsonAction
read_array_start(void *state)
{
	Reader	   *reader = (Reader *) state;

	if (reader->object == NULL)
		not_an_object(reader);
	else if (reader->object->field->kind == GMM_FIELD_ARRAY)
		open_bracket(reader, &reader->array);
	else if ((reader->object->field->kind == GMM_FIELD_RECORDS ||
			  reader->object->field->kind == GMM_FIELD_STRINGS) && !reader->in_elements)
		reader->in_elements = true;
	else
		wrong_kind(reader);
	GMM_JSON_ACTION_END(reader->failed);
}

/* ] */
static GmmJsonAction
read_array_end(void *state)
{
	Reader	   *reader = (Reader *) state;

	if (reader->object->field->kind == GMM_FIELD_ARRAY)
		close_bracket(reader, &reader->array);
	else
		reader->in_elements = false;
	GMM_JSON_ACTION_END(reader->failed);
}

/* a string, number, true, false or null */
static GmmJsonAction
read_scalar(void *state, char *token, JsonTokenType type)
{
	Reader	   *reader = (Reader *) state;
	ObjectReader *object = reader->object;

	CHECK_FOR_INTERRUPTS();

	if (object == NULL)
		not_an_object(reader);
	else if (object->field->kind == GMM_FIELD_ARRAY)
	{
		if (type == JSON_TOKEN_NUMBER && reader->array.level > 0)
			read_array_number(reader, &reader->array, token);
		else
			wrong_kind(reader);
	}
	else if (object->field->kind == GMM_FIELD_STRINGS)
	{
		if (type != JSON_TOKEN_STRING || !reader->in_elements)
			wrong_kind(reader);
		else
		{
			keep_string(reader, token);
			token = NULL;
		}
	}
	else if (type == JSON_TOKEN_STRING)
		read_string(reader, token);
	else if (type == JSON_TOKEN_NUMBER)
		read_number(reader, token);
	else if (object->field->kind == GMM_FIELD_BOOL &&
			 (type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE))
		*PLACE(bool, object) = type == JSON_TOKEN_TRUE;
	else
		wrong_kind(reader);

	/* A large model has millions of these */
	if (token != NULL)
		pfree(token);
	GMM_JSON_ACTION_END(reader->failed);
}

/* --- from outside --- */

/*
 * Read a text into a record of the form, which the caller has set to what is
 * meant by keys that are left out; *seen is to tell the keys that were there.
 * Arrays and records are palloc'd.  Returns false after a soft error.  The
 * text is not changed, only that before 17 the parser did not promise that.
 */
bool
gmm_json_read(char *text, size_t length, const GmmJsonForm *form, void *record,
			  uint64 *seen, Node *escontext)
{
	JsonLexContext *lexer = gmm_json_lexer(text, length, GetDatabaseEncoding());
	JsonSemAction actions;
	JsonParseErrorType result;
	Reader		reader;

	memset(&reader, 0, sizeof(reader));
	reader.escontext = escontext;
	reader.outer.form = form;
	reader.outer.record = record;
	if (form->element != NULL)
	{
		reader.element.form = form->element;
		reader.element.record = palloc(form->element->size);
	}

	memset(&actions, 0, sizeof(actions));
	actions.semstate = &reader;
	actions.object_start = read_object_start;
	actions.object_end = read_object_end;
	actions.object_field_start = read_key;
	actions.array_start = read_array_start;
	actions.array_end = read_array_end;
	actions.scalar = read_scalar;

	result = pg_parse_json(lexer, &actions);
	if (reader.failed)
		return false;
	if (result != JSON_SUCCESS)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", form->name),
				 errdetail_internal("%s", json_errdetail(result, lexer))));
	*seen = reader.outer.seen;
	return true;
}

/* The groups of which a key was seen. */
int
gmm_json_groups(const GmmJsonForm *form, uint64 seen)
{
	int			groups = 0;

	for (int key = 0; key < form->keys->n_fields; key++)
		if (seen & KEY_BIT(key))
			groups |= form->keys->fields[key].group;
	return groups;
}

/* The first key of some groups that was not seen, and its group; or NULL. */
const char *
gmm_json_missing(const GmmJsonForm *form, uint64 seen, int groups,
				 GmmFieldGroup *group)
{
	for (int key = 0; key < form->keys->n_fields; key++)
	{
		const GmmField *field = &form->keys->fields[key];

		if ((field->group & groups) && !(seen & KEY_BIT(key)))
		{
			*group = field->group;
			return field->name;
		}
	}
	return NULL;
}
