/*
 * gmm.c
 *	  The module itself: magic.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
