EXTENSION = gmm
MODULE_big = gmm
DATA = src/gmm--1.0.sql
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/engine/*.c))
HEADERS_INTERNAL = $(wildcard src/*.h src/engine/*.h)

PG_CPPFLAGS = -I$(srcdir)/src
SHLIB_LINK = -lm

REGRESS = model options fit score
REGRESS_OPTS = --load-extension=gmm

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(HEADERS_INTERNAL)
