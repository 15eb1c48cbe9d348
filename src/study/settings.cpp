#include "study/settings.h"

#include "study/optional_json.h"

namespace dwubit {
namespace {

Json corpus_json(const Study& study) {
    return {{"calibration", study.corpus.calibration.string()},
            {"heldout", study.corpus.heldout.string()},
            {"field", study.corpus.field},
            {"bos", study.corpus.add_bos},
            {"doc_end", or_null(study.corpus.document_end)}};
}

Json perplexity_json(const StudyPerplexity& perplexity, const StudyInputs& inputs) {
    return {{"window", perplexity.window},
            {"convention", perplexity.convention},
            {"limit", or_null(perplexity.limit)},
            {"kl", perplexity.kl},
            {"act", inputs.perplexity_act}};
}

Json eval_json(const StudyEval& eval, const StudyInputs& inputs) {
    return {{"tasks", eval.tasks},          {"num_fewshot", or_null(eval.num_fewshot)},
            {"limit", or_null(eval.limit)}, {"bootstrap_iters", eval.bootstrap_iters},
            {"harness", eval.harness},      {"act", inputs.eval_act}};
}

Json methods_json(const Study& study, const StudyInputs& inputs) {
    Json methods = Json::object();
    for (std::size_t i = 0; i < study.methods.size(); ++i) {
        const StudyMethod& method = study.methods[i];
        methods[method.id] = {{"method", method.method},
                              {"recipe", inputs.methods[i].recipe},
                              {"parameters", inputs.methods[i].parameters},
                              {"layers", or_null(method.layers)}};
    }
    return methods;
}

}  // namespace

Json settings_json(const Study& study, const StudyInputs& inputs) {
    return {{"model", study.model.string()},
            {"seed", study.seed},
            {"device", inputs.device},
            {"corpus", corpus_json(study)},
            {"calibrate",
             {{"sequences", study.calibration.sequences},
              {"length", study.calibration.length},
              {"dtype", study.calibration.dtype}}},
            {"perplexity", study.perplexity ? perplexity_json(*study.perplexity, inputs) : Json()},
            {"eval", study.eval ? eval_json(*study.eval, inputs) : Json()},
            {"methods", methods_json(study, inputs)}};
}

}  // namespace dwubit
