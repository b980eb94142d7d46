/*
 * model_text.c
 *	  Reading the text form of a gmm_model, and that of a gmm_stats, which is
 *	  a model with the sums that were made with it.
 *
 * The text is read by PostgreSQL's JSON parser as a stream of events and not
 * as a tree: a model may be larger than a jsonb can be, and nothing is
 * allocated that the input did not pay for.  The keys may come in any order,
 * so the arrays are collected with the shapes that they turn out to have and
 * compared with each other in the end.
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
#include "model/model.h"
#include "stats/stats.h"
#include "model/model_choice.h"

/* The keys of the text forms, in the order in which they are written. */
typedef enum ModelKey
{
	KEY_K = 0,
	KEY_D,
	KEY_COVARIANCE_TYPE,
	KEY_WEIGHTS,
	KEY_MEANS,
	KEY_COVARIANCES,
	KEY_N_ROWS,
	KEY_SUM_WEIGHTS,
	KEY_LOG_LIKELIHOOD,
	KEY_ITERATIONS,
	KEY_CONVERGED,
	KEY_N_STARTS,
	KEY_N_BEST_STARTS,
	KEY_ENTROPY,
	KEY_REG_COVAR,
	KEY_N_INCOMPLETE,
	KEY_N_RESEEDED,
	KEY_CRITERION,
	KEY_TRIALS,
	/* of a gmm_stats only */
	KEY_COMPONENT_WEIGHTS,
	KEY_FIRSTS,
	KEY_SECONDS
} ModelKey;

#define N_KEYS			(KEY_SECONDS + 1)
#define N_ARRAYS		6
#define KEY_BIT(key)	(1U << (key))

/* What a fit knows is known as a whole: all of these keys or none. */
#define FIT_KEYS		(KEY_BIT(KEY_ENTROPY) - KEY_BIT(KEY_N_ROWS))

/* What it may know beside; where there are no trials, there was no criterion. */
#define MORE_FIT_KEYS	(KEY_BIT(KEY_CRITERION) - KEY_BIT(KEY_ENTROPY))
#define CHOICE_KEYS		(KEY_BIT(KEY_CRITERION) | KEY_BIT(KEY_TRIALS))

#define MODEL_KEYS		(KEY_BIT(KEY_COMPONENT_WEIGHTS) - 1)
#define PARAMETER_KEYS \
	(KEY_BIT(KEY_WEIGHTS) | KEY_BIT(KEY_MEANS) | KEY_BIT(KEY_COVARIANCES))
#define STATS_REQUIRED_KEYS \
	(PARAMETER_KEYS | KEY_BIT(KEY_N_ROWS) | KEY_BIT(KEY_SUM_WEIGHTS) | \
	 KEY_BIT(KEY_LOG_LIKELIHOOD) | KEY_BIT(KEY_COMPONENT_WEIGHTS) | \
	 KEY_BIT(KEY_FIRSTS) | KEY_BIT(KEY_SECONDS))
#define STATS_KEYS \
	(STATS_REQUIRED_KEYS | KEY_BIT(KEY_K) | KEY_BIT(KEY_D) | \
	 KEY_BIT(KEY_COVARIANCE_TYPE))

static const char *const key_names[N_KEYS] = {
	"k", "d", "covariance_type", "weights", "means", "covariances",
	"n_rows", "sum_weights", "log_likelihood", "iterations", "converged",
	"n_starts", "n_best_starts", "entropy", "reg_covar", "n_incomplete",
	"n_reseeded", "criterion", "trials", "component_weights", "firsts", "seconds"
};

#define KNOWN_KEYS_HINT \
	"Known keys are k, d, covariance_type, weights, means, covariances, " \
	"n_rows, sum_weights, log_likelihood, iterations, converged, n_starts, " \
	"n_best_starts, entropy, reg_covar, n_incomplete, n_reseeded, criterion " \
	"and trials."
