#include "support/results_folder.h"

#include <fmt/format.h>

#include "base/sha256.h"

namespace dwubit::testing {
namespace {

double mean_of_present(const std::vector<OrderedJson>& values) {
    double sum = 0;
    double count = 0;
    for (const OrderedJson& value : values) {
        if (!value.is_number()) continue;
        sum += value.get<double>();
        ++count;
    }
    return sum / count;
}

OrderedJson line_of(const WrittenTask& task, std::size_t i) {
    const std::string question = fmt::format("question {}", i);
    OrderedJson line = {{"doc_id", i}, {"doc", {{"q", question}}}, {"target", "0"}};
    line["resps"] = OrderedJson::array();
    const std::size_t answers = task.output_type != "multiple_choice" ? 1 : task.choices.empty() ? 2 : task.choices[i];
    for (std::size_t k = 0; k < answers; ++k)
        line["resps"].push_back(OrderedJson::array({OrderedJson::array({"-1.5", "False"})}));
    line["filter"] = "none";
    line["doc_hash"] = sha256_hex(question);
    line["prompt_hash"] = sha256_hex("Q: " + question);
    line["target_hash"] = sha256_hex("0");
    for (const auto& [metric, values] : task.values) {
        if (!values[i].is_null()) line[metric] = values[i];
    }
    return line;
}

}  // namespace

ResultsFolder::ResultsFolder(const std::vector<WrittenTask>& tasks) {
    results = {{"results", OrderedJson::object()},
               {"configs", OrderedJson::object()},
               {"versions", OrderedJson::object()},
               {"n-shot", OrderedJson::object()}};
    for (const WrittenTask& task : tasks) {
        OrderedJson& scores = results["results"][task.name];
        OrderedJson list = OrderedJson::array();
        scores["alias"] = task.name;
        for (const auto& [metric, values] : task.values) {
            const std::string key = metric + ",none";
            scores[key] = task.scores.contains(key) ? task.scores.at(key) : OrderedJson(mean_of_present(values));
            scores[metric + "_stderr,none"] = "N/A";
            list.push_back(OrderedJson::object({{"metric", metric}}));
        }
        results["configs"][task.name] = {{"output_type", task.output_type}, {"metric_list", std::move(list)}};
        results["versions"][task.name] = 1.0;
        results["n-shot"][task.name] = 0;
        std::vector<OrderedJson> lines;
        for (std::size_t i = 0; i < task.values.front().second.size(); ++i) lines.push_back(line_of(task, i));
        samples.emplace_back(task.name, std::move(lines));
    }
    results["dwubit_version"] = "0.1.0";
    results["model_name"] = "m";
}

std::filesystem::path ResultsFolder::write(const TempFolder& folder, const std::string& name,
                                           const std::string& stamp) const {
    folder.write(fmt::format("{}/results_{}.json", name, stamp), dump_json(results, 2));
    for (const auto& [task, lines] : samples) {
        std::string text;
        for (const OrderedJson& line : lines) text += dump_json(line) + "\n";
        folder.write(fmt::format("{}/samples_{}_{}.jsonl", name, task, stamp), text);
    }
    return folder / name;
}

}  // namespace dwubit::testing
