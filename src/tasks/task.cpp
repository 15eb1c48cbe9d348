#include "tasks/task.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "tasks/fewshot.h"
#include "tasks/fields.h"
#include "tasks/prompt.h"
#include "tasks/python_value.h"
#include "tasks/task_documents.h"

namespace dwubit {
namespace {

Error wrong(std::string_view key, std::string_view expected, const OrderedJson& value) {
    return errorf(ErrorKind::kInvalidInput, "{}: {} is needed, not {} ({})", key, expected,
                  printable(dump_json(value), 40), python_type(value));
}

Result<std::string> need_text(std::string_view key, const OrderedJson& value) {
    if (value.is_string()) return value.get<std::string>();
    return wrong(key, "text", value);
}

Result<std::int64_t> count_of(std::size_t documents, const std::optional<double>& limit) {
    const auto all = static_cast<std::int64_t>(documents);
    if (!limit) return all;
    if (!(*limit > 0)) {
        return errorf(ErrorKind::kUsage, "limit {} must be more than 0: a share below 1, or a number of documents",
                      *limit);
    }
    const double wanted = *limit < 1 ? std::ceil(static_cast<double>(all) * *limit) : std::floor(*limit);
    return wanted < static_cast<double>(all) ? static_cast<std::int64_t>(wanted) : all;
}

// Makes the items of one task, in the order of the documents.
class TaskBuilder {
public:
    TaskBuilder(const TaskConfig& config, const DatasetFolders& folders, const BuildOptions& options)
        : documents_(config, folders), options_(options) {
        built_.config = config;
    }

    Result<BuiltTask> run() {
        TaskConfig& config = built_.config;
        const std::int64_t shots =
            config.num_fewshot == 0 ? 0 : options_.num_fewshot.value_or(config.num_fewshot.value_or(0));
        config.num_fewshot = shots;
        if (shots < 0) return errorf(ErrorKind::kUsage, "num_fewshot {} must be 0 or more", shots);
        if (options_.harness == Harness::kPolish && config.gen_prefix) {
            return make_error(ErrorKind::kUnsupported, "gen_prefix is not known with --harness polish");
        }
        DWUBIT_ASSIGN(evaluated_, documents_.split(config.evaluated_split(), config.process_docs));
        built_.documents = static_cast<std::int64_t>(evaluated_->size());
        DWUBIT_TRY(prepare(shots));
        DWUBIT_ASSIGN(const std::int64_t count, count_of(evaluated_->size(), options_.limit));
        for (std::int64_t i = 0; i < count; ++i) {
            auto item = make_item((*evaluated_)[static_cast<std::size_t>(i)]);
            if (!item.ok()) return at_document(config.evaluated_split(), i, std::move(item).error());
            item->doc_id = i;
            built_.items.push_back(std::move(*item));
        }
        built_.files = documents_.files();
        return std::move(built_);
    }

private:
    static Error at_document(const std::string& split, std::int64_t number, Error error) {
        error.message = fmt::format("document {} of '{}': {}", number, printable(split), error.message);
        return error;
    }

    // Compiles the fields; the first document says what kind of multiple choice this is.
    Result<void> prepare(std::int64_t shots) {
        const TaskConfig& config = built_.config;
        const bool polish = options_.harness == Harness::kPolish;
        const std::set<std::string> features = features_of(*evaluated_);
        DWUBIT_ASSIGN(fields_, PromptFields::create(config, features));
        DWUBIT_ASSIGN(description_, PromptField::create(config.description, "description",
                                                        polish ? std::set<std::string>() : features));
        if (config.gen_prefix) {
            DWUBIT_ASSIGN(gen_prefix_, PromptField::create(*config.gen_prefix, "gen_prefix", features));
        }
        if (shots > 0) DWUBIT_TRY(prepare_shots(features));

        const Document& first = evaluated_->front();
        const auto failed = [&](Error error) { return at_document(config.evaluated_split(), 0, std::move(error)); };
        auto text = fields_.text(first);
        if (!text.ok()) return failed(std::move(text).error());
        auto target = fields_.target(first);
        if (!target.ok()) return failed(std::move(target).error());
        built_.multiple_input = fields_.has_choices() && as_index(*text).has_value();
        built_.multiple_target = target->is_array();
        if (built_.multiple_input && config.output_type != OutputType::kMultipleChoice) {
            return failed(wrong("doc_to_text", "text", *text));
        }
        return {};
    }

    Result<void> prepare_shots(const std::set<std::string>& features) {
        const TaskConfig& config = built_.config;
        DWUBIT_ASSIGN(pool_, documents_.shots());
        DWUBIT_ASSIGN(shot_fields_, fields_.for_shots(config.fewshot, features));
        if (config.fewshot.gen_prefix) {
            DWUBIT_ASSIGN(shot_prefix_, PromptField::create(*config.fewshot.gen_prefix, "fewshot_config.gen_prefix",
                                                            features_of(*pool_)));
        }
        // Both may be absent, which counts as equal too.
        const bool excludes = config.fewshot.split == config.test_split;
        sampler_.emplace(*pool_, documents_.shots_name(), config.fewshot.sampler, excludes, options_);
        shots_.resize(pool_->size());
        return {};
    }

