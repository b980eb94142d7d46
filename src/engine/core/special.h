/*
 * special.h
 *	  Functions of the normal and the chi-square distribution.
 */
#ifndef GMM_ENGINE_SPECIAL_H
#define GMM_ENGINE_SPECIAL_H

extern double special_chi_square_tail(double x, int d);
extern double special_chi_density(double r, int d);
extern double special_normal_quantile(double p);

#endif							/* GMM_ENGINE_SPECIAL_H */
