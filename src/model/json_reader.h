/*
 * json_reader.h
 *	  Reading a JSON object whose keys a table describes.
 */
#ifndef GMM_JSON_READER_H
#define GMM_JSON_READER_H

#include "nodes/nodes.h"

#include "model/model.h"
#include "model/model_fields.h"

/* What an array of objects is read into: the value of GMM_FIELD_RECORDS. */
typedef struct GmmJsonRecords
{
	int			n;
	int			max;			/* allocated */
	char	   *records;		/* one after the other */
} GmmJsonRecords;

/* What an array of strings is read into: the value of GMM_FIELD_STRINGS. */
typedef struct GmmJsonStrings
{
	int			n;				/* at most MIXTURE_MAX_DIMENSIONS */
	int			max;			/* allocated */
	char	  **strings;		/* in the server's encoding */
} GmmJsonStrings;

/* A kind of JSON object, and of the record that it is read into */
typedef struct GmmJsonForm
{
	const char *name;			/* of the SQL type, or what an element is */
	const GmmFields *keys;		/* at most 64; kinds from GMM_FIELD_CRITERION
								 * on at the outermost level only, of which
								 * one may be GMM_FIELD_RECORDS */
	size_t		size;			/* of the record */
	const char *keys_are;		/* before the list of keys in a hint */
	const char *example;		/* a hint for what is not an object */
	const struct GmmJsonForm *element;	/* of GMM_FIELD_RECORDS */
	int			most_elements;
} GmmJsonForm;

extern bool gmm_json_read(char *text, size_t length, const GmmJsonForm *form,
						  void *record, uint64 *seen, Node *escontext);
extern int	gmm_json_groups(const GmmJsonForm *form, uint64 seen);
extern const char *gmm_json_missing(const GmmJsonForm *form, uint64 seen, int groups,
									GmmFieldGroup *group);
extern char *gmm_json_key_list(const GmmJsonForm *form, int groups);

#endif							/* GMM_JSON_READER_H */
