// Folders of results as an evaluation leaves them, of any scores, for tests of what reads them.
#pragma once

#include <string>
#include <vector>

#include "json/json.h"
#include "support/temp_folder.h"

namespace dwubit::testing {

// A task of documents 0, 1, ...; its metrics' aggregation is "mean" unless `config` has a metric_list.
struct WrittenTask {
    std::string name = "t";
    std::string output_type = "multiple_choice";
    // values[<metric>][i], of filter "none"; null: the line has no such member
    std::vector<std::pair<std::string, std::vector<OrderedJson>>> values;
    std::vector<std::size_t> choices = {};       // of each document; two where there are none
    OrderedJson scores = OrderedJson::object();  // "<metric>,none" where the score is not the mean
};

// Members of the results file and lines of the samples, to be changed at will before write().
struct ResultsFolder {
    OrderedJson results;
    std::vector<std::pair<std::string, std::vector<OrderedJson>>> samples;  // by task

    explicit ResultsFolder(const std::vector<WrittenTask>& tasks);
    // results_<stamp>.json and samples_<task>_<stamp>.jsonl in folder/name; returns that.
    std::filesystem::path write(const TempFolder& folder, const std::string& name,
                                const std::string& stamp = "2026-01-01T00-00-00.000001") const;
};

}  // namespace dwubit::testing
