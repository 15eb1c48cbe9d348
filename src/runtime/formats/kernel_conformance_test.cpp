// Every row of every format's kernel table against the sum by definition and against the reference row, over shapes
// with ragged edges and one to eight rows; docs/add-a-kernel.md. Rows that this processor cannot run are skipped by
// name.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/philox.h"
#include "base/thread_pool.h"
#include "runtime/formats/format_weight.h"
#include "runtime/ops/op_table.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::random_codes;

struct Row {
    const Format* format;
    const FormatKernel* kernel;
};

std::vector<Row> rows_with(bool products) {
    std::vector<Row> rows;
    for (const Format* format : formats()) {
        for (const FormatKernel& kernel : format->kernels) {
            if (std::string_view(kernel.device) != "cpu") continue;
            if (products ? kernel.product != nullptr : kernel.dequantize != nullptr) rows.push_back({format, &kernel});
        }
    }
    return rows;
}

std::string test_name(const ::testing::TestParamInfo<Row>& info) {
    return info.param.kernel->name;
}

struct Case {
    Shape shape;
    Json params;
    PackedTensor packed;
    std::unique_ptr<FormatReader> reader;
    std::vector<float> weights;  // [out, in]
};

// Shapes and parameters that the row takes.
std::vector<Case> cases_of(const Row& row) {
    std::vector<Case> cases;
    for (const Shape& shape :
         {Shape{1, 1}, Shape{3, 7}, Shape{5, 33}, Shape{9, 64}, Shape{2, 100}, Shape{6, 256}, Shape{7, 520},
          Shape{4, 1096}, Shape{17, 2048}, Shape{16, 16}, Shape{48, 80}, Shape{16, 1024}}) {
        for (const Json& params : row.format->test_params(shape)) {
            if (row.kernel->unsupported != nullptr && !row.kernel->unsupported(params, shape).empty()) continue;
            Case c{shape, params, row.format->pack(random_codes(*row.format, params, shape, 5)).value(), nullptr, {}};
            c.weights.resize(static_cast<std::size_t>(shape[0] * shape[1]));
            cases.push_back(std::move(c));
        }
    }
    for (Case& c : cases) {
        c.reader = row.format->bind(view_of(c.packed)).value();
        c.reader->dequantize(0, c.shape[0], c.weights.data());
    }
    return cases;
}

// Normal values, with a column far above the others and a block of zeros.
std::vector<float> inputs(std::int64_t rows, std::int64_t in) {
    Philox random(11);
    std::vector<float> x(static_cast<std::size_t>(rows * in));
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto column = static_cast<std::int64_t>(i) % in;
        x[i] = random.next_normal() * (column == 5 ? 4.0f : 1.0f);
        if (column >= 64 && column < 96) x[i] = 0;
    }
    return x;
}

std::vector<float> run(const FormatKernel& kernel, const void* matrix, const std::vector<float>& x, std::int64_t rows,
                       std::int64_t in, std::int64_t first, std::int64_t columns) {
    const std::size_t bytes = kernel.arranged_bytes(matrix);
    EXPECT_EQ(bytes % 64, 0u);
    AlignedBuffer<std::byte> arranged(bytes * static_cast<std::size_t>(rows));
    for (std::int64_t r = 0; r < rows; ++r) {
        kernel.arrange(matrix, x.data() + r * in, arranged.data() + bytes * static_cast<std::size_t>(r));
    }
    std::vector<float> y(static_cast<std::size_t>(rows * columns), NAN);
    kernel.product(matrix, arranged.data(), rows, first, columns, y.data());
    return y;
}

// By how much rounding changes an activation at most, as a part of the largest.
double rounding(ActType act) {
    switch (act) {
        case ActType::kF32:
            return 0;
        case ActType::kBf16:
            return 1.0 / 256;
        case ActType::kInt8x2:
            return 1.0 / (127 * 256);
        case ActType::kInt8:
            return 1.0 / 254;
    }
    return 0;
}

const FormatKernel* reference_of(const Row& row) {
    for (const FormatKernel& kernel : row.format->kernels) {
        if (kernel.product != nullptr && kernel.act == row.kernel->act && kernel.isa == Isa::kRef) return &kernel;
    }
    return nullptr;
}

