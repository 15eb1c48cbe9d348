#include "tasks/fields.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "tasks/native_functions.h"
#include "tasks/python_value.h"

namespace dwubit {
namespace {

Error in_field(const std::string& key, Error error) {
    error.message = key + ": " + error.message;
    return error;
}

std::string fields_of(const OrderedJson& document) {
    std::string names;
    for (const auto& [key, value] : document.items()) names += (names.empty() ? "" : ", ") + key;
    return fmt::format("fields of the document: {}", names.empty() ? "none" : printable(names, 300));
}

// A text that is a name but no field's would be the same prompt or answer for every document.
Result<void> check_name(const FieldSource& source, const char* key, const std::set<std::string>& features) {
    const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    const std::string& text = source.text;
    const bool is_name = source.kind == FieldSource::Kind::kTemplate && !text.empty() &&
                         !is_digits(text.substr(0, 1)) && std::all_of(text.begin(), text.end(), is_letter);
    if (!is_name || features.contains(text)) return {};
    return errorf(ErrorKind::kInvalidInput, "{}: the documents have no field '{}'", key, printable(text))
        .with_hint(fmt::format("their fields: {}; a text that is no field's name is written as {{{{ \"{}\" }}}}",
                               printable(fmt::format("{}", fmt::join(features, ", ")), 300), printable(text)));
}

// doc_to_choice may be a tuple in Python's eyes; a dict or text is none.
Result<OrderedJson> literal_of(const std::string& text) {
    auto literal = parse_python_literal(text);
    if (literal.ok()) return literal;
    return errorf(ErrorKind::kInvalidInput, "'{}' is not a list of choices: {}", printable(text),
                  literal.error().message)
        .with_hint("the template must give a Python list, as {{choices}} or [\"yes\", \"no\"] do");
}

}  // namespace

Result<Document> make_document(OrderedJson json) {
    DWUBIT_ASSIGN(tmpl::Value values, template_value_of(json));
    return Document{std::move(json), std::move(values)};
}

std::optional<std::int64_t> as_index(const OrderedJson& value) {
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (!value.is_number_integer()) return std::nullopt;
    return value.get<std::int64_t>();
}

Result<PromptField> PromptField::create(const FieldSource& source, std::string key,
                                        const std::set<std::string>& features) {
    PromptField field;
    field.key_ = std::move(key);
    field.source_ = source;
    if (source.kind != FieldSource::Kind::kTemplate) return field;
    field.is_feature_ = features.contains(source.text);
    if (field.is_feature_) return field;
    auto parsed = tmpl::Template::parse(source.text);
    if (!parsed.ok()) return in_field(field.key_, std::move(parsed).error());
    field.template_ = std::move(*parsed);
    return field;
}

Result<PromptField> PromptField::create(const std::string& text, std::string key,
                                        const std::set<std::string>& features) {
    FieldSource source;
    source.kind = FieldSource::Kind::kTemplate;
    source.text = text;
    return create(source, std::move(key), features);
}

Result<FieldValue> PromptField::value(const Document& document) const {
    switch (source_.kind) {
        case FieldSource::Kind::kNone:
            return FieldValue{};
        case FieldSource::Kind::kInteger:
            return FieldValue{source_.integer, false};
        case FieldSource::Kind::kList:
            return FieldValue{source_.list, false};
        case FieldSource::Kind::kFunction: {
            auto made = find_native_function(source_.text)->function(document.json);
            if (!made.ok()) return in_field(key_, std::move(made).error());
            return FieldValue{std::move(*made), false};
        }
        case FieldSource::Kind::kTemplate:
            break;
    }
    if (is_feature_) {
        const auto found = document.json.find(source_.text);
        if (found != document.json.end()) return FieldValue{*found, false};
        return errorf(ErrorKind::kInvalidInput, "{}: the document has no field '{}'", key_, printable(source_.text))
            .with_hint(fields_of(document.json));
    }
    auto rendered = template_->render(document.values);
    if (rendered.ok()) return FieldValue{std::move(*rendered), true};
    Error error = in_field(key_, std::move(rendered).error());
    if (error.hint.empty()) error.hint = fields_of(document.json);
    return error;
}

Result<std::string> PromptField::text(const Document& document) const {
    DWUBIT_ASSIGN(const FieldValue made, value(document));
    if (made.value.is_string()) return made.value.get<std::string>();
    return errorf(ErrorKind::kInvalidInput, "{}: text is needed, not {} ({})", key_,
                  printable(dump_json(made.value), 40), python_type(made.value));
}

Result<PromptFields> PromptFields::create(const TaskConfig& task, const std::set<std::string>& features) {
    for (const auto& [source, key] :
         {std::pair(&task.doc_to_text, "doc_to_text"), {&task.doc_to_target, "doc_to_target"}}) {
        DWUBIT_TRY(check_name(*source, key, features));
    }
    PromptFields fields;
    fields.task_has_choices_ = task.doc_to_choice.kind != FieldSource::Kind::kNone;
    DWUBIT_ASSIGN(fields.text_, PromptField::create(task.doc_to_text, "doc_to_text", features));
    DWUBIT_ASSIGN(fields.target_, PromptField::create(task.doc_to_target, "doc_to_target", features));
    DWUBIT_ASSIGN(fields.choice_, PromptField::create(task.doc_to_choice, "doc_to_choice", features));
    return fields;
}

Result<PromptFields> PromptFields::for_shots(const FewshotConfig& shots, const std::set<std::string>& features) const {
    PromptFields fields = *this;
    const auto replace = [&](PromptField& field, const FieldSource& source, const char* key) -> Result<void> {
        if (source.kind == FieldSource::Kind::kNone) return {};
        DWUBIT_ASSIGN(field, PromptField::create(source, fmt::format("fewshot_config.{}", key), features));
        return {};
    };
    DWUBIT_TRY(replace(fields.text_, shots.doc_to_text, "doc_to_text"));
    DWUBIT_TRY(replace(fields.target_, shots.doc_to_target, "doc_to_target"));
    DWUBIT_TRY(replace(fields.choice_, shots.doc_to_choice, "doc_to_choice"));
    return fields;
}

Result<OrderedJson> PromptFields::text(const Document& document) const {
    DWUBIT_ASSIGN(FieldValue made, text_.value(document));
    if (!made.rendered || !task_has_choices_) return std::move(made.value);
    const auto& text = made.value.get_ref<const std::string&>();
    if (!is_digits(text)) return std::move(made.value);
    auto number = parse_python_literal(text);
    if (!number.ok()) return in_field("doc_to_text", std::move(number).error());
    return number;
}

Result<OrderedJson> PromptFields::target(const Document& document) const {
    DWUBIT_ASSIGN(FieldValue made, target_.value(document));
    if (!made.rendered) return std::move(made.value);
    const auto& text = made.value.get_ref<const std::string&>();
    if (task_has_choices_ && is_digits(text)) {
        auto number = parse_python_literal(text);
        if (!number.ok()) return in_field("doc_to_target", std::move(number).error());
        return number;
    }
    if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::move(made.value);
    auto list = parse_python_literal(text);
    // What is no list is text, as it stands.
    if (!list.ok()) return std::move(made.value);
    return list;
}

Result<std::vector<std::string>> PromptFields::choices(const Document& document) const {
    DWUBIT_ASSIGN(FieldValue made, choice_.value(document));
    if (made.rendered) {
        auto literal = literal_of(made.value.get<std::string>());
        if (!literal.ok()) return in_field("doc_to_choice", std::move(literal).error());
        made.value = std::move(*literal);
    }
    if (!made.value.is_array() || made.value.empty()) {
        return errorf(ErrorKind::kInvalidInput, "doc_to_choice: a list of texts is needed, not {}",
                      printable(dump_json(made.value), 60));
    }
    std::vector<std::string> choices;
    for (const OrderedJson& choice : made.value) {
        if (!choice.is_string()) {
            return errorf(ErrorKind::kInvalidInput, "doc_to_choice: choice {} is {} ({}), not text", choices.size(),
                          printable(dump_json(choice), 40), python_type(choice))
                .with_hint("make it text in the template: {{choices|map('string')|list}}");
        }
        choices.push_back(choice.get<std::string>());
    }
    return choices;
}

}  // namespace dwubit