#define FIT_KEYS_HINT \
	"The keys n_rows, sum_weights, log_likelihood, iterations, converged, " \
	"n_starts and n_best_starts are given together or not at all."
#define CHOICE_KEYS_HINT \
	"The keys criterion and trials are given together or not at all."

#define STATS_KEYS_HINT \
	"Known keys are k, d, covariance_type, weights, means, covariances, " \
	"n_rows, sum_weights, log_likelihood, component_weights, firsts and seconds."

/* What a text may be of. */
typedef struct TextForm
{
	const char *type;			/* the SQL type */
	uint32		keys;			/* KEY_BIT of those allowed */
	uint32		required;
	const char *known_hint;
	const char *required_hint;
	const char *example;
} TextForm;

static const TextForm model_form = {
	"gmm_model", MODEL_KEYS, PARAMETER_KEYS, KNOWN_KEYS_HINT,
	"The keys weights, means and covariances are required.",
	"An example is {\"weights\": [0.5, 0.5], \"means\": [[0], [5]], \"covariances\": [[[1]], [[1]]]}."
};

static const TextForm stats_form = {
	"gmm_stats", STATS_KEYS, STATS_REQUIRED_KEYS, STATS_KEYS_HINT,
	"All keys but k, d and covariance_type are required.",
	"The aggregate gmm_accumulate makes it."
};

/* Bytes of a user's string that a message repeats */
#define MAX_QUOTED_BYTES	64

/* A JSON array of numbers while it is being read. */
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

/* The state of the JSON parser's semantic actions. */
typedef struct ModelReader
{
	const TextForm *form;
	Node	   *escontext;
	bool		failed;			/* a soft error was saved */
	bool		in_object;
	ModelKey	key;			/* whose value is being read */
	uint32		seen;			/* KEY_BIT of the keys so far */

	int64		k;
	int64		d;
	MixtureCovarianceType covariance_type;
	ArrayReader arrays[N_ARRAYS];	/* by array_number() */
	GmmTrialReader trials;
	GmmFitInfo	info;
} ModelReader;

/*
 * Save an error about the text and let the parser stop.  The rest are the
 * arguments of ereport().
 */
#define reader_error(reader, ...) \
	do { \
		(reader)->failed = true; \
		errsave((reader)->escontext, __VA_ARGS__); \
	} while (0)

/* Cut a user's string to a length fit for a message. */
static char *
clip(char *string)
{
	int			length = (int) strlen(string);

	if (length > MAX_QUOTED_BYTES)
		string[pg_mbcliplen(string, length, MAX_QUOTED_BYTES)] = '\0';
	return string;
}

/* The place of a key's value among the arrays, or -1 if it is none. */
static int
array_number(ModelKey key)
{
	if (key >= KEY_WEIGHTS && key <= KEY_COVARIANCES)
		return key - KEY_WEIGHTS;
	if (key >= KEY_COMPONENT_WEIGHTS && key <= KEY_SECONDS)
		return key - KEY_COMPONENT_WEIGHTS + 3;
	return -1;
}

/* The reader of the array that is the value of the current key, or NULL. */
static ArrayReader *
current_array(ModelReader *reader)
{
	int			number = array_number(reader->key);

	return number < 0 ? NULL : &reader->arrays[number];
}

/* Complain that the current key's value is not of the kind that it must be. */
static void
wrong_kind(ModelReader *reader)
{
	const char *kind;

	switch (reader->key)
	{
		case KEY_COVARIANCE_TYPE:
		case KEY_CRITERION:
			kind = "a string";
			break;
		case KEY_WEIGHTS:
		case KEY_MEANS:
		case KEY_COVARIANCES:
		case KEY_COMPONENT_WEIGHTS:
		case KEY_FIRSTS:
		case KEY_SECONDS:
			kind = "an array of numbers";
			break;
		case KEY_SUM_WEIGHTS:
		case KEY_LOG_LIKELIHOOD:
		case KEY_ENTROPY:
		case KEY_REG_COVAR:
			kind = "a number";
			break;
		case KEY_CONVERGED:
			kind = "true or false";
			break;
		default:
			kind = "an integer";
			break;
	}
	reader_error(reader,
				 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				  errmsg("\"%s\" of a %s must be %s",
						 key_names[reader->key], reader->form->type, kind)));
}

