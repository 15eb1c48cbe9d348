// doc_to_text, doc_to_target, doc_to_choice, gen_prefix and description of a task, for one document after the other,
// with the conversions of lm-evaluation-harness' ConfigurableTask.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"
#include "tasks/task_config.h"
#include "template/template.h"

namespace dwubit {

struct Document {
    OrderedJson json;    // object, keys in file order
    tmpl::Value values;  // the same for templates
};

Result<Document> make_document(OrderedJson json);

// What a field gives, and whether a template gave it.
struct FieldValue {
    OrderedJson value;
    bool rendered = false;
};

// A FieldSource, compiled. Messages begin with the key's name.
class PromptField {
public:
    PromptField() = default;
    // `features`: names of the documents' fields, which a text that is one of them stands for.
    static Result<PromptField> create(const FieldSource& source, std::string key,
                                      const std::set<std::string>& features);
    // Text that is a template or a field's name, as gen_prefix.
    static Result<PromptField> create(const std::string& text, std::string key, const std::set<std::string>& features);

    bool is_set() const { return source_.kind != FieldSource::Kind::kNone; }
    Result<FieldValue> value(const Document& document) const;
    // Error: it is not text.
    Result<std::string> text(const Document& document) const;

private:
    std::string key_;
    FieldSource source_;
    bool is_feature_ = false;
    std::optional<tmpl::Template> template_;
};

// The three fields of a prompt: the task's own, or those for few-shot examples.
class PromptFields {
public:
    // Error: a text that is a word, but no field's name.
    static Result<PromptFields> create(const TaskConfig& task, const std::set<std::string>& features);
    // The same with what fewshot_config has instead.
    Result<PromptFields> for_shots(const FewshotConfig& shots, const std::set<std::string>& features) const;

    bool has_choices() const { return choice_.is_set(); }
    // Text; an integer where the task has choices and it is one; or what the document's field holds.
    Result<OrderedJson> text(const Document& document) const;
    Result<OrderedJson> target(const Document& document) const;
    Result<std::vector<std::string>> choices(const Document& document) const;

private:
    PromptField text_, target_, choice_;
    bool task_has_choices_ = false;
};

// An integer or a boolean, as Python takes both for an index.
std::optional<std::int64_t> as_index(const OrderedJson& value);

}  // namespace dwubit
