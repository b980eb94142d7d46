# Builds, installs and tests the extension with PostgreSQL's own rules (PGXS).
#
#	make					for the server that pg_config belongs to
#	make install			may need root
#	make installcheck		against a running server that has it installed
#	make prove_installcheck		the tests of test/t, likewise; needs prove
#	make prove_installcheck PROVE_TESTS=test/t/order.sql PROVE_FLAGS=-v
#	make unitcheck			the engine's tests; these need no server
#	make unitcheck SANITIZE=1	the same under sanitizers
#	make fuzz [SECONDS=600]		arbitrary input; needs clang
#	make dist			a release for PGXN; needs git
#
# Another server: make PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config
# All of it on a machine that has nothing: sh test/check.sh

# gmm_vector lets gmm take pgvector's types; it is a cast for each, and no C.
EXTENSION = gmm src/vector/gmm_vector
MODULE_big = gmm
DATA = src/vector/gmm_vector--1.0.sql

# PGXS sets srcdir to the directory of this file, whether make runs there or
# in one of its own (make -f /path/to/gmm/Makefile).  It does so when it is
# included, so these are expanded later.
source_files = $(sort $(patsubst $(srcdir)/%,%,$(wildcard $(addprefix $(srcdir)/,$(1)))))

# CREATE EXTENSION takes one script; its parts, each of which may use those before.
DATA_built = gmm--1.0.sql
OBJECT_SCRIPTS = $(patsubst %,$(srcdir)/src/sql/gmm_%.sql,head model order options fit \
	predict derive union cdf clusters explain pca summary compare svg stats sketch fit_table progress)

DOCS = $(call source_files,doc/*.md doc/*.sql)
OBJS = $(patsubst %.c,%.o,$(call source_files,src/*.c src/*/*.c src/*/*/*.c))
INTERNAL_HEADERS = $(addprefix $(srcdir)/,$(call source_files,src/*.h src/*/*.h src/*/*/*.h))

PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -fvisibility=hidden
SHLIB_LINK = -lm

# The registers of the x87 keep more digits than a double, or not, as the
# compiler has it; the engine counts on doubles.  (No other machine has them.)
PG_CONFIG ?= pg_config
ifneq ($(filter i386-% i486-% i586-% i686-%,$(shell $(shell $(PG_CONFIG) --cc) -dumpmachine)),)
PG_CFLAGS += -msse2 -mfpmath=sse
endif

# The engine asserts where the server does.
ifneq ($(findstring --enable-cassert,$(shell $(PG_CONFIG) --configure)),)
PG_CFLAGS += -DMIXTURE_ASSERTIONS
endif

# Every file of sql/ is a test, so that none can be forgotten here; before any
# comes the one that makes what others use.
ifeq ($(origin REGRESS),command line)
override REGRESS := test_setup $(filter-out test_setup,$(REGRESS))
else
REGRESS = test_setup $(filter-out test_setup,$(notdir $(basename $(call source_files,sql/*.sql))))
endif
REGRESS_OPTS = --load-extension=gmm

# Elsewhere than in the sources they are found by VPATH, which PGXS sets itself
# only if PostgreSQL was built elsewhere than in its own.
sources := $(patsubst %/,%,$(dir $(abspath $(firstword $(MAKEFILE_LIST)))))
ifneq ($(CURDIR),$(sources))
VPATH ?= $(sources)
endif

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The directory of documents is shared by all extensions, and any may have a
# reference.md.
docmoduledir := $(docmoduledir)/gmm
uninstall: uninstall-docs
.PHONY: uninstall-docs
uninstall-docs:
	rm -rf '$(DESTDIR)$(docdir)/$(docmoduledir)'

gmm--1.0.sql: $(OBJECT_SCRIPTS)
	cat $^ >$@

# PGXS does not follow includes: after a change of a header, build all.
$(OBJS): $(INTERNAL_HEADERS)

# Elsewhere than in the sources, their directories do not exist.  (Absolute
# names, or make would find those of the sources by VPATH.)
OBJECT_DIRECTORIES = $(addprefix $(CURDIR)/,$(sort $(dir $(OBJS))))
$(OBJS) $(OBJS:.o=.bc): | $(OBJECT_DIRECTORIES)
$(OBJECT_DIRECTORIES):
	mkdir -p $@

# What pg_regress cannot say: properties, references, whole servers; as TAP.
PROVE_TESTS = $(filter-out %/tap.sh,$(call source_files,test/t/*.sql test/t/*.sh))
.PHONY: prove_installcheck
prove_installcheck:
	cd $(srcdir) && PATH="$(bindir):$$PATH" $(or $(PROVE),prove) $(PROVE_FLAGS) \
		--exec 'sh test/run.sh' $(PROVE_TESTS)

.PHONY: unitcheck
unitcheck:
	$(MAKE) -C $(srcdir)/test/unit check

.PHONY: fuzz
fuzz:
	$(MAKE) -C $(srcdir)/test/fuzz run PG_CONFIG=$(PG_CONFIG)

# A release, as PGXN takes it: what is committed, under its name and version,
# but for what is for continuous integration and for git.
DISTVERSION = $(shell sed -n 's/^   "version": "\(.*\)",/\1/p' $(srcdir)/META.json)
.PHONY: dist
dist:
	git -C $(srcdir) archive --format=zip --prefix=gmm-$(DISTVERSION)/ \
		-o $(CURDIR)/gmm-$(DISTVERSION).zip HEAD -- . ':!/.ci' ':!/.gitignore'

clean: clean-tests
.PHONY: clean-tests
clean-tests:
	$(MAKE) -C $(srcdir)/test/unit clean
	$(MAKE) -C $(srcdir)/test/fuzz clean
