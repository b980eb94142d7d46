/*
 * feature_names.c
 *	  The names that a model has for its features.
 *
 * A row is an array, and the engine knows its elements by their numbers.  Names
 * are for readers: of messages, of explanations, of pictures.  They are kept as
 * bytes one behind the other, so that they can be part of a flat value.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "engine/engine.h"
#include "rows/array_arguments.h"
#include "rows/feature_names.h"

/* Names that a message lists */
#define MOST_LISTED		16

/* A name with its place, from 0, for sorting */
typedef struct PlacedName
{
	const char *name;
	int			place;
} PlacedName;

static int
compare_names(const void *a, const void *b)
{
	const PlacedName *first = (const PlacedName *) a;
	const PlacedName *second = (const PlacedName *) b;
	int			result = strcmp(first->name, second->name);

	return result != 0 ? result : first->place - second->place;
}

/* Check that no two of the names are the same. */
static bool
check_distinct(const char *const *strings, int n, Node *escontext)
{
	PlacedName *sorted = (PlacedName *) palloc(n * sizeof(PlacedName));

	for (int i = 0; i < n; i++)
	{
		sorted[i].name = strings[i];
		sorted[i].place = i;
	}
	qsort(sorted, n, sizeof(PlacedName), compare_names);
	for (int i = 1; i < n; i++)
		if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("features %d and %d have the same name \"%s\"",
							sorted[i - 1].place + 1, sorted[i].place + 1,
							sorted[i].name)));
	pfree(sorted);
	return true;
}

/*
 * Make names of n strings, at most MIXTURE_MAX_DIMENSIONS, in the server's
 * encoding; palloc'd.  They must not be empty, not too long, and distinct.
 * Errors go to escontext; false is returned where that makes them soft.
 */
bool
gmm_names_make(const char *const *strings, int n, GmmFeatureNames *names,
			   Node *escontext)
{
	char	   *next;

	memset(names, 0, sizeof(GmmFeatureNames));
	if (n == 0)
		return true;
	for (int i = 0; i < n; i++)
	{
		Size		length = strlen(strings[i]);

		if (length == 0)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the name of feature %d must not be empty", i + 1)));
		if (length > GMM_MAX_NAME_LENGTH)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the name of feature %d is too long", i + 1),
					 errdetail("It has %zu bytes, the limit is %d.", length,
							   GMM_MAX_NAME_LENGTH)));
		names->size += (int) length + 1;
	}
	if (!check_distinct(strings, n, escontext))
		return false;

	names->n = n;
	next = (char *) palloc(names->size);
	names->bytes = next;
	for (int i = 0; i < n; i++)
	{
		Size		size = strlen(strings[i]) + 1;

		memcpy(next, strings[i], size);
		next += size;
	}
	return true;
}

/* The names that a text[] has; none if it is empty. */
void
gmm_names_from_array(ArrayType *array, GmmFeatureNames *names)
{
	int			n;
	const char **strings = gmm_text_array(array, "features", MIXTURE_MAX_DIMENSIONS, &n);

	(void) gmm_names_make(strings, n, names, NULL);
}

/*
 * View bytes that are to be n names, or none if size is 0; false if they are
 * not.  What may be in a name is not looked at.
 */
bool
gmm_names_view(const char *bytes, int size, int n, GmmFeatureNames *names)
{
	int			found = 0;

	memset(names, 0, sizeof(GmmFeatureNames));
	if (size == 0)
		return true;
	for (int i = 0; i < size; i++)
		found += bytes[i] == '\0';
	if (found != n || bytes[size - 1] != '\0')
		return false;
	names->n = n;
	names->size = size;
	names->bytes = bytes;
	return true;
}

/* Let the names have their bytes in a context of their own. */
void
gmm_names_copy(GmmFeatureNames *names, MemoryContext context)
{
	char	   *copy;

	if (names->n == 0)
		return;
	copy = (char *) MemoryContextAlloc(context, names->size);
	memcpy(copy, names->bytes, names->size);
	names->bytes = copy;
}

