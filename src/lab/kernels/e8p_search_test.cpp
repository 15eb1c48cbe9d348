#include "lab/kernels/e8p_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "lab/kernels/test_codebook.h"

namespace dwubit {
namespace {

using testing::e8p_point;
using testing::e8p_words;
using testing::Point8;

const E8pSearchTable& table() {
    static const auto kTable = make_e8p_search_table(e8p_words());
    return *kTable;
}

std::vector<Isa> levels() {
    std::vector<Isa> list = {Isa::kRef};
    const Isa most = detect_cpu_isa().isa;
    if (most >= Isa::kAvx2) list.push_back(Isa::kAvx2);
    if (most >= Isa::kAvx512) list.push_back(Isa::kAvx512);
    return list;
}

// Coordinate by coordinate, [8, count].
std::vector<float> gaussian_columns(std::int64_t count, float scale, std::uint64_t seed) {
    Philox random(seed);
    std::vector<float> x(static_cast<std::size_t>(8 * count));
    for (float& value : x) value = scale * random.next_normal();
    return x;
}

struct Found {
    std::vector<std::int32_t> codes;
    std::vector<float> values;
};

Found search(Isa isa, const std::vector<float>& x) {
    const auto count = static_cast<std::int64_t>(x.size() / 8);
    Found found{std::vector<std::int32_t>(x.size() / 8), std::vector<float>(x.size())};
    e8p_search(isa)(table(), x.data(), count, count, found.codes.data(), found.values.data(), count);
    return found;
}

double squared_error(const std::vector<float>& x, const Point8& point, std::size_t r) {
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        const double off = x[i * (x.size() / 8) + r] - point[i];
        sum += off * off;
    }
    return sum;
}

TEST(E8pSearch, NoPointOfTheCodebookIsNearer) {
    // A dense sphere of inputs and some far outside; 2000 x 65536 distances.
    const auto words = e8p_words();
    std::vector<Point8> codebook;
    for (unsigned code = 0; code < 65536; ++code) codebook.push_back(e8p_point(words, code));
    constexpr std::size_t kCount = 2003;
    std::vector<float> x = gaussian_columns(kCount, 0.95f, 3);
    for (std::size_t r = 0; r < 200; ++r) {
        for (std::size_t i = 0; i < 8; ++i) x[i * kCount + r] *= r < 100 ? 3.0f : 40.0f;
    }
    std::vector<Found> found;
    for (const Isa isa : levels()) found.push_back(search(isa, x));
    for (std::size_t r = 0; r < kCount; ++r) {
        double least = std::numeric_limits<double>::infinity();
        for (const Point8& point : codebook) least = std::min(least, squared_error(x, point, r));
        for (std::size_t level = 0; level < found.size(); ++level) {
            const Point8& chosen = codebook[static_cast<std::size_t>(found[level].codes[r])];
            EXPECT_LE(squared_error(x, chosen, r), least + 1e-5 * (1 + least))
                << r << " by " << isa_name(levels()[level]);
            for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(found[level].values[i * kCount + r], chosen[i]) << r;
        }
    }
}

TEST(E8pSearch, FastLevelsFindWhatTheReferenceFinds) {
    for (const float scale : {0.3f, 0.9f, 1.03f, 1.3f}) {
        const std::vector<float> x = gaussian_columns(20001, scale, 4);
        const Found expected = search(Isa::kRef, x);
        std::vector<Found> fast;
        for (const Isa isa : levels()) {
            if (isa != Isa::kRef) fast.push_back(search(isa, x));
        }
        for (const Found& found : fast) {
            EXPECT_EQ(found.codes, fast[0].codes);  // AVX2 and AVX-512: the same bits
            std::size_t other = 0;
            for (std::size_t r = 0; r < expected.codes.size(); ++r)
                other += expected.codes[r] != found.codes[r] ? 1 : 0;
            EXPECT_LE(other, 2U) << scale;  // ties within float32's rounding
        }
    }
}

TEST(E8pSearch, EveryPointIsItsOwnNearest) {
    const auto words = e8p_words();
    std::vector<float> x(8 * 65536);
    for (unsigned code = 0; code < 65536; ++code) {
        const Point8 point = e8p_point(words, code);
        for (std::size_t i = 0; i < 8; ++i) x[i * 65536 + code] = point[i];
    }
    for (const Isa isa : levels()) {
        if (isa == Isa::kRef) continue;
        const Found found = search(isa, x);
        for (unsigned code = 0; code < 65536; ++code) ASSERT_EQ(found.codes[code], static_cast<std::int32_t>(code));
        EXPECT_EQ(found.values, x);
    }
    const std::vector<float> few = gaussian_columns(50, 1, 5);
    const Found first = search(Isa::kRef, few);
    EXPECT_EQ(search(Isa::kRef, first.values).codes, first.codes);
}

// What a vector gets does not depend on where it stands, or on its neighbours.
TEST(E8pSearch, VectorsDoNotSeeEachOther) {
    const std::vector<float> x = gaussian_columns(37, 1.1f, 6);
    for (const Isa isa : levels()) {
        const Found all = search(isa, x);
        for (std::size_t r = 0; r < 37; ++r) {
            std::vector<float> alone(8);
            for (std::size_t i = 0; i < 8; ++i) alone[i] = x[i * 37 + r];
            EXPECT_EQ(search(isa, alone).codes[0], all.codes[r]);
        }
    }
}

// 2^20 samples of a Gaussian at scale 1.03 and 0.9: the codebook loses 0.0912 and 0.0989 of the energy.
TEST(E8pSearch, MeanSquaredErrorOfAGaussian) {
    constexpr std::int64_t kSamples = 1 << 20;
    const Isa best = levels().back();
    for (const auto& [rho, low, high] : {std::tuple{1.03f, 0.0905, 0.0915}, std::tuple{0.9f, 0.098, 0.0998}}) {
        const std::vector<float> x = gaussian_columns(kSamples / 8, rho, 7);
        const Found found = search(best, x);
        double error = 0;
        double energy = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            error += std::pow(static_cast<double>(x[i]) - found.values[i], 2);
            energy += static_cast<double>(x[i]) * x[i];
        }
        EXPECT_GE(error / energy, low) << rho;
        EXPECT_LE(error / energy, high) << rho;
    }
}