    // --- context

    Result<std::string> shot_text(const Document& document) const {
        const TaskConfig& config = built_.config;
        Turn turn;
        turn.target_delimiter = config.fewshot.target_delimiter.value_or(config.target_delimiter);
        turn.fewshot_delimiter = config.fewshot.fewshot_delimiter.value_or(config.fewshot_delimiter);
        if (shot_prefix_.is_set()) {
            DWUBIT_ASSIGN(turn.gen_prefix, shot_prefix_.text(document));
        }
        std::vector<std::string> choices;
        if (shot_fields_.has_choices()) {
            DWUBIT_ASSIGN(choices, shot_fields_.choices(document));
        }
        DWUBIT_ASSIGN(const OrderedJson question, shot_fields_.text(document));
        DWUBIT_ASSIGN(const OrderedJson target, shot_fields_.target(document));
        const bool polish = options_.harness == Harness::kPolish;
        if (const auto index = as_index(question); index && !choices.empty() && (built_.multiple_input || polish)) {
            if (*index < 0 || static_cast<std::size_t>(*index) >= choices.size()) {
                return errorf(ErrorKind::kInvalidInput, "doc_to_text: {} is none of the {} choices", *index,
                              choices.size());
            }
            turn.question = choices[static_cast<std::size_t>(*index)];
            // The choices were contexts; the answer is a text of its own.
            if (!polish) choices.clear();
        } else {
            DWUBIT_ASSIGN(turn.question, need_text("doc_to_text", question));
        }
        DWUBIT_ASSIGN(turn.answer, answer_text(target, choices));
        // The fork's delimiters stand also around an answer that is empty.
        if (polish) turn.answer = turn.answer.value_or("");
        return turn_text(turn);
    }

    Result<std::string> context_before(const Document& document) {
        std::string context;
        DWUBIT_ASSIGN(context, description_.text(document));
        if (!sampler_) return context;
        DWUBIT_ASSIGN(const std::vector<std::size_t> places,
                      sampler_->pick(static_cast<std::size_t>(*built_.config.num_fewshot), document.json));
        for (const std::size_t place : places) {
            std::optional<std::string>& shot = shots_[place];
            if (!shot) {
                auto made = shot_text((*pool_)[place]);
                if (!made.ok()) {
                    return at_document(documents_.shots_name(), static_cast<std::int64_t>(place),
                                       std::move(made).error())
                        .add_context("it was drawn as a few-shot example");
                }
                DWUBIT_TRY(pay(made->size()));
                shot = std::move(*made);
            }
            if (shot->size() > options_.max_bytes - std::min(context.size(), options_.max_bytes)) return too_large();
            context += *shot;
        }
        return context;
    }

    // --- requests

    Error too_large() const {
        return errorf(ErrorKind::kInvalidInput, "the prompts take more than {} bytes", options_.max_bytes)
            .with_hint("evaluate fewer documents with --limit, or shorten the templates");
    }

    // Templates and lists of choices multiply: what is kept is bounded.
    Result<void> pay(std::size_t bytes) {
        if (bytes > options_.max_bytes - bytes_) return too_large();
        bytes_ += bytes;
        return {};
    }

    Result<void> add_request(TaskItem& item, std::string context, std::string continuation) {
        DWUBIT_TRY(pay(context.size() + continuation.size() + sizeof(TaskRequest)));
        item.requests.push_back({std::move(context), std::move(continuation)});
        return {};
    }

    Result<TaskItem> make_item(const Document& document) {
        const TaskConfig& config = built_.config;
        TaskItem item;
        item.doc = document.json;
        DWUBIT_ASSIGN(const std::string before, context_before(document));
        Turn turn;
        if (gen_prefix_.is_set()) {
            DWUBIT_ASSIGN(turn.gen_prefix, gen_prefix_.text(document));
        }
        DWUBIT_ASSIGN(const OrderedJson question, fields_.text(document));
        DWUBIT_ASSIGN(item.target, fields_.target(document));
        if (fields_.has_choices()) {
            DWUBIT_ASSIGN(item.choices, fields_.choices(document));
        }
        std::size_t kept = item.target.is_string() ? item.target.get_ref<const std::string&>().size() : 0;
        for (const std::string& choice : item.choices) kept += choice.size();
        DWUBIT_TRY(pay(kept));
        item.gold = item.target;
        if (built_.multiple_input) {
            DWUBIT_TRY(add_inputs(before, turn, item));
            item.gold = question;
        } else {
            turn.target_delimiter = config.target_delimiter;
            DWUBIT_ASSIGN(turn.question, need_text("doc_to_text", question));
            DWUBIT_TRY(add_requests(before + turn_text(turn), item));
        }
        if (config.output_type == OutputType::kMultipleChoice) {
            DWUBIT_TRY(add_unconditional(item));
            DWUBIT_TRY(check_gold(item));
        } else if (config.output_type == OutputType::kGenerateUntil && fields_.has_choices()) {
            DWUBIT_TRY(gold_index(item.target, item.choices));
        }
        return item;
    }

