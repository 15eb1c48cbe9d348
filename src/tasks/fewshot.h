// Which documents stand as examples in front of a question, as lm-evaluation-harness picks them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dwubit/result.h"
#include "tasks/fields.h"
#include "tasks/python_random.h"
#include "tasks/task.h"

namespace dwubit {

// One draw per evaluated document, in their order.
class FewshotSampler {
public:
    // `pool` must outlive this. `excludes`: the evaluated document may lie in the pool, and must not be its own
    // example.
    // `name` is the pool's in messages.
    FewshotSampler(const std::vector<Document>& pool, std::string name, const std::string& sampler, bool excludes,
                   const BuildOptions& options)
        : pool_(pool),
          name_(std::move(name)),
          first_n_(sampler == "first_n"),
          excludes_(excludes),
          polish_(options.harness == Harness::kPolish),
          random_(options.fewshot_seed) {}

    // Places in the pool, `count` of them (kPolish: or fewer). Error: the pool is too small.
    Result<std::vector<std::size_t>> pick(std::size_t count, const OrderedJson& evaluated);

private:
    Result<std::vector<std::size_t>> pick_current(std::size_t count, const OrderedJson& evaluated);
    Result<std::vector<std::size_t>> pick_polish(std::size_t count, const OrderedJson& evaluated);
    Result<std::vector<std::size_t>> sample(std::size_t count);
    std::vector<std::size_t> others(const OrderedJson& evaluated) const;
    void remove_equal(std::vector<std::size_t>& places, const OrderedJson& evaluated) const;

    Error too_few(std::size_t needed, std::size_t there) const;

    const std::vector<Document>& pool_;
    std::string name_;
    bool first_n_;
    bool excludes_;
    bool polish_;
    PythonRandom random_;
};

}  // namespace dwubit