/* Complain that the text is JSON, but not an object. */
static void
not_an_object(ModelReader *reader)
{
	reader_error(reader,
				 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				  errmsg("a %s must be a JSON object", reader->form->type),
				  errhint("%s", reader->form->example)));
}

/* Complain that the arrays inside an array differ in length or depth. */
static void
not_rectangular(ModelReader *reader)
{
	reader_error(reader,
				 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				  errmsg("\"%s\" of a %s must be a rectangular array of numbers",
						 key_names[reader->key], reader->form->type),
				  errdetail("The arrays inside of it differ in length or depth.")));
}

/* JSON parser: { */
static GmmJsonAction
read_object_start(void *state)
{
	ModelReader *reader = (ModelReader *) state;

	if (reader->in_object && reader->key == KEY_TRIALS)
		reader->failed = !gmm_trial_reader_object_start(&reader->trials);
	else if (reader->in_object)
		wrong_kind(reader);
	reader->in_object = true;
	GMM_JSON_ACTION_END(reader->failed);
}

/* JSON parser: } */
static GmmJsonAction
read_object_end(void *state)
{
	ModelReader *reader = (ModelReader *) state;

	if (reader->trials.in_trial)
		reader->failed = !gmm_trial_reader_object_end(&reader->trials);
	GMM_JSON_ACTION_END(reader->failed);
}

/* JSON parser: a key */
static GmmJsonAction
read_key(void *state, char *name, bool isnull)
{
	ModelReader *reader = (ModelReader *) state;
	int			key = 0;

	while (key < N_KEYS && (!(reader->form->keys & KEY_BIT(key)) ||
							strcmp(name, key_names[key]) != 0))
		key++;
	if (reader->trials.in_trial)
		reader->failed = !gmm_trial_reader_key(&reader->trials, name);
	else if (key == N_KEYS)
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("unknown key \"%s\" in a %s", clip(name),
							 reader->form->type),
					  errhint("%s", reader->form->known_hint)));
	else if (reader->seen & KEY_BIT(key))
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("duplicate key \"%s\" in a %s", name,
							 reader->form->type)));
	else
	{
		reader->key = (ModelKey) key;
		reader->seen |= KEY_BIT(key);
		if (isnull)
			wrong_kind(reader);
	}
	GMM_JSON_ACTION_END(reader->failed);
}

/* JSON parser: [ */
static GmmJsonAction
read_array_start(void *state)
{
	ModelReader *reader = (ModelReader *) state;
	ArrayReader *array;

	if (!reader->in_object)
		not_an_object(reader);
	else if (reader->key == KEY_TRIALS)
		reader->failed = !gmm_trial_reader_array_start(&reader->trials);
	else if ((array = current_array(reader)) == NULL)
		wrong_kind(reader);
	else if (array->level == GMM_ARRAY_MAX_DIMS)
		reader_error(reader,
					 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					  errmsg("\"%s\" of a %s is nested too deeply",
							 key_names[reader->key], reader->form->type)));
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
	GMM_JSON_ACTION_END(reader->failed);
}

/* JSON parser: ] */
static GmmJsonAction
read_array_end(void *state)
{
	ModelReader *reader = (ModelReader *) state;
	ArrayReader *array = current_array(reader);

	/* Not the one of the trials, whose elements are counted elsewhere */
	if (array != NULL)
	{
		int			level = --array->level;

		/* The first array of a level says how long the others must be */
		if (array->dims[level] < 0)
			array->dims[level] = array->counts[level];
		else if (array->dims[level] != array->counts[level])
			not_rectangular(reader);
	}
	GMM_JSON_ACTION_END(reader->failed);
}

