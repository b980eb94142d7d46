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

/* A kind of JSON object, and of the record that it is read into */
typedef struct GmmJsonForm
{
	const char *name;			/* of the SQL type, or what an element is */
	const GmmFields *keys;		/* at most 64; kinds below GMM_FIELD_CRITERION,
								 * and one GMM_FIELD_RECORDS, at the outermost
								 * level only */
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
