// What every format of formats.inc has to keep, with its own test_params() and shapes that include odd ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "base/error.h"
#include "runtime/formats/format_weight.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::random_codes;

struct Case {
    const Format* format;
    Shape shape;
    Json params;
};

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Format* format : formats()) {
        const std::size_t before = cases.size();
        for (const Shape& shape : {Shape{8, 256}, Shape{1, 128}, Shape{5, 33}, Shape{3, 100}, Shape{2, 7}, Shape{1, 1},
                                   Shape{16, 16}, Shape{48, 80}, Shape{3, 512}}) {
            for (Json& params : format->test_params(shape)) cases.push_back({format, shape, std::move(params)});
        }
        EXPECT_GE(cases.size(), before + 2) << format->id << " takes hardly any shape of this test";
    }
    return cases;
}

std::string describe(const Case& c) {
    return std::string(c.format->id) + " " + to_string(c.shape) + " " + dump_json(c.params);
}

PackedTensor pack_random(const Case& c, std::uint64_t seed = 1) {
    Result<PackedTensor> packed = c.format->pack(random_codes(*c.format, c.params, c.shape, seed));
    EXPECT_TRUE(packed.ok()) << packed.error().message;
    return std::move(packed).value();
}

// Every change of one thing in `packed` that check_packed() must refuse.
void expect_refused(const Case& c, const PackedView& packed, const char* what) {
    const Result<void> checked = check_packed(*c.format, packed, "file.safetensors: module 'm'");
    ASSERT_FALSE(checked.ok()) << what;
    const Error& error = checked.error();
    EXPECT_EQ(error.kind, ErrorKind::kInvalidInput) << what;
    ASSERT_FALSE(error.context.empty()) << what;
    EXPECT_NE(error.context.back().find("module 'm'"), std::string::npos) << what;
}

TEST(FormatConformance, ParametersAreNormalisedOnce) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const Result<Json> again = c.format->check_params(c.params, c.shape);
        ASSERT_TRUE(again.ok()) << again.error().message;
        EXPECT_EQ(*again, c.params);
    }
}

TEST(FormatConformance, UnpackIsTheInverseOfPack) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const Codes codes = random_codes(*c.format, c.params, c.shape, 1);
        const PackedTensor packed = pack_random(c);
        EXPECT_EQ(packed.format, c.format->id);
        EXPECT_EQ(packed.version, c.format->version);
        EXPECT_EQ(packed.params, c.params);
        ASSERT_TRUE(check_packed(*c.format, view_of(packed), "memory").ok());
        const Result<Codes> unpacked = c.format->unpack(view_of(packed));
        ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
        EXPECT_EQ(unpacked->shape, codes.shape);
        EXPECT_EQ(unpacked->params, codes.params);
        ASSERT_EQ(unpacked->fields.size(), codes.fields.size());
        for (const Field& field : codes.fields) {
            const Field* back = unpacked->find(field.name);
            ASSERT_NE(back, nullptr) << field.name;
            EXPECT_EQ(back->dtype, field.dtype) << field.name;
            EXPECT_EQ(back->shape, field.shape) << field.name;
            EXPECT_EQ(back->bytes, field.bytes) << field.name;
        }
    }
}

TEST(FormatConformance, BitsAreThoseOfTheBuffers) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const PackedTensor packed = pack_random(c);
        const std::vector<FieldSpec> specs = c.format->buffers(c.params, c.shape);
        ASSERT_EQ(packed.buffers.size(), specs.size());
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < specs.size(); ++i) {
            EXPECT_EQ(packed.buffers[i].name, specs[i].name);
            std::int64_t elements = 0;
            ASSERT_TRUE(element_count(specs[i].shape, &elements));
            EXPECT_EQ(packed.buffers[i].bytes.size(), static_cast<std::size_t>(elements) * dtype_size(specs[i].dtype));
            bytes += packed.buffers[i].bytes.size();
        }
        const BitCount bits = count_bits(*c.format, c.params, c.shape);
        EXPECT_DOUBLE_EQ(bits.total, static_cast<double>(bytes) * 8 / static_cast<double>(c.shape[0] * c.shape[1]));
        EXPECT_NEAR(bits.codes + bits.scales + bits.codebook + bits.transform, bits.total, 1e-9);
    }
}

