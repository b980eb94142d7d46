/*
 * compat.h
 *	  Differences between PostgreSQL 13 and 18, and nothing else.
 */
#ifndef GMM_COMPAT_H
#define GMM_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 130000
#error "gmm requires PostgreSQL 13 or later"
#endif

#endif							/* GMM_COMPAT_H */