/*
 * Convert the number token that is the value of a key in the text form of a
 * type, as float8 does.  False
 * is returned after a soft error, here and below.
 */
bool
gmm_text_read_double(const char *type, const char *name, const char *token,
					 double *value, Node *escontext)
{
	errno = 0;
	*value = strtod(token, NULL);
	if (errno == ERANGE && (*value == 0.0 || isinf(*value)))
		ereturn(escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a number in \"%s\" of a %s is out of range for type double precision",
						name, type)));
	return true;
}

/* Convert one that must be an integer from -max to max. */
bool
gmm_text_read_integer(const char *type, const char *name, const char *token,
					  int64 max, int64 *value, Node *escontext)
{
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(token, &end, 10);
	if (*end != '\0')
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"%s\" of a %s must be an integer", name, type)));
	if (errno == ERANGE || number > max || number < -max)
		ereturn(escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" of a %s is out of range", name, type)));
	*value = number;
	return true;
}

/* The same for the current key. */
static bool
read_double(ModelReader *reader, const char *token, double *value)
{
	if (!gmm_text_read_double(reader->form->type, key_names[reader->key], token, value,
							  reader->escontext))
		reader->failed = true;
	return !reader->failed;
}

static int64
read_integer(ModelReader *reader, const char *token, int64 max)
{
	int64		value = 0;

	if (!gmm_text_read_integer(reader->form->type, key_names[reader->key], token,
							   max, &value, reader->escontext))
		reader->failed = true;
	return value;
}

/* Take a number inside of an array. */
static void
read_array_number(ModelReader *reader, ArrayReader *array, const char *token)
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
								 key_names[reader->key], reader->form->type,
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
read_number(ModelReader *reader, const char *token)
{
	GmmFitInfo *info = &reader->info;

	switch (reader->key)
	{
		case KEY_K:
			reader->k = read_integer(reader, token, PG_INT32_MAX);
			break;
		case KEY_D:
			reader->d = read_integer(reader, token, PG_INT32_MAX);
			break;
		case KEY_N_ROWS:
			info->n_rows = read_integer(reader, token, PG_INT64_MAX);
			break;
		case KEY_SUM_WEIGHTS:
			(void) read_double(reader, token, &info->sum_weights);
			break;
		case KEY_LOG_LIKELIHOOD:
			(void) read_double(reader, token, &info->log_likelihood);
			break;
		case KEY_ITERATIONS:
			info->iterations = (int32) read_integer(reader, token, PG_INT32_MAX);
			break;
		case KEY_N_STARTS:
			info->n_starts = (int32) read_integer(reader, token, PG_INT32_MAX);
			break;
		case KEY_N_BEST_STARTS:
			info->n_best_starts = (int32) read_integer(reader, token, PG_INT32_MAX);
			break;
		case KEY_ENTROPY:
			(void) read_double(reader, token, &info->entropy);
			break;
		case KEY_REG_COVAR:
			(void) read_double(reader, token, &info->reg_covar);
			break;
		case KEY_N_INCOMPLETE:
			info->n_incomplete = read_integer(reader, token, PG_INT64_MAX);
			break;
		case KEY_N_RESEEDED:
			info->n_reseeded = (int32) read_integer(reader, token, PG_INT32_MAX);
			break;
		default:
			wrong_kind(reader);
			break;
	}
}

/* Take a string that is the value of the current key. */
static void
read_string(ModelReader *reader, char *token)
{
	if (reader->key == KEY_COVARIANCE_TYPE)
	{
		if (!gmm_covariance_type_parse(token, &reader->covariance_type))
			reader_error(reader,
						 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						  errmsg("unknown covariance_type \"%s\" in a %s",
								 clip(token), reader->form->type),
						  errhint(GMM_COVARIANCE_TYPES_HINT)));
	}
	else if (reader->key == KEY_CRITERION)
	{
		if (!gmm_criterion_parse(token, &reader->info.criterion))
			reader_error(reader,
						 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						  errmsg("unknown criterion \"%s\" in a gmm_model",
								 clip(token)),
						  errhint(GMM_CRITERIA_HINT)));
	}
	else
		wrong_kind(reader);
}

