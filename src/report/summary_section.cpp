// The table of all models, and what it says about bytes.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/comparison.h"
#include "report/document.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

std::string part_text(const std::optional<Part>& part, const std::string& absent) {
    if (!part) return absent;
    std::string text = part->format.empty() ? "format unknown" : part->format;
    if (part->bytes) text += ", " + bytes_text(static_cast<double>(*part->bytes));
    return text;
}

Cell score_cell(const Task& task, const Model& model, bool base) {
    const auto at = model.tasks.find(task.name);
    if (at == model.tasks.end() || !at->second.score) return kNone;
    const TaskScore& score = at->second;
    const std::string bounds = interval(score.low, score.high);
    const std::string text = decimals(*score.score) + (bounds.empty() ? "" : " " + bounds);
    if (base) return {text, task.above_chance == false ? "at chance" : ""};
    std::string note;
    if (score.difference) {
        note = signed_decimals(*score.difference);
        const std::string range = interval(score.difference_low, score.difference_high);
        if (!range.empty()) note += " " + range;
    }
    if (score.within_noise) {
        const bool gain = score.difference && (*score.difference > 0) == task.higher_is_better;
        const char* const word = *score.within_noise ? "within noise" : gain ? "better" : "worse";
        note += (note.empty() ? "" : ", ") + std::string(word);
    }
    return {text, note};
}

Cell perplexity_cell(const Model& model, bool base) {
    const Perplexity& perplexity = model.perplexity;
    if (!perplexity.value && !perplexity.ratio) return kNone;
    const std::string text = perplexity.value ? with_error(*perplexity.value, perplexity.standard_error) : kNone;
    return {text, !base && perplexity.ratio ? fmt::format("×{} of the base", significant(*perplexity.ratio, 4)) : ""};
}

Cell divergence_cell(const Model& model) {
    const Divergence& kl = model.divergence;
    if (!kl.mean) return kNone;
    std::string note = kl.same_top ? fmt::format("same top token {}", percent(*kl.same_top)) : "";
    if (kl.noise_floor && *kl.mean <= *kl.noise_floor)
        note += (note.empty() ? "" : ", ") + std::string("under noise floor");
    return {with_error(*kl.mean, kl.standard_error), note};
}

Cell seconds_cell(const Seconds& seconds) {
    const std::vector<std::pair<const char*, Number>> parts = {
        {"quantize", seconds.quantize}, {"perplexity", seconds.perplexity}, {"tasks", seconds.eval}};
    double total = 0;
    std::string note;
    for (const auto& [name, value] : parts) {
        if (!value) continue;
        total += *value;
        note += fmt::format("{}{} {}", note.empty() ? "" : ", ", name, seconds_text(*value));
    }
    return note.empty() ? Cell(kNone) : Cell(seconds_text(total), note);
}

std::string task_note(const Task& task) {
    std::string note = task.metric.substr(0, task.metric.find(','));
    if (!task.higher_is_better) note += ", lower is better";
    if (task.documents) note += fmt::format(", {} documents", *task.documents);
    if (task.chance) note += ", chance " + significant(*task.chance, 3);
    return note;
}

std::map<std::size_t, std::string> letters_of(const std::vector<std::vector<std::size_t>>& classes) {
    std::map<std::size_t, std::string> letters;
    for (std::size_t c = 0; c < classes.size(); ++c) {
        for (const std::size_t i : classes[c]) letters[i] = class_letter(c);
    }
    return letters;
}

// "All methods take the same bytes", or which do not.
std::string equal_bytes_text(const Report& report, const std::vector<std::vector<std::size_t>>& classes) {
    const std::string within = percent(kEqualBytes);
    if (classes.empty()) return "Bytes were not measured: no two methods are compared at equal bytes.";
    if (classes.size() == 1 && classes[0].size() == 1)
        return "One method has a size: nothing compares with it at equal bytes.";
    if (classes.size() == 1) {
        return fmt::format("The methods are compared at equal bytes: their files differ by at most {}.", within);
    }
    std::vector<std::string> groups;
    for (std::size_t c = 0; c < classes.size(); ++c) {
        std::vector<std::string> names;
        for (const std::size_t i : classes[c]) names.push_back(report.models[i].id);
        groups.push_back(fmt::format("{}: {} ({})", class_letter(c), listed(names, 12),
                                     bytes_text(static_cast<double>(*report.models[classes[c][0]].bytes))));
    }
    std::string text;
    for (const std::string& group : groups) text += (text.empty() ? "" : "; ") + group;
    return fmt::format(
        "The methods are not of equal bytes. Those with the same letter in the column \"size\" differ by at "
        "most {} and are compared with each other; others are not. {}.",
        within, text);
}

