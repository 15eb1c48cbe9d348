// What every transform of transforms.inc has to keep, with its own test_params() and sizes of all kinds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/philox.h"
#include "runtime/transforms/transform.h"

namespace dwubit {
namespace {

constexpr std::int64_t kSizes[] = {1, 2, 7, 8, 12, 33, 48, 100, 144, 240, 512, 576, 1792};

struct Case {
    const Transform* transform;
    std::int64_t n;
    Json params;
};

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Transform* transform : transforms()) {
        for (const std::int64_t n : kSizes) {
            for (Json& params : transform->test_params(n)) cases.push_back({transform, n, std::move(params)});
        }
    }
    return cases;
}

std::string describe(const Case& c) {
    return fmt::format("{} {} {}", c.transform->id, c.n, dump_json(c.params));
}

// Signs where the parameters have factors.
std::vector<float> factors_of(const Case& c) {
    return c.transform->fields(c.params, c.n, Side::kIn).empty() ? std::vector<float>() : random_signs(3, 1, c.n);
}

std::unique_ptr<BoundTransform> make(const Case& c) {
    Result<std::unique_ptr<BoundTransform>> made = make_transform(*c.transform, c.params, c.n, factors_of(c));
    EXPECT_TRUE(made.ok()) << made.error().message;
    return std::move(made).value();
}

std::vector<float> gaussian(std::int64_t count, std::uint64_t seed) {
    Philox random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = random.next_normal();
    return values;
}

TEST(TransformConformance, ParametersAreNormalisedOnce) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const Result<Json> again = c.transform->check_params(c.params, c.n);
        ASSERT_TRUE(again.ok()) << again.error().message;
        EXPECT_EQ(*again, c.params);
    }
}

TEST(TransformConformance, MatricesAreOrthogonal) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const auto transform = make(c);
        const OrthogonalityError error = orthogonality_error(*transform);
        EXPECT_LT(error.f64, 1e-13);
        EXPECT_LT(error.f32, 1e-6);
        if (c.n > 600) continue;
        const std::vector<double> t = transform_matrix(*transform);
        const auto n = static_cast<std::size_t>(c.n);
        double worst = 0;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                double dot = 0;
                for (std::size_t k = 0; k < n; ++k) dot += t[i * n + k] * t[j * n + k];
                worst = std::max(worst, std::abs(dot - (i == j ? 1.0 : 0.0)));
            }
        }
        EXPECT_LT(worst, 1e-12);
    }
}

// Rows in float32 and float64 are what the matrix says, and the transpose is the matrix's.
TEST(TransformConformance, RowsAreThoseOfTheMatrix) {
    for (const Case& c : all_cases()) {
        if (c.n > 600) continue;
        SCOPED_TRACE(describe(c));
        const auto transform = make(c);
        const std::vector<double> t = transform_matrix(*transform);
        const auto n = static_cast<std::size_t>(c.n);
        constexpr std::size_t kRows = 3;
        const std::vector<float> x = gaussian(kRows * c.n, 4);
        for (const bool transposed : {false, true}) {
            std::vector<float> f32 = x;
            std::vector<double> f64(x.begin(), x.end());
            transposed ? transform->apply_transposed(kRows, f32.data()) : transform->apply(kRows, f32.data());
            transposed ? transform->apply_transposed(kRows, f64.data()) : transform->apply(kRows, f64.data());
            for (std::size_t r = 0; r < kRows; ++r) {
                for (std::size_t i = 0; i < n; ++i) {
                    double expected = 0;
                    for (std::size_t j = 0; j < n; ++j) {
                        expected += (transposed ? t[j * n + i] : t[i * n + j]) * double{x[r * n + j]};
                    }
                    ASSERT_NEAR(f64[r * n + i], expected, 1e-12);
                    ASSERT_NEAR(f32[r * n + i], expected, 3e-6);
                }
            }
        }
    }
}

TEST(TransformConformance, RowsAloneAreAsTogether) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const auto transform = make(c);
        std::vector<float> together = gaussian(4 * c.n, 5);
        std::vector<float> alone = together;
        transform->apply(4, together.data());
        for (int r = 0; r < 4; ++r) transform->apply(1, alone.data() + r * c.n);
        EXPECT_EQ(alone, together);
    }
}

