/*
 * model_choice.h
 *	  What gmm_fit_best tried, as a gmm_model stores it and as text, binary
 *	  and rows have it.
 */
#ifndef GMM_MODEL_CHOICE_H
#define GMM_MODEL_CHOICE_H

#include "common/jsonapi.h"
#include "lib/stringinfo.h"

#include "model/model.h"

/*
 * The reader of the JSON array of trials; model_text.c hands it the parser's
 * events between the array's brackets.  Functions return false after they
 * saved an error in escontext.
 */
typedef struct GmmTrialReader
{
	Node	   *escontext;
	bool		in_array;
	bool		in_trial;
	int			key;			/* whose value is being read */
	uint32		seen;			/* bits of the trial's keys so far */
	GmmTrial	trial;			/* the one being read */
	int			n_trials;
	int			max_trials;		/* allocated */
	GmmTrial   *trials;
} GmmTrialReader;

extern bool gmm_trial_reader_array_start(GmmTrialReader *reader);
extern bool gmm_trial_reader_object_start(GmmTrialReader *reader);
extern bool gmm_trial_reader_key(GmmTrialReader *reader, const char *name);
extern bool gmm_trial_reader_scalar(GmmTrialReader *reader, const char *token,
									JsonTokenType type);
extern bool gmm_trial_reader_object_end(GmmTrialReader *reader);

extern void gmm_trials_append(StringInfo text, const GmmModel *model);
extern void gmm_trials_send(StringInfo buffer, const GmmModel *model);
extern const GmmTrial *gmm_trials_receive(StringInfo buffer, int n_trials);
extern bool gmm_trials_check(const MixtureParameters *parameters,
							 const GmmFitInfo *info, Node *escontext);
extern bool gmm_entropy_possible(double entropy, double sum_weights, int k);

extern const char *gmm_criterion_name(MixtureCriterion criterion);
extern bool gmm_criterion_parse(const char *name, MixtureCriterion *criterion);

/* Bytes of a trial in the binary form of a model */
#define GMM_TRIAL_SENT_BYTES	(2 + 2 * sizeof(double) + 5 * sizeof(int32))

#define GMM_CRITERIA_HINT		"Known are bic, aic and icl."

#endif							/* GMM_MODEL_CHOICE_H */