// The second stage at 3 bits against all its points.
TEST(E8Search, FindsTheNearestOfItsPoints) {
    const auto doubled = testing::e8_doubled_points();
    const auto small = make_e8_search_table(std::span<const std::array<std::int8_t, 8>, kE8Points>(doubled));
    constexpr std::int64_t kCount = 3001;
    const std::vector<float> x = gaussian_columns(kCount, 0.8f, 8);
    for (const Isa isa : levels()) {
        std::vector<std::int32_t> codes(kCount);
        std::vector<float> values(x.size());
        e8_search(isa)(*small, x.data(), kCount, kCount, codes.data(), values.data(), kCount);
        for (std::size_t r = 0; r < kCount; ++r) {
            double least = std::numeric_limits<double>::infinity();
            Point8 chosen{};
            for (std::size_t g = 0; g < doubled.size(); ++g) {
                Point8 point{};
                for (std::size_t i = 0; i < 8; ++i) point[i] = 0.5f * static_cast<float>(doubled[g][i]);
                least = std::min(least, squared_error(x, point, r));
                if (static_cast<std::int32_t>(g) == codes[r]) chosen = point;
            }
            EXPECT_LE(squared_error(x, chosen, r), least + 1e-5) << r << " by " << isa_name(isa);
            for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(values[i * kCount + r], chosen[i]);
        }
    }
}

TEST(E8pSearch, InputsThatAreNoNumbersGiveSomePoint) {
    std::vector<float> x(8 * 4, 0.0f);
    x[0] = std::numeric_limits<float>::quiet_NaN();
    x[9] = std::numeric_limits<float>::infinity();
    x[18] = -3e38f;
    for (const Isa isa : levels()) {
        const Found found = search(isa, x);
        for (const std::int32_t code : found.codes) EXPECT_TRUE(code >= 0 && code < 65536);
        for (const float value : found.values) EXPECT_LE(std::fabs(value), 2.75f);
    }
}

}  // namespace
}  // namespace dwubit