/* The names of n elements, counted from 0, each at most once; palloc'd. */
void
gmm_names_select(const GmmFeatureNames *names, const int *elements, int n,
				 GmmFeatureNames *selected)
{
	const char *name = names->bytes;
	const char **all;
	const char **strings;

	memset(selected, 0, sizeof(GmmFeatureNames));
	if (names->n == 0)
		return;
	all = (const char **) palloc((names->n + (Size) n) * sizeof(char *));
	strings = all + names->n;
	for (int i = 0; i < names->n; i++)
	{
		all[i] = name;
		name += strlen(name) + 1;
	}
	for (int i = 0; i < n; i++)
		strings[i] = all[elements[i]];
	(void) gmm_names_make(strings, n, selected, NULL);
	pfree(all);
}

/* Whether names are the same, in the same order. */
bool
gmm_names_equal(const GmmFeatureNames *a, const GmmFeatureNames *b)
{
	return a->size == b->size &&
		(a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* The name of an element, counted from 0; NULL if it has none. */
const char *
gmm_names_get(const GmmFeatureNames *names, int element)
{
	const char *name;

	if (names == NULL || element < 0 || element >= names->n)
		return NULL;
	name = names->bytes;
	for (int i = 0; i < element; i++)
		name += strlen(name) + 1;
	return name;
}

/*
 * What a feature, counted from 0, is called where no number stands beside it: by its
 * name, or its number from 1.
 */
const char *
gmm_names_title(const GmmFeatureNames *names, int element)
{
	const char *name = gmm_names_get(names, element);

	return name != NULL ? name : psprintf("feature %d", element + 1);
}

/* The names as a text[]; of none an empty one. */
ArrayType *
gmm_names_to_array(const GmmFeatureNames *names)
{
	Datum	   *elements = (Datum *) palloc(names->n * sizeof(Datum));
	const char *name = names->bytes;

	for (int i = 0; i < names->n; i++)
	{
		elements[i] = CStringGetTextDatum(name);
		name += strlen(name) + 1;
	}
	return construct_array(elements, names->n, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * An element, counted from 0, as messages name it: its number from 1, and its
 * name, if it has one; palloc'd.  names may be NULL.
 */
const char *
gmm_names_element(const GmmFeatureNames *names, int element)
{
	const char *name = gmm_names_get(names, element);

	return name == NULL ? psprintf("%d", element + 1) :
		psprintf("%d (%s)", element + 1, name);
}

/* The names as a message lists them, those beyond some left out; palloc'd. */
const char *
gmm_names_list(const GmmFeatureNames *names)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < Min(names->n, MOST_LISTED); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", gmm_names_get(names, i));
	if (names->n > MOST_LISTED)
		appendStringInfoString(&list, ", ...");
	return list.data;
}

/*
 * Send each name behind its length as int32, in the client's encoding or in the
 * server's.
 */
void
gmm_names_send(StringInfo buffer, const GmmFeatureNames *names, bool for_client)
{
	const char *name = names->bytes;

	for (int i = 0; i < names->n; i++)
	{
		int			length = (int) strlen(name);
		char	   *sent = for_client ? pg_server_to_client(name, length) :
			unconstify(char *, name);
		int			sent_length = (int) strlen(sent);

		pq_sendint32(buffer, sent_length);
		appendBinaryStringInfo(buffer, sent, sent_length);
		if (sent != name)
			pfree(sent);
		name += length + 1;
	}
}

/*
 * Receive n names, each behind its length and in the client's encoding, which
 * the server converts to its own, or in that.  What is no text is refused, and
 * so is a zero byte, which is in no text.
 */
void
gmm_names_receive(StringInfo buffer, int n, bool from_client, GmmFeatureNames *names)
{
	const char **strings = (const char **) palloc(n * sizeof(char *));

	for (int i = 0; i < n; i++)
	{
		int			sent = (int32) pq_getmsgint(buffer, 4);
		int			length;

		if (sent < 0 || sent > buffer->len - buffer->cursor)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid length %d of the name of feature %d", sent, i + 1)));
		if (from_client)
			strings[i] = pq_getmsgtext(buffer, sent, &length);
		else
		{
			const char *name = pq_getmsgbytes(buffer, sent);

			(void) pg_verify_mbstr(GetDatabaseEncoding(), name, sent, false);
			strings[i] = pnstrdup(name, sent);
		}
	}
	(void) gmm_names_make(strings, n, names, NULL);
	pfree(strings);
}