// Embedding and head are in every figure of the file; where all models have the same, one sentence names them.
std::string parts_text(const Report& report) {
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> groups;
    for (const Model& model : report.models) {
        if (!model.embedding && !model.head) continue;
        groups[{part_text(model.embedding, "none recorded"), part_text(model.head, "none of its own")}].push_back(
            model.id);
    }
    const std::string lead =
        "Bits and bytes of the file count everything in it, embedding and head too; bits of linears count the "
        "quantized "
        "linears with their scales and codebooks.";
    if (groups.empty()) return lead + " Formats of embedding and head are not recorded.";
    std::string text = lead;
    for (const auto& [parts, names] : groups) {
        const std::string who =
            groups.size() == 1 && names.size() == report.models.size() ? "all models" : listed(names, 12);
        text += fmt::format(" Of {}: embedding {}; head {}.", who, parts.first, parts.second);
    }
    return text;
}

std::vector<Column> columns_of(const Report& report, bool sizes) {
    std::vector<Column> columns = {{"method", "", false}};
    if (sizes) columns.push_back({"size", "same letter: equal bytes", false});
    columns.push_back({"bits of linears", "per weight", true});
    columns.push_back({"bits of file", "per weight", true});
    columns.push_back({"bytes", "of the file", true});
    columns.push_back({"perplexity", "± 95 %", true});
    columns.push_back({"KL divergence", "from the base, ± 95 %", true});
    for (const Task& task : report.tasks) columns.push_back({task.name, task_note(task), true});
    columns.push_back({"seconds", "", true});
    return columns;
}

}  // namespace

Section summary_section(const Report& report) {
    const auto classes = size_classes(report);
    const bool sizes = classes.size() > 1;
    const auto letters = letters_of(classes);
    Table table{columns_of(report, sizes), {}};
    for (std::size_t i = 0; i < report.models.size(); ++i) {
        const Model& model = report.models[i];
        const bool base = i == report.base;
        std::vector<Cell> row = {{model.id, base ? "the base" : model.recipe}};
        if (!base && model.method != model.id && !model.method.empty()) {
            row[0].note = model.method + (model.recipe.empty() ? "" : ", " + model.recipe);
        }
        if (sizes) row.emplace_back(letters.count(i) > 0 ? letters.at(i) : kNone);
        row.emplace_back(significant(model.bits_linears, 4));
        row.emplace_back(significant(model.bits_file, 4));
        row.emplace_back(
            model.bytes ? bytes_text(static_cast<double>(*model.bytes)) : kNone,
            model.bytes_per_token ? bytes_text(static_cast<double>(*model.bytes_per_token)) + " read per token" : "");
        row.push_back(perplexity_cell(model, base));
        row.push_back(divergence_cell(model));
        for (const Task& task : report.tasks) row.push_back(score_cell(task, model, base));
        row.push_back(seconds_cell(model.seconds));
        table.rows.push_back(std::move(row));
    }
    Section section{"All methods", {}};
    if (report.models.size() > 1) section.blocks.emplace_back(Paragraph{equal_bytes_text(report, classes)});
    section.blocks.emplace_back(std::move(table));
    if (!report.tasks.empty()) {
        section.blocks.emplace_back(
            Paragraph{"Brackets are 95 % intervals: bootstrap over documents. The second line of a task is the "
                      "difference from the "
                      "base on the same documents; \"within noise\" means that its interval holds zero."});
    }
    section.blocks.emplace_back(Paragraph{parts_text(report)});
    return section;
}

}  // namespace dwubit::report