TEST(TransformConformance, ParametersThatDoNotFitAreRefused) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        Json bad = c.params;
        bad["surplus"] = 1;
        const auto surplus = c.transform->check_params(bad, c.n);
        ASSERT_FALSE(surplus.ok());
        EXPECT_NE(surplus.error().message.find("'surplus'"), std::string::npos) << surplus.error().message;
        EXPECT_FALSE(c.transform->check_params(Json::array(), c.n).ok());
        EXPECT_FALSE(c.transform->check_params(c.params, 0).ok());
        EXPECT_FALSE(c.transform->check_params(c.params, std::int64_t{1} << 40).ok());
        for (const auto& [key, value] : c.params.items()) {
            bad = c.params;
            bad[key] = Json::object();
            const auto refused = c.transform->check_params(bad, c.n);
            ASSERT_FALSE(refused.ok()) << key;
            EXPECT_NE(refused.error().message.find("'" + key + "'"), std::string::npos) << refused.error().message;
        }
    }
}

TEST(TransformConformance, BuffersThatDoNotFitAreRefused) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        for (const Side side : {Side::kIn, Side::kOut}) {
            const std::vector<TransformField> fields = c.transform->fields(c.params, c.n, side);
            const auto bytes = c.transform->write(c.params, c.n, factors_of(c));
            ASSERT_TRUE(bytes.ok()) << bytes.error().message;
            ASSERT_EQ(bytes->size(), fields.size());
            std::vector<TensorView> good;
            for (std::size_t i = 0; i < fields.size(); ++i) {
                EXPECT_EQ(fields[i].name, side == Side::kIn ? "sign_in" : "sign_out");
                good.push_back({fields[i].name, fields[i].dtype, fields[i].shape, (*bytes)[i], "memory"});
            }
            const auto check = [&](const std::vector<TensorView>& views) {
                return check_transform_fields(*c.transform, c.params, c.n, side, views, "module 'm'");
            };
            EXPECT_TRUE(check(good).ok());
            std::vector<TensorView> bad = good;
            bad.push_back({"perm", DType::kU8, {0}, {}, "memory"});
            EXPECT_FALSE(check(bad).ok());
            if (good.empty()) continue;
            EXPECT_FALSE(check({}).ok());
            bad = good;
            bad[0].bytes = bad[0].bytes.first(bad[0].bytes.size() - 1);
            const auto refused = check(bad);
            ASSERT_FALSE(refused.ok());
            EXPECT_NE(refused.error().message.find("'" + bad[0].name + "'"), std::string::npos);
            ASSERT_FALSE(refused.error().context.empty());
            EXPECT_NE(refused.error().context.back().find("module 'm'"), std::string::npos);
            bad = good;
            bad[0].dtype = DType::kI8;
            EXPECT_FALSE(check(bad).ok());
        }
    }
}

TEST(TransformConformance, KernelsAreNamedByWhatTheyAre) {
    std::set<std::string> names;
    for (const Transform* transform : transforms()) {
        bool has_reference = false;
        for (const TransformKernel& kernel : transform->kernels) {
            const std::string name = kernel.name;
            EXPECT_TRUE(names.insert(name).second) << name;
            EXPECT_TRUE(name.starts_with(std::string(transform->id) + "_apply_")) << name;
            const bool cpu = std::string(kernel.device) == "cpu";
            EXPECT_TRUE(name.ends_with(cpu ? "_" + std::string(isa_name(kernel.isa)) : "_cuda")) << name;
            has_reference = has_reference || (cpu && kernel.isa == Isa::kRef);
        }
        EXPECT_TRUE(has_reference) << transform->id;
    }
    for (const Case& c : all_cases()) EXPECT_EQ(names.count(make(c)->kernel()), 1U) << make(c)->kernel();
}

TEST(Transforms, FoundById) {
    for (const Transform* transform : transforms()) EXPECT_EQ(find_transform(transform->id).value(), transform);
    const auto misspelt = find_transform("blok_rht");
    ASSERT_FALSE(misspelt.ok());
    EXPECT_EQ(misspelt.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(misspelt.error().hint.find("block_rht"), std::string::npos);
}

TEST(Transforms, SignsAreAFunctionOfSeedAndStream) {
    const std::vector<float> signs = random_signs(7, 1, 4096);
    EXPECT_EQ(random_signs(7, 1, 100), std::vector<float>(signs.begin(), signs.begin() + 100));
    EXPECT_NE(random_signs(7, 2, 4096), signs);
    EXPECT_NE(random_signs(8, 1, 4096), signs);
    const auto negative = std::count(signs.begin(), signs.end(), -1.0f);
    EXPECT_EQ(negative + std::count(signs.begin(), signs.end(), 1.0f), 4096);
    EXPECT_NEAR(static_cast<double>(negative), 2048, 5 * 32);  // five standard deviations
}

}  // namespace
}  // namespace dwubit
