#include "support/scored_tasks.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"

namespace dwubit {
namespace {

OutputType output_type_of(const std::string& name) {
    for (const OutputType type : {OutputType::kLoglikelihood, OutputType::kLoglikelihoodRolling,
                                  OutputType::kMultipleChoice, OutputType::kGenerateUntil}) {
        if (output_type_name(type) == name) return type;
    }
    ADD_FAILURE() << "no output type " << name;
    return OutputType::kGenerateUntil;
}

template <class T>
std::optional<T> optional_of(const OrderedJson& value) {
    if (value.is_null()) return std::nullopt;
    return value.get<T>();
}

TaskConfig config_of(const OrderedJson& given) {
    TaskConfig config;
    config.task = given.at("task").get<std::string>();
    config.alias = given.at("alias").get<std::string>();
    config.output_type = output_type_of(given.at("output_type").get<std::string>());
    config.generation_kwargs = given.at("generation_kwargs");
    config.repeats = given.at("repeats").get<std::int64_t>();
    config.num_fewshot = 0;
    if (given.at("has_choices").get<bool>()) config.doc_to_choice.kind = FieldSource::Kind::kTemplate;
    if (!given.at("version").is_null()) config.metadata["version"] = given.at("version");
    for (const OrderedJson& metric : given.at("metrics")) {
        config.metrics.push_back({metric.at("name").get<std::string>(),
                                  optional_of<std::string>(metric.at("aggregation")),
                                  optional_of<bool>(metric.at("higher_is_better")), metric.at("arguments")});
    }
    for (const OrderedJson& filter : given.at("filters")) {
        FilterPipeline& pipeline = config.filters.emplace_back();
        pipeline.name = filter.at("name").get<std::string>();
        for (const OrderedJson& step : filter.at("steps")) {
            pipeline.steps.push_back({step.at("function").get<std::string>(), step.at("arguments")});
        }
    }
    return config;
}

Response response_of(const OrderedJson& answer) {
    Response response;
    if (answer.is_string()) {
        response.text = answer.get<std::string>();
    } else if (answer.is_number()) {
        response.loglikelihood = answer.get<double>();
    } else {
        response.loglikelihood = answer.at(0).get<double>();
        response.is_greedy = answer.at(1).get<bool>();
    }
    return response;
}

}  // namespace

OrderedJson golden_scores(const std::string& name) {
    const auto text = read_file("tests/golden/scores/" + name);
    EXPECT_TRUE(text.ok()) << name;
    return text.ok() ? OrderedJson::parse(*text) : OrderedJson();
}

ScoredTask scored_task(const OrderedJson& entry) {
    ScoredTask out;
    out.task.config = config_of(entry.at("config"));
    out.task.multiple_input = entry.at("multiple_input").get<bool>();
    out.task.multiple_target = entry.at("multiple_target").get<bool>();
    for (const OrderedJson& given : entry.at("items")) {
        TaskItem& item = out.task.items.emplace_back();
        item.doc_id = out.task.documents++;
        item.doc = given.at("doc");
        item.target = given.at("target");
        item.gold = given.value("gold", item.target);
        item.choices = given.value("choices", std::vector<std::string>());
        for (const OrderedJson& request : given.at("requests")) {
            item.requests.push_back({request[0].get<std::string>(), request[1].get<std::string>()});
        }
        ItemResponses& responses = out.responses.emplace_back();
        for (const OrderedJson& repeats : given.at("answers")) {
            std::vector<Response>& added = responses.emplace_back();
            for (const OrderedJson& answer : repeats) added.push_back(response_of(answer));
        }
    }
    return out;
}

}  // namespace dwubit
