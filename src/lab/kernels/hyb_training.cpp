#include "lab/kernels/hyb_training.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/float16.h"
#include "base/philox.h"

namespace dwubit {
namespace {

constexpr std::size_t kSamples = std::size_t{1} << 20;
constexpr std::size_t kCentres = 512;
constexpr double kEnough = 1e-6;

struct Pair {
    double a = 0;
    double b = 0;
};

std::vector<Pair> gaussian_pairs(std::uint64_t stream, std::size_t count) {
    Philox random(0, stream);
    std::vector<Pair> pairs(count);
    for (Pair& pair : pairs) {
        pair.a = random.next_normal();
        pair.b = random.next_normal();
    }
    return pairs;
}

double distance(const Pair& p, const Pair& q) {
    return (p.a - q.a) * (p.a - q.a) + (p.b - q.b) * (p.b - q.b);
}

// Centres in the order of their first coordinate, so that a search may stop where that alone is too far.
class Search {
public:
    explicit Search(const std::vector<Pair>& centres) {
        for (std::size_t i = 0; i < centres.size(); ++i) sorted_.push_back({centres[i], i});
        std::stable_sort(sorted_.begin(), sorted_.end(),
                         [](const Centre& p, const Centre& q) { return p.at.a < q.at.a; });
        position_.resize(centres.size());
        for (std::size_t i = 0; i < sorted_.size(); ++i) position_[sorted_[i].index] = i;
    }

    // guess: the centre that the search starts from.
    std::size_t nearest(const Pair& sample, std::size_t guess) const {
        const std::size_t start = position_[guess];
        std::size_t best = start;
        double least = distance(sample, sorted_[start].at);
        const auto look = [&](std::size_t i, double ahead) {
            if (ahead > 0 && ahead * ahead > least) return false;
            const double here = distance(sample, sorted_[i].at);
            if (here < least) {
                least = here;
                best = i;
            }
            return true;
        };
        for (std::size_t i = start + 1; i < sorted_.size() && look(i, sorted_[i].at.a - sample.a); ++i) {
        }
        for (std::size_t i = start; i-- > 0 && look(i, sample.a - sorted_[i].at.a);) {
        }
        return sorted_[best].index;
    }

private:
    struct Centre {
        Pair at;
        std::size_t index;
    };
    std::vector<Centre> sorted_;
    std::vector<std::size_t> position_;
};

// One round of Lloyd's algorithm; returns the mean squared distance per number before it. A centre that no sample is
// nearest to stays.
double move_centres(const std::vector<Pair>& samples, std::vector<std::size_t>& nearest, std::vector<Pair>& centres) {
    const Search search(centres);
    std::vector<Pair> sums(centres.size());
    std::vector<std::size_t> counts(centres.size());
    double total = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::size_t k = nearest[i] = search.nearest(samples[i], nearest[i]);
        total += distance(samples[i], centres[k]);
        sums[k].a += samples[i].a;
        sums[k].b += samples[i].b;
        ++counts[k];
    }
    for (std::size_t k = 0; k < centres.size(); ++k) {
        if (counts[k] == 0) continue;
        const auto count = static_cast<double>(counts[k]);
        centres[k] = {sums[k].a / count, sums[k].b / count};
    }
    return total / (2 * static_cast<double>(samples.size()));
}

double standard_deviation(const std::vector<Pair>& pairs) {
    const auto count = 2 * static_cast<double>(pairs.size());
    double sum = 0;
    double squares = 0;
    for (const Pair& pair : pairs) {
        sum += pair.a + pair.b;
        squares += pair.a * pair.a + pair.b * pair.b;
    }
    const double mean = sum / count;
    return std::sqrt(squares / count - mean * mean);
}

}  // namespace

HybTraining train_hyb_table() {
    const std::vector<Pair> samples = gaussian_pairs(0, kSamples);
    std::vector<Pair> centres = gaussian_pairs(1, kCentres);
    std::vector<std::size_t> nearest(samples.size());
    HybTraining training;
    double before = 0;
    do {
        before = training.distortion;
        training.distortion = move_centres(samples, nearest, centres);
        ++training.rounds;
    } while (training.rounds == 1 || before - training.distortion >= kEnough * training.distortion);
    const double scale = std::sqrt(15.0 / 16.0) / standard_deviation(centres);
    for (std::size_t k = 0; k < centres.size(); ++k) {
        training.table[2 * k] = to_f16(static_cast<float>(scale * centres[k].a)).bits;
        training.table[2 * k + 1] = to_f16(static_cast<float>(scale * centres[k].b)).bits;
    }
    return training;
}

}  // namespace dwubit