TEST(FormatConformance, RowsDecodeAloneAsTogether) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const PackedTensor packed = pack_random(c);
        const auto reader = c.format->bind(view_of(packed));
        ASSERT_TRUE(reader.ok()) << reader.error().message;
        const auto in = static_cast<std::size_t>(c.shape[1]);
        std::vector<float> all(static_cast<std::size_t>(c.shape[0]) * in);
        (*reader)->dequantize(0, c.shape[0], all.data());
        EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](float x) { return std::isfinite(x); }));
        EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](float x) { return x != 0; })) << "all zero";
        std::vector<float> row(in);
        for (std::int64_t r = 0; r < c.shape[0]; ++r) {
            (*reader)->dequantize(r, 1, row.data());
            EXPECT_TRUE(std::equal(row.begin(), row.end(), all.begin() + r * c.shape[1])) << "row " << r;
        }
    }
}

// The same buffers at odd addresses: files do not align tensors to their elements.
TEST(FormatConformance, BuffersMayLieAnywhere) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const PackedTensor packed = pack_random(c);
        PackedView view = view_of(packed);
        std::vector<std::vector<std::byte>> moved;
        for (TensorView& buffer : view.buffers) {
            std::vector<std::byte> bytes(buffer.bytes.size() + 1);
            std::copy(buffer.bytes.begin(), buffer.bytes.end(), bytes.begin() + 1);
            moved.push_back(std::move(bytes));
            buffer.bytes = std::span(moved.back()).subspan(1);
        }
        const auto size = static_cast<std::size_t>(c.shape[0] * c.shape[1]);
        std::vector<float> expected(size);
        std::vector<float> values(size);
        c.format->bind(view_of(packed)).value()->dequantize(0, c.shape[0], expected.data());
        c.format->bind(view).value()->dequantize(0, c.shape[0], values.data());
        EXPECT_EQ(values, expected);
    }
}

TEST(FormatConformance, ChecksRefuseWhatDoesNotFit) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const PackedTensor packed = pack_random(c);
        const PackedView good = view_of(packed);
        for (std::size_t i = 0; i < good.buffers.size(); ++i) {
            SCOPED_TRACE(good.buffers[i].name);
            PackedView bad = good;
            bad.buffers.erase(bad.buffers.begin() + static_cast<std::ptrdiff_t>(i));
            expect_refused(c, bad, "missing");
            bad = good;
            bad.buffers.push_back(bad.buffers[i]);
            expect_refused(c, bad, "twice");
            bad = good;
            bad.buffers[i].bytes = bad.buffers[i].bytes.first(bad.buffers[i].bytes.size() - 1);
            expect_refused(c, bad, "short");
            bad = good;
            bad.buffers[i].shape[0] += 1;
            expect_refused(c, bad, "shape");
            bad = good;
            bad.buffers[i].dtype = DType::kI8;
            expect_refused(c, bad, "dtype");
        }
        PackedView bad = good;
        bad.buffers.push_back({"surplus", DType::kU8, {0}, {}, "memory"});
        expect_refused(c, bad, "surplus");
        bad = good;
        bad.params["surplus"] = 1;
        expect_refused(c, bad, "parameter");
        bad = good;
        bad.params = Json::array();
        expect_refused(c, bad, "params");
        for (const Shape& shape : {Shape{}, Shape{c.shape[0] * c.shape[1]}, Shape{0, 8}, Shape{-1, 8},
                                   Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}}) {
            bad = good;
            bad.shape = shape;
            expect_refused(c, bad, "matrix");
        }
    }
}

TEST(FormatConformance, PackRefusesCodesThatDoNotFit) {
    for (const Case& c : all_cases()) {
        SCOPED_TRACE(describe(c));
        const Codes good = random_codes(*c.format, c.params, c.shape, 1);
        for (const FieldSpec& spec : c.format->code_fields(c.params, c.shape)) {
            Codes bad = good;
            std::erase_if(bad.fields, [&](const Field& field) { return field.name == spec.name; });
            EXPECT_FALSE(c.format->pack(bad).ok()) << spec.name;
            bad = good;
            bad.find(spec.name)->bytes.pop_back();
            EXPECT_FALSE(c.format->pack(bad).ok()) << spec.name;
            // The largest value of the last element: above any limit short of the dtype's, and not finite as F16 or
            // F32.
            if (spec.limit == std::uint64_t{1} << (8 * dtype_size(spec.dtype))) continue;
            if (spec.limit == 0 && spec.dtype != DType::kF16 && spec.dtype != DType::kF32) continue;
            bad = good;
            auto& bytes = bad.find(spec.name)->bytes;
            std::fill(bytes.end() - static_cast<std::ptrdiff_t>(dtype_size(spec.dtype)), bytes.end(), std::byte{0xff});
            const Result<PackedTensor> packed = c.format->pack(bad);
            ASSERT_FALSE(packed.ok()) << spec.name;
            EXPECT_EQ(packed.error().kind, ErrorKind::kInvalidInput);
            EXPECT_NE(packed.error().message.find("'" + spec.name + "'"), std::string::npos) << packed.error().message;
        }
    }
}

