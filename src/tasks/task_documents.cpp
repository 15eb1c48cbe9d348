#include "tasks/task_documents.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "tasks/native_functions.h"

namespace dwubit {
namespace {

Error at_document(const std::string& split, std::size_t number, Error error) {
    error.message = fmt::format("document {} of '{}': {}", number, printable(split), error.message);
    return error;
}

// What a function gives replaces fields of that name, and is added at the end otherwise.
Result<OrderedJson> processed(const OrderedJson& document, const NativeFunction& function) {
    DWUBIT_ASSIGN(const OrderedJson made, function.function(document));
    OrderedJson all = document;
    for (const auto& [key, value] : made.items()) all[key] = value;
    return all;
}

Result<std::vector<Document>> make_documents(std::vector<OrderedJson> raw, const std::string& split,
                                             const std::optional<std::string>& process_docs) {
    std::vector<Document> documents;
    documents.reserve(raw.size());
    for (OrderedJson& json : raw) {
        const auto failed = [&](Error error) { return at_document(split, documents.size(), std::move(error)); };
        if (process_docs) {
            auto made = processed(json, *find_native_function(*process_docs));
            if (!made.ok()) return failed(std::move(made).error());
            json = std::move(*made);
        }
        auto document = make_document(std::move(json));
        if (!document.ok()) return failed(std::move(document).error());
        documents.push_back(std::move(*document));
    }
    return documents;
}

}  // namespace

std::set<std::string> features_of(const std::vector<Document>& documents) {
    std::set<std::string> names;
    for (const Document& document : documents) {
        for (const auto& [key, value] : document.json.items()) names.insert(key);
    }
    return names;
}

Result<const std::vector<Document>*> TaskDocuments::split(const std::string& name,
                                                          const std::optional<std::string>& process_docs) {
    const std::pair key(name, process_docs.value_or(""));
    if (const auto found = read_.find(key); found != read_.end()) return &found->second;
    const bool data_files = reads_data_files(task_.dataset_path, task_.dataset_kwargs);
    DWUBIT_ASSIGN(DatasetSplit read,
                  data_files ? read_data_files(folders_, task_.file.parent_path(), task_.dataset_kwargs, name)
                             : read_split(folders_, task_.dataset_path, task_.dataset_name, name));
    for (std::string& file : read.files) {
        if (std::find(files_.begin(), files_.end(), file) == files_.end()) files_.push_back(std::move(file));
    }
    if (read.documents.empty()) return errorf(ErrorKind::kInvalidInput, "split '{}' is empty", printable(name));
    DWUBIT_ASSIGN(std::vector<Document> documents, make_documents(std::move(read.documents), name, process_docs));
    return &read_.emplace(key, std::move(documents)).first->second;
}

Result<const std::vector<Document>*> TaskDocuments::shots() {
    const FewshotConfig& fewshot = task_.fewshot;
    if (fewshot.split) return split(*fewshot.split, fewshot.process_docs);
    if (fewshot.samples) {
        if (samples_.empty()) {
            DWUBIT_ASSIGN(samples_, make_documents(*fewshot.samples, shots_name(), std::nullopt));
        }
        return &samples_;
    }
    return split(shots_name(), task_.process_docs);
}

std::string TaskDocuments::shots_name() const {
    const FewshotConfig& fewshot = task_.fewshot;
    if (fewshot.split) return *fewshot.split;
    if (fewshot.samples) return "samples";
    if (task_.training_split) return *task_.training_split;
    return task_.validation_split ? *task_.validation_split : *task_.test_split;
}

}  // namespace dwubit