class ProductKernel : public ::testing::TestWithParam<Row> {
protected:
    void SetUp() override {
        const FormatKernel& kernel = *GetParam().kernel;
        if (runs_on(detect_cpu_isa(), kernel.isa, kernel.needs)) return;
        GTEST_SKIP() << "this processor lacks " << isa_suffix(kernel.isa, kernel.needs) << ", which " << kernel.name
                     << " needs";
    }
};

TEST_P(ProductKernel, EqualsTheSumAndItsReference) {
    const FormatKernel& kernel = *GetParam().kernel;
    const FormatKernel* const reference = reference_of(GetParam());
    ASSERT_NE(reference, nullptr) << "no reference row for " << act_name(kernel.act);
    const std::vector<Case> cases = cases_of(GetParam());
    ASSERT_FALSE(cases.empty());
    for (const Case& c : cases) {
        SCOPED_TRACE(to_string(c.shape) + dump_json(c.params));
        const std::int64_t in = c.shape[1];
        constexpr std::int64_t kRows = 3;
        const std::vector<float> x = inputs(kRows, in);
        const std::vector<float> y = run(kernel, c.reader->matrix(), x, kRows, in, 0, c.shape[0]);
        const std::vector<float> expected = run(*reference, c.reader->matrix(), x, kRows, in, 0, c.shape[0]);
        for (std::int64_t r = 0; r < kRows; ++r) {
            for (std::int64_t j = 0; j < c.shape[0]; ++j) {
                double sum = 0, size = 0, weight = 0, largest = 0;
                for (std::int64_t i = 0; i < in; ++i) {
                    const double xi = x[static_cast<std::size_t>(r * in + i)];
                    const double wi = c.weights[static_cast<std::size_t>(j * in + i)];
                    sum += xi * wi, size += std::abs(xi * wi);
                    weight += std::abs(wi), largest = std::max(largest, std::abs(xi));
                }
                const auto at = static_cast<std::size_t>(r * c.shape[0] + j);
                ASSERT_NEAR(y[at], sum, rounding(kernel.act) * largest * weight + 3e-5 * size + 1e-6)
                    << "row " << r << ", feature " << j;
                ASSERT_NEAR(y[at], expected[at], 3e-5 * size + 1e-6) << "row " << r << ", feature " << j;
            }
        }
    }
}

