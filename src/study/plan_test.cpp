#include "study/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "study/estimate.h"

namespace dwubit {
namespace {

class Plan : public ::testing::Test {
protected:
    Plan() {
        study_.name = "s";
        study_.model = "m";
        study_.corpus.calibration = "c";
        study_.corpus.heldout = "h";
        study_.perplexity.emplace();
        study_.eval.emplace();
        for (const char* id : {"rtn", "gptq"}) {
            study_.methods.push_back({.id = id, .method = id, .recipe = {}, .settings = {}, .layers = {}});
            inputs_.methods.push_back({"g128", Json{{"bits", 2}}, false});
        }
        inputs_.model_sha256 = "model";
        inputs_.tokenizer_sha256 = "tokenizer";
        inputs_.calibration_sha256 = "calibration";
        inputs_.heldout_sha256 = "heldout";
        inputs_.tasks = Json::array({"t"});
        inputs_.task_names = {"t"};
        ModelConfig& config = inputs_.model.config;
        config.hidden = 64;
        config.intermediate = 128;
        config.layers = 2;
        config.heads = 2;
        config.kv_heads = 1;
        config.head_dim = 32;
        config.vocab = 100;
    }

    std::map<std::string, std::string> keys() const {
        std::map<std::string, std::string> found;
        for (const StudyStep& step : plan_steps(study_, inputs_)) found[step.id] = step.key;
        return found;
    }

    // Ids of steps whose keys `change` changes.
    std::set<std::string> changed_by(const std::function<void(Study&, StudyInputs&)>& change) {
        const auto before = keys();
        const Study study = study_;
        const StudyInputs& inputs = inputs_;
        const ResolvedMethod method = inputs.methods[1];
        const std::string calibration = inputs.calibration_sha256;
        const Json tasks = inputs.tasks;
        change(study_, inputs_);
        std::set<std::string> found;
        for (const auto& [id, key] : keys()) {
            if (before.at(id) != key) found.insert(id);
        }
        study_ = study;
        inputs_.methods[1] = method;
        inputs_.calibration_sha256 = calibration;
        inputs_.tasks = tasks;
        return found;
    }

    Study study_;
    StudyInputs inputs_;
};

using Ids = std::set<std::string>;

TEST_F(Plan, StepsComeAfterWhatTheyNeed) {
    const auto steps = plan_steps(study_, inputs_);
    std::vector<std::string> ids;
    for (const StudyStep& step : steps) {
        for (const std::string& before : step.depends_on) {
            EXPECT_NE(std::find(ids.begin(), ids.end(), before), ids.end()) << step.id << " needs " << before;
        }
        ids.push_back(step.id);
    }
    const std::vector<std::string> expected = {"calibrate",      "perplexity:base", "eval:base",     "quantize:rtn",
                                               "perplexity:rtn", "eval:rtn",        "quantize:gptq", "perplexity:gptq",
                                               "eval:gptq",      "report"};
    EXPECT_EQ(ids, expected);
}

TEST_F(Plan, AChangeChangesTheKeysOfWhatDependsOnIt) {
    EXPECT_EQ(changed_by([](auto&, auto& inputs) { inputs.methods[1].parameters["bits"] = 3; }),
              (Ids{"quantize:gptq", "perplexity:gptq", "eval:gptq"}));
    EXPECT_EQ(changed_by([](auto&, auto& inputs) { inputs.calibration_sha256 = "other"; }),
              (Ids{"calibrate", "quantize:rtn", "perplexity:rtn", "eval:rtn", "quantize:gptq", "perplexity:gptq",
                   "eval:gptq"}));
    EXPECT_EQ(changed_by([](auto& study, auto&) { study.perplexity->window = 7; }),
              (Ids{"perplexity:base", "perplexity:rtn", "perplexity:gptq"}));
    EXPECT_EQ(changed_by([](auto& study, auto&) { study.perplexity->kl = false; }),
              (Ids{"perplexity:rtn", "perplexity:gptq"}));
    EXPECT_EQ(changed_by([](auto&, auto& inputs) { inputs.tasks = Json::array({"u"}); }),
              (Ids{"eval:base", "eval:rtn", "eval:gptq"}));
    EXPECT_EQ(changed_by([](auto& study, auto&) { study.title = "other"; }), Ids{});
    EXPECT_EQ(changed_by([](auto& study, auto&) { study.methods[1].layers = "0"; }),
              (Ids{"quantize:gptq", "perplexity:gptq", "eval:gptq"}));
}

TEST_F(Plan, WithoutMethodsOrMeasuresThereIsLessToDo) {
    study_.methods.clear();
    inputs_.methods.clear();
    study_.eval.reset();
    const auto steps = plan_steps(study_, inputs_);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].id, "perplexity:base");
    EXPECT_EQ(steps[1].id, "report");
}

TEST_F(Plan, EvalWritesItsResultsLast) {
    for (const StudyStep& step : plan_steps(study_, inputs_)) {
        if (step.kind != StepKind::kEval) continue;
        const std::string stamp = eval_stamp(step.key);
        EXPECT_EQ(step.outputs.front(), "results/" + step.model + "/samples_t_" + stamp + ".jsonl");
        EXPECT_EQ(step.outputs.back(), "results/" + step.model + "/results_" + stamp + ".json");
    }
}

TEST_F(Plan, HistoryCorrectsEstimatesOfTheSameKind) {
    auto steps = plan_steps(study_, inputs_);
    std::map<std::string, double> before;
    for (const StudyStep& step : steps) before[step.id] = step.cost.seconds;
    StepRecord record{.id = "eval:base", .key = "", .state = StepState::kDone};
    record.seconds = 3 * before["eval:base"];
    correct_by_history(steps, {{"eval:base", record}});
    for (const StudyStep& step : steps) {
        const double factor = step.kind == StepKind::kEval ? 3 : 1;
        EXPECT_NEAR(step.cost.seconds, factor * before[step.id], 1e-9) << step.id;
    }
}

}  // namespace
}  // namespace dwubit
