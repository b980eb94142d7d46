/*
 * array_arguments.h
 *	  Arguments that are an array of integers or of texts.
 */
#ifndef GMM_ARRAY_ARGUMENTS_H
#define GMM_ARRAY_ARGUMENTS_H

#include "utils/array.h"

extern const int32 *gmm_integer_array(ArrayType *array, const char *name, int *n);
extern const char **gmm_text_array(ArrayType *array, const char *name, int most, int *n);
extern int	gmm_dimension(const char *name, int dimension, int d);
extern int	gmm_dimension_array(ArrayType *array, int d, int most, int *dims);

#endif							/* GMM_ARRAY_ARGUMENTS_H */