TEST_P(ProductKernel, RowsAndFeaturesComeOutAloneAsTogether) {
    const FormatKernel& kernel = *GetParam().kernel;
    for (const Case& c : cases_of(GetParam())) {
        SCOPED_TRACE(to_string(c.shape) + dump_json(c.params));
        const std::int64_t in = c.shape[1];
        const std::int64_t out = c.shape[0];
        const std::vector<float> x = inputs(FormatKernel::kMaxRows, in);
        const std::vector<float> all = run(kernel, c.reader->matrix(), x, FormatKernel::kMaxRows, in, 0, out);
        for (std::int64_t rows = 1; rows < FormatKernel::kMaxRows; ++rows) {
            const std::vector<float> some = run(kernel, c.reader->matrix(), x, rows, in, 0, out);
            ASSERT_EQ(0, std::memcmp(some.data(), all.data(), some.size() * sizeof(float))) << rows << " rows";
        }
        for (std::int64_t j = 0; j < out; ++j) {
            const std::vector<float> one = run(kernel, c.reader->matrix(), x, 1, in, j, 1);
            ASSERT_EQ(0, std::memcmp(&one[0], &all[static_cast<std::size_t>(j)], sizeof(float))) << "feature " << j;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ProductKernel, ::testing::ValuesIn(rows_with(true)), test_name);

class DequantizeKernel : public ::testing::TestWithParam<Row> {};

// float32 to the bit; bf16 rounded once.
TEST_P(DequantizeKernel, GivesTheReadersValues) {
    const FormatKernel& kernel = *GetParam().kernel;
    if (!runs_on(detect_cpu_isa(), kernel.isa, kernel.needs)) {
        GTEST_SKIP() << "this processor lacks " << isa_suffix(kernel.isa, kernel.needs) << ", which " << kernel.name
                     << " needs";
    }
    for (const Case& c : cases_of(GetParam())) {
        SCOPED_TRACE(to_string(c.shape) + dump_json(c.params));
        const std::size_t size = c.weights.size();
        const std::int64_t first = c.shape[0] / 2;
        const auto skipped = static_cast<std::size_t>(first * c.shape[1]);
        if (kernel.act == ActType::kF32) {
            std::vector<float> got(size - skipped, NAN);
            kernel.dequantize(c.reader->matrix(), first, c.shape[0] - first, got.data());
            ASSERT_EQ(got,
                      std::vector<float>(c.weights.begin() + static_cast<std::ptrdiff_t>(skipped), c.weights.end()));
        } else {
            std::vector<std::uint16_t> got(size - skipped, 7), want(size - skipped);
            kernel.dequantize(c.reader->matrix(), first, c.shape[0] - first, got.data());
            for (std::size_t i = 0; i < want.size(); ++i) want[i] = to_bf16(c.weights[skipped + i]).bits;
            for (std::uint16_t& bits : got) {
                if ((bits & 0x7fff) == 0) bits = 0;
            }
            for (std::uint16_t& bits : want) {
                if ((bits & 0x7fff) == 0) bits = 0;
            }
            ASSERT_EQ(got, want);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, DequantizeKernel, ::testing::ValuesIn(rows_with(false)), test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DequantizeKernel);

// Two panels, the second with a rest; in tiles of 16 where the format has those.
Shape wide_shape(const Format& format) {
    for (const std::int64_t out : {300, 304}) {
        if (!format.test_params({out, 512}).empty()) return {out, 512};
    }
    ADD_FAILURE() << format.id << " takes neither 300 nor 304 rows";
    return {300, 512};
}

// What find_kernel() names under the level in force is what a weight runs: its product has that row's bits.
TEST(FormatKernels, TheForcedKernelRuns) {
    for (const Format* format : formats()) {
        const Shape shape = wide_shape(*format);
        for (const Json& params : format->test_params(shape)) {
            for (const ActType act : {ActType::kF32, ActType::kBf16, ActType::kInt8x2, ActType::kInt8}) {
                const FormatKernels kernels = choose_kernels(*format, act, params, shape, active_isa());
                if (kernels.few == nullptr) continue;
                SCOPED_TRACE(dump_json(params) + " " + kernels.few->name);
                EXPECT_TRUE(runs_on(active_isa(), kernels.few->isa, kernels.few->needs));
                EXPECT_TRUE(kernels.few->act == act || !kernels.few_reason.empty());
                const PackedTensor packed = format->pack(random_codes(*format, params, shape, 5)).value();
                const auto weight = FormatWeight::bind(*format, view_of(packed), kernels);
                ASSERT_TRUE(weight.ok());
                const std::vector<float> x = inputs(2, shape[1]);
                Activations activations;
                activations.prepare(2, shape[1], true, false);
                for (std::int64_t r = 0; r < 2; ++r) activations.write(r, 0, x.data() + r * shape[1], shape[1]);
                const auto reader = format->bind(view_of(packed)).value();
                for (std::int64_t unit = 0; unit < weight->units(2); ++unit) {
                    AlignedBuffer<float> room;
                    const Panel panel = weight->run_unit(activations, unit, room);
                    const std::vector<float> expected =
                        run(*kernels.few, reader->matrix(), x, 2, shape[1], panel.first_column, panel.y.cols);
                    ASSERT_EQ(0, std::memcmp(panel.y.row(0).data(), expected.data(), expected.size() * sizeof(float)));
                }
            }
        }
    }
}

// Slow paths show: a gemv for every activation type that a table has, or a reason.
TEST(FormatKernels, AFallbackHasAReason) {
    for (const Format* format : formats()) {
        const Shape shape = wide_shape(*format);
        for (const Json& params : format->test_params(shape)) {
            for (const ActType act : {ActType::kBf16, ActType::kInt8x2, ActType::kInt8}) {
                const FormatKernels kernels = choose_kernels(*format, act, params, shape, active_isa());
                const bool asked_for = kernels.few != nullptr && kernels.few->act == act;
                EXPECT_EQ(kernels.few_reason.empty(), asked_for) << format->id << dump_json(params) << act_name(act);
            }
        }
    }
}

}  // namespace
}  // namespace dwubit
