// The documents of a task's splits, each read and processed once.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dwubit/result.h"
#include "tasks/dataset.h"
#include "tasks/fields.h"
#include "tasks/task_config.h"

namespace dwubit {

class TaskDocuments {
public:
    // Both must outlive this.
    TaskDocuments(const TaskConfig& task, const DatasetFolders& folders) : task_(task), folders_(folders) {}

    // Not empty. The pointer holds as long as this. Errors name split and document.
    Result<const std::vector<Document>*> split(const std::string& name, const std::optional<std::string>& process_docs);

    // Where few-shot examples come from: fewshot_split, samples of the file, training, validation or test split.
    Result<const std::vector<Document>*> shots();
    // Its name in messages.
    std::string shots_name() const;

    const std::vector<std::string>& files() const { return files_; }

private:
    const TaskConfig& task_;
    const DatasetFolders& folders_;
    std::map<std::pair<std::string, std::string>, std::vector<Document>> read_;  // by split and function
    std::vector<Document> samples_;
    std::vector<std::string> files_;
};

// Names of the fields that any of the documents has.
std::set<std::string> features_of(const std::vector<Document>& documents);

}  // namespace dwubit
