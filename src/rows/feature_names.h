/*
 * feature_names.h
 *	  The names that a model has for its features.
 */
#ifndef GMM_FEATURE_NAMES_H
#define GMM_FEATURE_NAMES_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "utils/array.h"

/* Bytes of a name in the server's encoding, without the one that ends it */
#define GMM_MAX_NAME_LENGTH		255

/* Bytes of the names of n features at most */
#define GMM_NAMES_MAX_SIZE(n)	((Size) (n) * (GMM_MAX_NAME_LENGTH + 1))

/*
 * n names in the server's encoding, one behind the other, each ended by a zero
 * byte; or none, and n and size are 0.  The bytes are where they were read.
 */
typedef struct GmmFeatureNames
{
	int			n;
	int			size;			/* bytes of all */
	const char *bytes;
} GmmFeatureNames;

extern bool gmm_names_make(const char *const *strings, int n, GmmFeatureNames *names,
						   Node *escontext);
extern void gmm_names_from_array(ArrayType *array, GmmFeatureNames *names);
extern bool gmm_names_view(const char *bytes, int size, int n, GmmFeatureNames *names);
extern void gmm_names_copy(GmmFeatureNames *names, MemoryContext context);
extern void gmm_names_select(const GmmFeatureNames *names, const int *elements, int n,
							 GmmFeatureNames *selected);
extern bool gmm_names_equal(const GmmFeatureNames *a, const GmmFeatureNames *b);
extern const char *gmm_names_get(const GmmFeatureNames *names, int element);
extern const char *gmm_names_title(const GmmFeatureNames *names, int element);
extern ArrayType *gmm_names_to_array(const GmmFeatureNames *names);
extern const char *gmm_names_element(const GmmFeatureNames *names, int element);
extern const char *gmm_names_list(const GmmFeatureNames *names);
extern void gmm_names_send(StringInfo buffer, const GmmFeatureNames *names,
						   bool for_client);
extern void gmm_names_receive(StringInfo buffer, int n, bool from_client,
							  GmmFeatureNames *names);

#endif							/* GMM_FEATURE_NAMES_H */