/* JSON parser: a string, number, true, false or null */
static GmmJsonAction
read_scalar(void *state, char *token, JsonTokenType type)
{
	ModelReader *reader = (ModelReader *) state;
	ArrayReader *array;

	CHECK_FOR_INTERRUPTS();

	if (!reader->in_object)
		not_an_object(reader);
	else if (reader->key == KEY_TRIALS)
		reader->failed = !gmm_trial_reader_scalar(&reader->trials, token, type);
	else if ((array = current_array(reader)) != NULL)
	{
		if (type == JSON_TOKEN_NUMBER && array->level > 0)
			read_array_number(reader, array, token);
		else
			wrong_kind(reader);
	}
	else if (type == JSON_TOKEN_STRING)
		read_string(reader, token);
	else if (reader->key == KEY_CONVERGED &&
			 (type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE))
		reader->info.converged = type == JSON_TOKEN_TRUE;
	else if (type == JSON_TOKEN_NUMBER)
		read_number(reader, token);
	else
		wrong_kind(reader);

	/* A large model has millions of these */
	if (token != NULL)
		pfree(token);
	GMM_JSON_ACTION_END(reader->failed);
}

/* Start reading: nothing is known yet, covariances are full by default. */
static void
init_reader(ModelReader *reader, const TextForm *form, Node *escontext)
{
	memset(reader, 0, sizeof(ModelReader));
	reader->form = form;
	reader->escontext = escontext;
	reader->trials.escontext = escontext;
	reader->covariance_type = MIXTURE_FULL;
	gmm_fit_info_init(&reader->info);
	for (int i = 0; i < N_ARRAYS; i++)
	{
		ArrayReader *array = &reader->arrays[i];

		for (int level = 0; level < GMM_ARRAY_MAX_DIMS; level++)
			array->dims[level] = -1;

		/* A power of two, so that doubling ends at MIXTURE_MAX_VALUES */
		array->max_values = 16;
		array->values = (double *) palloc(array->max_values * sizeof(double));
	}
}

/* Parse the text into the reader; return false after a soft error. */
static bool
parse_text(ModelReader *reader, char *text, size_t length)
{
	JsonLexContext *lexer = gmm_json_lexer(text, length, GetDatabaseEncoding());
	JsonSemAction actions;
	JsonParseErrorType result;

	memset(&actions, 0, sizeof(actions));
	actions.semstate = reader;
	actions.object_start = read_object_start;
	actions.object_end = read_object_end;
	actions.object_field_start = read_key;
	actions.array_start = read_array_start;
	actions.array_end = read_array_end;
	actions.scalar = read_scalar;

	result = pg_parse_json(lexer, &actions);
	if (reader->failed)
		return false;
	if (result != JSON_SUCCESS)
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", reader->form->type),
				 errdetail_internal("%s", json_errdetail(result, lexer))));
	return true;
}

/* Check that the keys are complete. */
static bool
check_keys(const ModelReader *reader)
{
	uint32		wanted = reader->form->required;

	if (reader->form == &model_form &&
		(reader->seen & (FIT_KEYS | MORE_FIT_KEYS | CHOICE_KEYS)))
		wanted |= FIT_KEYS;
	if (reader->seen & CHOICE_KEYS)
		wanted |= CHOICE_KEYS | KEY_BIT(KEY_ENTROPY);
	for (int key = 0; key < N_KEYS; key++)
	{
		if (wanted & ~reader->seen & KEY_BIT(key))
			ereturn(reader->escontext, false,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("key \"%s\" is missing in a %s",
							key_names[key], reader->form->type),
					 KEY_BIT(key) & reader->form->required ?
					 errhint("%s", reader->form->required_hint) :
					 KEY_BIT(key) & CHOICE_KEYS ? errhint(CHOICE_KEYS_HINT) :
					 key == KEY_ENTROPY ? errhint("A model with trials has it too.") :
					 errhint(FIT_KEYS_HINT)));
	}
	if ((reader->seen & KEY_BIT(KEY_TRIALS)) && reader->trials.n_trials == 0)
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"trials\" of a gmm_model must not be empty"),
				 errhint("Leave criterion and trials out.")));
	return true;
}

