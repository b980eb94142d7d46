/*
 * json_writer.h
 *	  JSON of numbers and arrays of them, appended to a text.
 */
#ifndef GMM_JSON_WRITER_H
#define GMM_JSON_WRITER_H

#include "lib/stringinfo.h"

#include "engine/engine.h"

extern void gmm_json_append_double(StringInfo text, double value);
extern void gmm_json_append_vector(StringInfo text, const double *values, int n);
extern void gmm_json_append_rows(StringInfo text, const double *values, int n, int d);
extern void gmm_json_append_covariances(StringInfo text, MixtureCovarianceType type,
										int k, int d, const double *values);

#endif							/* GMM_JSON_WRITER_H */
