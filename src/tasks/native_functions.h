// Functions that a YAML names with `!function`, in C++: no Python is run. functions.inc lists them.
//
// Where lm-evaluation-harness has `!function utils.process_docs` in tasks/hellaswag/, the function here is
// "hellaswag.process_docs": its own YAML works as it is.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct NativeFunction {
    enum class Kind {
        kDocument,  // process_docs: a document -> its fields, of which known ones are replaced, others added at the end
        kField,     // doc_to_text, doc_to_target, doc_to_choice: a document -> text, integer or list
        kResults,   // process_results of a rolling task: a document -> the text whose words and bytes are counted
    };

    std::string_view name;
    Kind kind;
    Result<OrderedJson> (*function)(const OrderedJson& document);
};

std::span<const NativeFunction> native_functions();

// By its full name; null where there is none.
const NativeFunction* find_native_function(std::string_view name);

// The function that `written` names in a YAML of folder `folder`: its full name, else "<folder>.<last part of
// written>". Error: Unsupported, with those that there are of that kind.
Result<const NativeFunction*> resolve_native_function(std::string_view written, std::string_view folder,
                                                      NativeFunction::Kind kind);

}  // namespace dwubit