/* View what was read of a key as an array. */
static void
view_array(const ModelReader *reader, ModelKey key, GmmArray *view)
{
	const ArrayReader *array = &reader->arrays[array_number(key)];

	view->name = key_names[key];
	view->n_dims = array->deepest;
	for (int i = 0; i < array->deepest; i++)
		view->dims[i] = Max(array->dims[i], 0);
	view->values = array->values;
}

/* Check that the model is of the shape that the keys k and d say. */
static bool
check_said_shape(const ModelReader *reader, const GmmModel *model)
{
	const char *name = NULL;
	int64		said = 0;
	int			found = 0;

	if ((reader->seen & KEY_BIT(KEY_K)) && reader->k != model->k)
	{
		name = "k";
		said = reader->k;
		found = model->k;
	}
	else if ((reader->seen & KEY_BIT(KEY_D)) && reader->d != model->d)
	{
		name = "d";
		said = reader->d;
		found = model->d;
	}
	if (name != NULL)
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"%s\" of a %s is " INT64_FORMAT ", but the arrays say %d",
						name, reader->form->type, said, found)));
	return true;
}

/* Make a model of what was read; NULL after a soft error. */
static GmmModel *
make_model(const ModelReader *reader, const GmmFitInfo *info)
{
	GmmArray	weights;
	GmmArray	means;
	GmmArray	covariances;
	GmmModel   *model;

	view_array(reader, KEY_WEIGHTS, &weights);
	view_array(reader, KEY_MEANS, &means);
	view_array(reader, KEY_COVARIANCES, &covariances);
	model = gmm_model_from_parts(reader->covariance_type, &weights, &means,
								 &covariances, info, reader->escontext);
	if (model == NULL || !check_said_shape(reader, model))
		return NULL;
	return model;
}

/* Free what was collected. */
static void
end_reader(ModelReader *reader)
{
	for (int i = 0; i < N_ARRAYS; i++)
		pfree(reader->arrays[i].values);
}

/*
 * Read the text form and make a model of it, palloc'd; NULL is returned
 * after a soft error.  The text is not changed, only that before 17 the
 * parser did not promise that.
 */
GmmModel *
gmm_model_parse(char *text, size_t length, Node *escontext)
{
	ModelReader reader;
	GmmModel   *model;

	init_reader(&reader, &model_form, escontext);
	if (!parse_text(&reader, text, length) || !check_keys(&reader))
		return NULL;
	reader.info.n_trials = reader.trials.n_trials;
	reader.info.trials = reader.trials.trials;
	model = make_model(&reader, reader.seen & FIT_KEYS ? &reader.info : NULL);
	end_reader(&reader);
	return model;
}

/* The same for statistics. */
GmmStats *
gmm_stats_parse(char *text, size_t length, Node *escontext)
{
	ModelReader reader;
	GmmModel   *model;
	GmmStats   *stats;
	GmmArray	component_weights;
	GmmArray	firsts;
	GmmArray	seconds;

	init_reader(&reader, &stats_form, escontext);
	if (!parse_text(&reader, text, length) || !check_keys(&reader))
		return NULL;
	model = make_model(&reader, NULL);
	if (model == NULL)
		return NULL;
	view_array(&reader, KEY_COMPONENT_WEIGHTS, &component_weights);
	view_array(&reader, KEY_FIRSTS, &firsts);
	view_array(&reader, KEY_SECONDS, &seconds);
	stats = gmm_stats_from_parts(model, &reader.info, &component_weights, &firsts,
								 &seconds, escontext);
	end_reader(&reader);
	return stats;
}