std::vector<std::byte> from_hex(const std::string& text) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

// Each version that was ever written decodes to what it stood for, and packing still gives the bytes of the newest.
// The files come from tests/oracle/format_golden.py, which follows the normative page and not this code.
TEST(FormatConformance, GoldenFilesDecode) {
    for (const Format* format : formats()) {
        for (int version = 1; version <= format->version; ++version) {
            const std::string path = fmt::format("tests/golden/formats/{}-v{}.json", format->id, version);
            SCOPED_TRACE(path);
            const Result<Json> golden = read_json_file(path);
            ASSERT_TRUE(golden.ok()) << golden.error().message;
            ASSERT_FALSE(golden->at("cases").empty());
            for (const Json& json : golden->at("cases")) {
                SCOPED_TRACE(dump_json(json.at("params")));
                PackedTensor packed{format->id, version, json.at("shape").get<Shape>(), json.at("params"), {}};
                for (const Json& buffer : json.at("buffers")) {
                    packed.buffers.push_back({buffer.at("name"),
                                              dtype_from_name(buffer.at("dtype").get<std::string>()).value(),
                                              buffer.at("shape").get<Shape>(), from_hex(buffer.at("hex"))});
                }
                const PackedView view = view_of(packed);
                const Result<void> checked = check_packed(*format, view, path);
                ASSERT_TRUE(checked.ok()) << checked.error().message;
                const auto expected = json.at("values").get<std::vector<float>>();
                std::vector<float> values(expected.size());
                format->bind(view).value()->dequantize(0, packed.shape[0], values.data());
                EXPECT_EQ(values, expected);
                if (version < format->version) continue;
                const PackedTensor again = format->pack(format->unpack(view).value()).value();
                for (std::size_t i = 0; i < packed.buffers.size(); ++i) {
                    EXPECT_EQ(again.buffers[i].bytes, packed.buffers[i].bytes) << packed.buffers[i].name;
                }
            }
        }
    }
}

TEST(FormatConformance, KernelsAreNamedByWhatTheyAre) {
    std::set<std::string> names;
    for (const Format* format : formats()) {
        bool has_reference = false;
        for (const FormatKernel& kernel : format->kernels) {
            const std::string name = kernel.name;
            EXPECT_TRUE(names.insert(name).second) << name;
            EXPECT_TRUE(name.starts_with(std::string(format->id) + "_" + kernel.op + "_")) << name;
            const std::string device = kernel.device;
            if (device == "cpu") {
                EXPECT_TRUE(name.ends_with("_" + isa_suffix(kernel.isa, kernel.needs))) << name;
                EXPECT_EQ(kernel.product != nullptr, kernel.op == std::string("gemv")) << name;
                EXPECT_EQ(kernel.product != nullptr, kernel.arrange != nullptr) << name;
                EXPECT_EQ(kernel.product != nullptr, kernel.arranged_bytes != nullptr) << name;
                EXPECT_TRUE(kernel.product != nullptr || kernel.isa == Isa::kRef || kernel.dequantize != nullptr)
                    << name;
                EXPECT_NE(name.find("_" + std::string(act_name(kernel.act)) + "_"), std::string::npos) << name;
                has_reference = has_reference || kernel.isa == Isa::kRef;
            } else {
                EXPECT_EQ(device, "cuda") << name;
            }
        }
        EXPECT_TRUE(has_reference) << format->id;
        // What runs a layer of any format where nothing faster does.
        EXPECT_EQ(names.count(FormatWeight::reference_name(*format)), 1u) << format->id;
        EXPECT_FALSE(format->bits.empty());
    }
}

TEST(Formats, FoundByIdAndVersion) {
    for (const Format* format : formats()) {
        EXPECT_EQ(find_format(format->id, format->version).value(), format);
        const auto newer = find_format(format->id, format->version + 1);
        ASSERT_FALSE(newer.ok());
        EXPECT_EQ(newer.error().kind, ErrorKind::kUnsupported);
    }
    const auto misspelt = find_format("uniform_grup", 1);
    ASSERT_FALSE(misspelt.ok());
    EXPECT_EQ(misspelt.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(misspelt.error().hint.find("uniform_group"), std::string::npos);
}

}  // namespace
}  // namespace dwubit