    // One request for each choice as context.
    Result<void> add_inputs(const std::string& before, Turn turn, TaskItem& item) {
        DWUBIT_ASSIGN(const std::string answer, python_text(item.target));
        for (const std::string& choice : item.choices) {
            turn.question = choice;
            DWUBIT_TRY(add_request(item, before + turn_text(turn), built_.config.target_delimiter + answer));
        }
        return {};
    }

    Result<void> add_requests(const std::string& context, TaskItem& item) {
        switch (built_.config.output_type) {
            case OutputType::kMultipleChoice:
                for (const std::string& choice : item.choices) {
                    DWUBIT_TRY(add_request(item, context, built_.config.target_delimiter + choice));
                }
                return {};
            case OutputType::kGenerateUntil:
                DWUBIT_TRY(add_request(item, context, ""));
                return {};
            case OutputType::kLoglikelihood: {
                DWUBIT_ASSIGN(std::string target, need_text("doc_to_target", item.target));
                DWUBIT_TRY(add_request(item, context, std::move(target)));
                return {};
            }
            case OutputType::kLoglikelihoodRolling: {
                DWUBIT_ASSIGN(std::string target, need_text("doc_to_target", item.target));
                DWUBIT_TRY(add_request(item, std::move(target), ""));
                return {};
            }
        }
        return {};
    }

    // For acc_mutual_info: how likely each choice is by itself.
    Result<void> add_unconditional(TaskItem& item) {
        const auto& metrics = built_.config.metrics;
        if (std::none_of(metrics.begin(), metrics.end(), [](const auto& m) { return m.name == "acc_mutual_info"; })) {
            return {};
        }
        for (const std::string& choice : item.choices) {
            DWUBIT_TRY(add_request(item, "", built_.config.target_delimiter + choice));
        }
        return {};
    }

    // --- gold

    // The place of the choice that `gold` is: an integer, a float without fraction, or the choice's text.
    Result<std::int64_t> gold_index(const OrderedJson& gold, const std::vector<std::string>& choices) const {
        const char* key = built_.multiple_input ? "doc_to_text" : "doc_to_target";
        if (gold.is_string()) {
            const auto found = std::find(choices.begin(), choices.end(), gold.get_ref<const std::string&>());
            if (found != choices.end()) return found - choices.begin();
            return errorf(ErrorKind::kInvalidInput, "{}: '{}' is none of the choices", key,
                          printable(gold.get<std::string>(), 60))
                .with_hint("the choices: " + printable(dump_json(OrderedJson(choices)), 200));
        }
        auto index = as_index(gold);
        if (!index && gold.is_number_float() && std::floor(gold.get<double>()) == gold.get<double>() &&
            std::abs(gold.get<double>()) < 1e9) {
            index = static_cast<std::int64_t>(gold.get<double>());
        }
        if (!index) return wrong(key, "the number of a choice, or its text,", gold);
        if (*index >= 0 && static_cast<std::size_t>(*index) < choices.size()) return *index;
        return errorf(ErrorKind::kInvalidInput, "{}: {} is none of the {} choices, which count from 0", key, *index,
                      choices.size());
    }

    Result<void> check_gold(TaskItem& item) const {
        if (!built_.multiple_target || built_.multiple_input) {
            DWUBIT_ASSIGN(item.gold, gold_index(item.gold, item.choices));
            return {};
        }
        if (!item.gold.is_array()) return wrong("doc_to_target", "a list, as the first document's,", item.gold);
        for (OrderedJson& gold : item.gold) {
            DWUBIT_ASSIGN(gold, gold_index(gold, item.choices));
        }
        return {};
    }

    TaskDocuments documents_;
    BuildOptions options_;
    BuiltTask built_;
    const std::vector<Document>* evaluated_ = nullptr;
    const std::vector<Document>* pool_ = nullptr;
    PromptFields fields_, shot_fields_;
    PromptField description_, gen_prefix_, shot_prefix_;
    std::optional<FewshotSampler> sampler_;
    std::size_t bytes_ = 0;                          // of what is kept: prompts and examples
    std::vector<std::optional<std::string>> shots_;  // texts of the pool's documents, once they were drawn
};

}  // namespace

Result<BuiltTask> build_task(const TaskConfig& config, const DatasetFolders& datasets, const BuildOptions& options) {
    auto built = TaskBuilder(config, datasets, options).run();
    if (built.ok()) return built;
    Error error = std::move(built).error();
    error.message = fmt::format("task '{}': {}", printable(config.task), error.message);
    return error;
}

}  // namespace dwubit
