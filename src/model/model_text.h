/*
 * model_text.h
 *	  The parameters of a mixture as JSON, which the text form of a gmm_stats
 *	  has too.
 */
#ifndef GMM_MODEL_TEXT_H
#define GMM_MODEL_TEXT_H

#include "model/json_reader.h"

/* What is read of them */
typedef struct GmmParametersText
{
	int			k;				/* as the text says, or GMM_NOT_SAID */
	int			d;
	MixtureCovarianceType covariance_type;
	GmmArray	weights;
	GmmArray	means;
	GmmArray	covariances;
	GmmNoise	noise;			/* weight NaN, arrays without a name: not there */
	GmmJsonStrings features;	/* their names */
} GmmParametersText;

#define GMM_NOT_SAID	PG_INT32_MIN

/* Their keys, in a record that has them as its member `parameters` */
#define GMM_PARAMETERS_KEYS(record) \
	{"k", GMM_FIELD_INT32, offsetof(record, parameters.k), GMM_GROUP_OPTIONAL}, \
	{"d", GMM_FIELD_INT32, offsetof(record, parameters.d), GMM_GROUP_OPTIONAL}, \
	{"features", GMM_FIELD_STRINGS, offsetof(record, parameters.features), \
		GMM_GROUP_OPTIONAL}, \
	{"covariance_type", GMM_FIELD_FAMILY, \
		offsetof(record, parameters.covariance_type), GMM_GROUP_OPTIONAL}, \
	{"weights", GMM_FIELD_ARRAY, offsetof(record, parameters.weights), GMM_GROUP_REQUIRED}, \
	{"means", GMM_FIELD_ARRAY, offsetof(record, parameters.means), GMM_GROUP_REQUIRED}, \
	{"covariances", GMM_FIELD_ARRAY, offsetof(record, parameters.covariances), \
		GMM_GROUP_REQUIRED}, \
	{"noise_weight", GMM_FIELD_FLOAT8, offsetof(record, parameters.noise.weight), \
		GMM_GROUP_OPTIONAL}, \
	{"noise_least", GMM_FIELD_ARRAY, offsetof(record, parameters.noise.least), \
		GMM_GROUP_OPTIONAL}, \
	{"noise_most", GMM_FIELD_ARRAY, offsetof(record, parameters.noise.most), \
		GMM_GROUP_OPTIONAL}

extern void gmm_parameters_text_init(GmmParametersText *text);
extern GmmModel *gmm_parameters_text_model(const GmmParametersText *text,
										   const char *type, const GmmFitInfo *info,
										   Node *escontext);
extern void gmm_text_append_parameters(StringInfo text,
									   const MixtureParameters *parameters,
									   const GmmFeatureNames *names);

#endif							/* GMM_MODEL_TEXT_H */
