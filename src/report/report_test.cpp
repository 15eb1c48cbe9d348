// The whole way, from an object to files: shapes, hostile text, what is missing.
#include "report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "base/text.h"
#include "report/chart_bundle.h"

namespace dwubit {
namespace {

constexpr const char* kHostile = "</script><img src=x onerror=alert(1)>|`*_[a](http://b)& \"'\n# x";

Json example() {
    auto object = read_json_file(DWUBIT_SOURCE_DIR "/tests/golden/report/example.json");
    EXPECT_TRUE(object.ok());
    return object.ok() ? std::move(object).value() : Json();
}

Json smallest() {
    return {{"schema", "dwubit.report/1"}, {"base", "b"}, {"models", Json::array({{{"id", "b"}}})}};
}

std::map<std::string, std::string> rendered(const Json& report) {
    auto files = render_report(report);
    std::map<std::string, std::string> found;
    EXPECT_TRUE(files.ok()) << files.error().message;
    if (!files.ok()) return found;
    for (ReportFile& file : *files) {
        EXPECT_FALSE(find_invalid_utf8(file.bytes).has_value()) << file.name;
        EXPECT_TRUE(found.emplace(file.name, std::move(file.bytes)).second) << file.name;
    }
    return found;
}

std::string refusal(const Json& report) {
    auto files = render_report(report);
    EXPECT_FALSE(files.ok());
    if (files.ok()) return "";
    EXPECT_EQ(files.error().kind, ErrorKind::kInvalidInput);
    return files.error().message;
}

// The page up to the scripts, which hold the chart library.
std::string body_of(const std::string& page) {
    return page.substr(0, page.find("<script"));
}

std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
        ++count;
    return count;
}

// Every member but names, and lists that names belong to; `each` may set it to null.
void visit_members(Json& value, const std::function<void(Json&)>& each) {
    if (value.is_array()) {
        for (Json& element : value) visit_members(element, each);
        return;
    }
    if (!value.is_object()) return;
    for (auto& [key, member] : value.items()) {
        const bool name = key == "schema" || key == "base" || key == "id" || key == "name";
        const bool named = member.is_array() && (key == "models" || key == "tasks");
        if (!name && !named) each(member);
        visit_members(member, each);
    }
}

TEST(Report, Files) {
    const auto files = rendered(example());
    ASSERT_EQ(files.size(), 7U);
    for (const char* name :
         {"report.json", "report.md", "report.html", "report-charts/quality.svg", "report-charts/divergence.svg",
          "report-charts/retention.svg", "report-charts/layers.svg"}) {
        EXPECT_EQ(files.count(name), 1U) << name;
    }
    const Json written = Json::parse(files.at("report.json"));
    EXPECT_GT(written.at("verdict").size(), 3U);
    Json before = example();
    before["verdict"] = written.at("verdict");
    EXPECT_EQ(written, before);  // nothing else is changed
    for (const Json& sentence : written.at("verdict"))
        EXPECT_TRUE(sentence.get<std::string>().ends_with('.')) << sentence;
    EXPECT_EQ(rendered(example()), files);
}

TEST(Report, SectionsInTheOrderOfThePage) {
    const auto files = rendered(example());
    const std::vector<std::string> headings = {"Verdict",
                                               "All methods",
                                               "Quality against bytes",
                                               "Multiple choice against generation",
                                               "Loss per layer and kind of linear",
                                               "What was run"};
    std::size_t in_markdown = 0;
    std::size_t in_html = 0;
    for (const std::string& heading : headings) {
        in_markdown = files.at("report.md").find("\n## " + heading + "\n", in_markdown);
        in_html = files.at("report.html").find("<h2>" + heading + "</h2>", in_html);
        ASSERT_NE(in_markdown, std::string::npos) << heading;
        ASSERT_NE(in_html, std::string::npos) << heading;
    }
}

TEST(Report, EveryChartIsNamedInMarkdown) {
    const auto files = rendered(example());
    for (const auto& [name, bytes] : files) {
        if (!name.starts_with("report-charts/")) continue;
        EXPECT_NE(files.at("report.md").find("](" + name + ")"), std::string::npos) << name;
        EXPECT_TRUE(bytes.starts_with("<svg ")) << name;
        EXPECT_TRUE(bytes.ends_with("</svg>\n")) << name;
    }
    EXPECT_EQ(count_of(files.at("report-charts/quality.svg"), "class=\"mark\""), 7U);
    EXPECT_EQ(count_of(files.at("report-charts/layers.svg"), "class=\"mark\""), 7U * 8 * 7 + 7);  // and the legend's
    EXPECT_EQ(count_of(files.at("report-charts/layers.svg"), "<polyline"), 7U * 7);
}

TEST(Report, ColoursGoWithTheirWords) {
    const std::string page = body_of(rendered(example()).at("report.html"));
    EXPECT_NE(page.find("<td class=\"worse\">generation collapses</td>"), std::string::npos);
    EXPECT_EQ(count_of(page, "class=\"number worse\""), count_of(page, ", worse</small>"));
    EXPECT_EQ(count_of(page, ", worse</small>"),
              5U + 3 + 2 + 3 + 3);  // as the verdict counts, the task at chance apart
}

TEST(Report, PageIsSelfContained) {
    const std::string page = rendered(example()).at("report.html");
    EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
    for (const char* part : {"<link", "<img", " src=", "@import", "url("}) {
        EXPECT_EQ(body_of(page).find(part), std::string::npos) << part;
    }
    EXPECT_EQ(count_of(page, "<script"), report::chart_bundle().empty() ? 0U : 3U);
    EXPECT_EQ(count_of(page, "</script"), report::chart_bundle().empty() ? 0U : 3U);
    EXPECT_EQ(count_of(body_of(page), "<table>"), 7U);
    EXPECT_EQ(count_of(body_of(page), "<div class=\"static\"><svg"), 10U);
}

TEST(Report, HostileTextStaysText) {
    Json report = example();
    report["study"]["title"] = kHostile;
    report["study"]["file"] = kHostile;
    report["version"] = kHostile;
    report["warnings"] = {kHostile, "\xff\xfe"};
    report["run"]["inputs"][0]["path"] = kHostile;
    report["run"]["steps"][0]["id"] = kHostile;
    report["run"]["steps"][0]["environment"]["cpu"] = kHostile;
    report["run"]["settings"]["a"] = "``````";
    report["models"][1]["id"] = kHostile;
    report["models"][1]["recipe"] = kHostile;
    report["models"][1]["embedding"]["format"] = kHostile;
    report["tasks"][0]["name"] = kHostile;
    report["tasks"][0]["metric"] = kHostile;
    for (Json& model : report["models"]) {
        model["tasks"][kHostile] = model["tasks"]["orlik_dzialy"];
        model["tasks"].erase("orlik_dzialy");
    }
    const auto files = rendered(report);
    const std::string& page = files.at("report.html");
    EXPECT_EQ(body_of(page).find("<img"), std::string::npos);
    EXPECT_EQ(body_of(page).find("</script>"), std::string::npos);
    EXPECT_EQ(count_of(page, "</script>"), report::chart_bundle().empty() ? 0U : 3U);
    const std::string& markdown = files.at("report.md");
    const std::string text = markdown.substr(0, markdown.find("\n```"));  // in code nothing is markup
    EXPECT_EQ(text.find("<img"), std::string::npos);
    EXPECT_EQ(text.find("[a](http"), std::string::npos);
    EXPECT_NE(markdown.find("\n```````\n"), std::string::npos);  // a fence longer than what it holds
    for (const auto& [name, bytes] : files) {
        if (!name.ends_with(".svg")) continue;
        EXPECT_EQ(bytes.find("<img"), std::string::npos) << name;
    }
    // Every row of a table has as many cells as its header.
    std::size_t columns = 0;
    std::size_t start = 0;
    while (start < markdown.size()) {
        const std::size_t end = std::min(markdown.find('\n', start), markdown.size());
        const std::string line = markdown.substr(start, end - start);
        start = end + 1;
        if (!line.starts_with("|")) {
            columns = 0;
            continue;
        }
        const std::size_t bars = count_of(line, "|") - count_of(line, "\\|");
        if (columns == 0) columns = bars;
        EXPECT_EQ(bars, columns) << line;
    }
}

TEST(Report, SmallestObject) {
    const auto files = rendered(smallest());
    EXPECT_EQ(files.size(), 3U);
    EXPECT_NE(files.at("report.md").find("No method was compared"), std::string::npos);
}

TEST(Report, AnyMemberMayBeNull) {
    std::size_t members = 0;
    Json copy = example();
    for (Json& model : copy["models"]) {  // one tensor and one task stand for all
        if (!model["tensors"].empty()) model["tensors"] = Json::array({model["tensors"][0]});
    }
    copy["run"]["steps"] = Json::array({copy["run"]["steps"][0]});
    const Json report = copy;
    visit_members(copy, [&](Json&) { ++members; });
    ASSERT_GT(members, 400U);
    for (std::size_t wanted = 0; wanted < members; wanted += 11) {
        Json changed = report;
        std::size_t at = 0;
        visit_members(changed, [&](Json& member) {
            if (at++ == wanted) member = nullptr;
        });
        EXPECT_TRUE(render_report(changed).ok()) << "member " << wanted;
    }
    Json bare = report;  // all at once
    visit_members(bare, [](Json& member) { member = nullptr; });
    const auto files = rendered(bare);
    EXPECT_NE(files.at("report.md").find("No method can be ranked: no sizes are known"), std::string::npos);
}

TEST(Report, NumbersOutOfAllProportion) {
    Json report = example();
    const double huge = 1e300;
    std::size_t at = 0;
    for (Json& model : report["models"]) {
        const double value = at % 2 == 0 ? huge : -huge;
        model["perplexity"] = {{"value", value}, {"stderr", huge}, {"ratio", value}, {"predictions", 0}};
        if (at > 0) model["kl"] = {{"mean", value}, {"stderr", -1}, {"noise_floor", huge}, {"same_top1", value}};
        if (at > 0) model["choice_retention"] = {{"value", value}, {"low", -huge}, {"high", huge}, {"tasks", 1}};
        if (at > 0) model["generation_retention"] = {{"value", -value}, {"low", -huge}, {"high", huge}, {"tasks", 0}};
        model["bits_per_weight_linears"] = value;
        model["seconds"] = {{"quantize", huge}, {"perplexity", -1}, {"eval", 0}};
        for (Json& tensor : model["tensors"]) tensor["relative_proxy"] = value;
        for (auto& [name, score] : model["tasks"].items()) score["score"] = value;
        ++at;
    }
    report["models"][1]["bytes"] = 0;
    report["models"][2]["bytes"] = std::numeric_limits<std::int64_t>::max();
    report["run"]["total_seconds"] = huge;
    for (const auto& [name, bytes] : rendered(report)) {
        if (!name.ends_with(".svg")) continue;
        EXPECT_EQ(bytes.find("inf"), std::string::npos) << name;
        EXPECT_EQ(bytes.find("nan"), std::string::npos) << name;
        EXPECT_LT(bytes.size(), 1U << 20U) << name;
    }
    report["models"][3]["kl"]["mean"] = std::nan("");  // a file says null
    EXPECT_TRUE(render_report(report).ok());
}

TEST(Report, ShapesAreChecked) {
    const auto with = [](const char* pointer, const Json& value) {
        Json report = example();
        report[Json::json_pointer(pointer)] = value;
        return refusal(report);
    };
    EXPECT_EQ(refusal(Json::array()), "report must be an object, got []");
    EXPECT_EQ(with("/schema", "dwubit.report/2"),
              "report: 'schema' must be \"dwubit.report/1\", got \"dwubit.report/2\"");
    EXPECT_EQ(with("/base", "nobody"), "report: 'base' must be the id of one of 'models', got \"nobody\"");
    EXPECT_EQ(with("/models", Json::array()), "report: 'base' must be the id of one of 'models', got \"base\"");
    EXPECT_EQ(with("/models/2/id", "rtn"), "report: model 'rtn' is there twice");
    EXPECT_EQ(with("/models/2/id", ""), "report.models[2]: 'id' must be a name, got \"\"");
    EXPECT_EQ(with("/models/2/bytes", -1),
              "report.models[2]: 'bytes' must be an integer from 0 to 9223372036854775807, got -1");
    EXPECT_EQ(with("/models/2/kl/mean", "0.2"), "report.models[2].kl: 'mean' must be a finite number, got \"0.2\"");
    EXPECT_EQ(with("/models/1", 3), "report.models[1] must be an object, got 3");
    EXPECT_EQ(with("/models/1/tensors/0/name", nullptr),
              "report.models[1].tensors[0]: 'name' must be a string, but it is missing");
    EXPECT_EQ(with("/models/1/tasks/unknown", {{"score", 1}}),
              "report: model 'rtn' has task 'unknown', which is none of 'tasks'");
    EXPECT_EQ(
        with("/models/1/tasks/orlik_para/flips/lost", 0.5),
        "report.models[1].tasks.orlik_para.flips: 'lost' must be an integer from 0 to 9223372036854775807, got 0.5");
    EXPECT_EQ(with("/tasks/1/name", "orlik_dzialy"), "report: task 'orlik_dzialy' is there twice");
    EXPECT_EQ(with("/run/steps", "all"), "report.run: 'steps' must be an array or null, got \"all\"");
    EXPECT_EQ(with("/warnings/0", 1), "report: 'warnings' must be an array of strings, got [1]");
}

TEST(Report, WithoutTimesEqualStudiesGiveEqualBytes) {
    Json report = example();
    for (Json& model : report["models"]) model["seconds"] = nullptr;
    for (Json& step : report["run"]["steps"]) step["seconds"] = step["finished"] = step["environment"] = nullptr;
    report["run"]["total_seconds"] = nullptr;
    const auto files = rendered(report);
    EXPECT_EQ(files.at("report.md").find("All steps took"), std::string::npos);
    EXPECT_EQ(files, rendered(Json::parse(files.at("report.json"))));  // and rendering again changes nothing
}

}  // namespace
}  // namespace dwubit
