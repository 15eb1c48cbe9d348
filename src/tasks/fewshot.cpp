#include "tasks/fewshot.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "tasks/python_value.h"

namespace dwubit {
Error FewshotSampler::too_few(std::size_t needed, std::size_t there) const {
    return errorf(ErrorKind::kInvalidInput, "{} few-shot documents are needed, and there are {} in '{}'", needed, there,
                  printable(name_))
        .with_hint("ask for fewer with --num_fewshot");
}

void FewshotSampler::remove_equal(std::vector<std::size_t>& places, const OrderedJson& evaluated) const {
    std::erase_if(places, [&](std::size_t place) { return python_equal(pool_[place].json, evaluated); });
}

// The pool without copies of the evaluated document.
std::vector<std::size_t> FewshotSampler::others(const OrderedJson& evaluated) const {
    std::vector<std::size_t> places(pool_.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    remove_equal(places, evaluated);
    return places;
}

Result<std::vector<std::size_t>> FewshotSampler::sample(std::size_t count) {
    if (count > pool_.size()) return too_few(count, pool_.size());
    return random_.sample(pool_.size(), count);
}

Result<std::vector<std::size_t>> FewshotSampler::pick(std::size_t count, const OrderedJson& evaluated) {
    if (count == 0) return std::vector<std::size_t>();
    return polish_ ? pick_polish(count, evaluated) : pick_current(count, evaluated);
}

Result<std::vector<std::size_t>> FewshotSampler::pick_current(std::size_t count, const OrderedJson& evaluated) {
    if (first_n_) {
        std::vector<std::size_t> places = others(excludes_ ? evaluated : OrderedJson());
        if (places.size() < count) return too_few(count, places.size());
        places.resize(count);
        return places;
    }
    // Python takes an empty document for none.
    if (!excludes_ || evaluated.empty()) return sample(count);
    DWUBIT_ASSIGN(std::vector<std::size_t> places, sample(count + 1));
    remove_equal(places, evaluated);
    if (places.size() < count) {
        // Copies of the document were drawn; the second draw is from the pool without any.
        const std::vector<std::size_t> rest = others(evaluated);
        if (rest.size() < count) return too_few(count, rest.size());
        places = random_.sample(rest.size(), count);
        for (std::size_t& place : places) place = rest[place];
    }
    places.resize(count);
    return places;
}

// The reference study's fork: one more is drawn where the splits have one name, and an equal document is always
// dropped, also where that leaves fewer than `count`.
Result<std::vector<std::size_t>> FewshotSampler::pick_polish(std::size_t count, const OrderedJson& evaluated) {
    const std::size_t drawn = count + (excludes_ ? 1 : 0);
    std::vector<std::size_t> places(drawn);
    if (first_n_) {
        if (drawn > pool_.size()) return too_few(drawn, pool_.size());
        std::iota(places.begin(), places.end(), std::size_t{0});
    } else {
        DWUBIT_ASSIGN(places, sample(drawn));
    }
    remove_equal(places, evaluated);
    places.resize(std::min(places.size(), count));
    return places;
}

}  // namespace dwubit
