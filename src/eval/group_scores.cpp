#include "eval/group_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace dwubit {
namespace {

const TaskGroup* find_group(std::span<const TaskGroup> groups, const std::string& name) {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const TaskGroup& group) { return group.name == name; });
    return found == groups.end() ? nullptr : &*found;
}

constexpr std::size_t kMostTasks = 100'000;  // groups may hold each other in more ways than there is time for

// Tasks of a group and of the groups in it, in their order. A group that holds itself is taken once.
std::vector<std::string> tasks_of(const TaskGroup& group, std::span<const TaskGroup> groups,
                                  std::set<std::string>& above) {
    std::vector<std::string> tasks;
    if (!above.insert(group.name).second) return tasks;
    for (const std::string& member : group.members) {
        if (tasks.size() >= kMostTasks) break;
        if (const TaskGroup* const inner = find_group(groups, member)) {
            const auto found = tasks_of(*inner, groups, above);
            tasks.insert(tasks.end(), found.begin(), found.end());
        } else {
            tasks.push_back(member);
        }
    }
    above.erase(group.name);
    return tasks;
}

std::vector<const TaskGroup*> children_first(std::span<const TaskGroup> groups) {
    std::vector<const TaskGroup*> order;
    std::set<std::string> visited;
    const std::function<void(const TaskGroup&)> visit = [&](const TaskGroup& group) {
        if (!visited.insert(group.name).second) return;
        for (const std::string& member : group.members) {
            if (const TaskGroup* const inner = find_group(groups, member)) visit(*inner);
        }
        order.push_back(&group);
    };
    for (const TaskGroup& group : groups) visit(group);
    return order;
}

struct Part {
    double score;
    double size;
    OrderedJson error;
};

double mean(const std::vector<Part>& parts, bool weighted) {
    double sum = 0;
    double weight = 0;
    for (const Part& part : parts) {
        const double size = weighted ? part.size : 1;
        sum += part.score * size;
        weight += size;
    }
    return sum / weight;
}

// Weighted: the pooled variance of all documents over their count; else that of a mean of independent scores.
OrderedJson error_of(const std::vector<Part>& parts, bool weighted) {
    double sum = 0;
    double size = 0;
    for (const Part& part : parts) {
        if (!part.error.is_number()) return "N/A";
        const double error = part.error.get<double>();
        sum += weighted ? (part.size - 1) * error * error * part.size : error * error;
        size += part.size;
    }
    const auto count = static_cast<double>(parts.size());
    if (!weighted) return std::sqrt(sum) / count;
    return std::sqrt(sum / (size - count) / size);
}

// The filters under which the tasks have the metric, sorted.
std::set<std::string> filters_of(const std::string& metric, const std::vector<std::string>& tasks,
                                 const OrderedJson& results) {
    std::set<std::string> filters;
    const std::string prefix = metric + ",";
    for (const std::string& task : tasks) {
        const auto found = results.find(task);
        if (found == results.end()) continue;
        for (const auto& [key, value] : found->items()) {
            if (key.starts_with(prefix)) filters.insert(key.substr(prefix.size()));
        }
    }
    return filters;
}

OrderedJson group_object(const TaskGroup& group, const std::vector<std::string>& tasks,
                         const std::map<std::string, double>& sizes, const OrderedJson& results) {
    OrderedJson out = OrderedJson::object();
    out["alias"] = group.alias.empty() ? group.name : group.alias;
    out["name"] = group.name;
    if (group.aggregates.empty()) return out;
    const auto size_of = [&](const std::string& task) { return sizes.contains(task) ? sizes.at(task) : 0.0; };
    double documents = 0;
    for (const std::string& task : tasks) documents += size_of(task);
    out["sample_len"] = static_cast<std::int64_t>(documents);
    OrderedJson counts = OrderedJson::object();
    for (const TaskGroup::Aggregate& aggregate : group.aggregates) {
        std::set<std::string> filters{aggregate.filter};
        if (aggregate.filter.empty()) filters = filters_of(aggregate.metric, tasks, results);
        for (const std::string& filter : filters) {
            const std::string key = aggregate.metric + "," + filter;
            const std::string error_key = aggregate.metric + "_stderr," + filter;
            std::vector<Part> parts;
            for (const std::string& task : tasks) {
                const auto found = results.find(task);
                if (found == results.end() || !found->contains(key) || !found->at(key).is_number()) continue;
                parts.push_back({found->at(key).get<double>(), size_of(task), found->value(error_key, OrderedJson())});
            }
            if (parts.empty()) continue;
            out[key] = mean(parts, aggregate.weight_by_size);
            out[error_key] = error_of(parts, aggregate.weight_by_size);
            double count = 0;
            for (const Part& part : parts) count += part.size;
            counts[key] = static_cast<std::int64_t>(count);
        }
    }
    if (!counts.empty()) out["sample_count"] = std::move(counts);
    return out;
}

}  // namespace

void add_group_scores(std::span<const TaskGroup> groups, const std::map<std::string, double>& sizes,
                      OrderedJson& results) {
    for (const TaskGroup* const group : children_first(groups)) {
        std::set<std::string> above;
        results[group->name] = group_object(*group, tasks_of(*group, groups, above), sizes, results);
    }
}

void add_group_shots(std::span<const TaskGroup> groups, OrderedJson& shots) {
    for (const TaskGroup& group : groups) {
        std::set<OrderedJson> found;
        for (const std::string& member : group.members) {
            if (shots.contains(member)) found.insert(shots.at(member));
        }
        if (found.size() == 1) shots[group.name] = *found.begin();
    }
}

void add_group_directions(std::span<const TaskGroup> groups, OrderedJson& higher_is_better) {
    for (const TaskGroup& group : groups) {
        OrderedJson merged = OrderedJson::object();
        for (const std::string& member : group.members) {
            const auto found = higher_is_better.find(member);
            if (found == higher_is_better.end()) continue;
            for (const auto& [metric, direction] : found->items()) {
                if (!merged.contains(metric)) {
                    merged[metric] = direction;
                } else if (merged.at(metric) != direction) {
                    merged[metric] = nullptr;
                }
            }
        }
        if (!merged.empty()) higher_is_better[group.name] = std::move(merged);
    }
}

}  // namespace dwubit
