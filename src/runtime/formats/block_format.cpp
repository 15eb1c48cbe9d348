#include "runtime/formats/block_format.h"

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/float16.h"
#include "base/text.h"
#include "runtime/formats/block_kernels.h"

namespace dwubit {
namespace {

const BlockType& block_type_of(const BlockSpec& spec) {
    const BlockType* const type = find_block_type(spec.type);
    DWUBIT_CHECK(type != nullptr);
    return *type;
}

// The same for every block of a spec.
struct Sizes {
    std::int64_t blocks;       // of a row
    std::size_t bytes;         // of a block
    std::size_t scale_offset;  // of its floats
    std::size_t scale_bytes;
};

Sizes sizes_of(const BlockSpec& spec, const Shape& shape) {
    const BlockType& type = block_type_of(spec);
    return {shape[1] / type.weights, static_cast<std::size_t>(type.bytes), static_cast<std::size_t>(spec.scale_offset),
            static_cast<std::size_t>(spec.scale_count) * sizeof(F16)};
}

Result<void> check_scale(const BlockSpec& spec, const std::byte* at, std::size_t block, std::int64_t row_blocks) {
    for (int i = 0; i < spec.scale_count; ++i) {
        F16 scale{};
        std::memcpy(&scale, at + static_cast<std::size_t>(i) * sizeof(F16), sizeof(F16));
        if (std::isfinite(to_float(scale))) continue;
        const auto index = static_cast<std::int64_t>(block);
        return errorf(ErrorKind::kInvalidInput, "field 'scales': block {} of row {} has a scale that is not finite",
                      index % row_blocks, index / row_blocks);
    }
    return {};
}

// Moves between a block and its parts: `floats` and `rest` are those of the block.
void join(const Sizes& sizes, const std::byte* floats, const std::byte* rest, std::byte* block) {
    const std::size_t before = sizes.scale_offset;
    std::memcpy(block, rest, before);
    std::memcpy(block + before, floats, sizes.scale_bytes);
    std::memcpy(block + before + sizes.scale_bytes, rest + before, sizes.bytes - before - sizes.scale_bytes);
}

void part(const Sizes& sizes, const std::byte* block, std::byte* floats, std::byte* rest) {
    const std::size_t before = sizes.scale_offset;
    std::memcpy(rest, block, before);
    std::memcpy(floats, block + before, sizes.scale_bytes);
    std::memcpy(rest + before, block + before + sizes.scale_bytes, sizes.bytes - before - sizes.scale_bytes);
}

class Reader : public FormatReader {
public:
    Reader(const BlockSpec& spec, const PackedView& packed)
        : type_(block_type_of(spec)),
          matrix_{reinterpret_cast<const unsigned char*>(packed.find("codes")->bytes.data()), packed.shape[0],
                  packed.shape[1], packed.shape[1] / type_.weights, packed.shape[1] / type_.weights * type_.bytes} {}

    const void* matrix() const override { return &matrix_; }

    void dequantize(std::int64_t first, std::int64_t count, float* out) const override {
        const auto* const rows = reinterpret_cast<const std::byte*>(matrix_.blocks) + first * matrix_.row_bytes;
        type_.decode(rows, count * matrix_.row_blocks, out);
    }

private:
    const BlockType& type_;
    BlockMatrix matrix_;
};

// Rows of blocks in parts.
Codes codes_of_blocks(const BlockSpec& spec, const Shape& shape, std::span<const std::byte> blocks) {
    const Sizes sizes = sizes_of(spec, shape);
    Codes codes{shape, Json::object(), {}};
    for (const FieldSpec& field : block_code_fields(spec, shape)) codes.fields.push_back(make_field(field));
    std::byte* floats = codes.find("scales")->bytes.data();
    std::byte* rest = codes.find("codes")->bytes.data();
    for (std::size_t at = 0; at < blocks.size(); at += sizes.bytes) {
        part(sizes, blocks.data() + at, floats, rest);
        floats += sizes.scale_bytes;
        rest += sizes.bytes - sizes.scale_bytes;
    }
    return codes;
}

}  // namespace

Result<Json> check_block_params(const BlockSpec& spec, const Json& params, const Shape& shape) {
    DWUBIT_TRY(check_matrix(shape));
    if (!params.is_object()) return make_error(ErrorKind::kInvalidInput, "params must be an object");
    if (!params.empty()) {
        return errorf(ErrorKind::kInvalidInput, "params: '{}' is not known", printable(params.begin().key()))
            .with_hint(fmt::format("{} has no parameters", spec.id));
    }
    const BlockType& type = block_type_of(spec);
    if (shape[1] % type.weights == 0) return params;
    return errorf(ErrorKind::kInvalidInput, "format {} needs a multiple of {} columns; the matrix has {}", spec.id,
                  type.weights, shape[1])
        .with_hint(shape[1] % 32 == 0 ? "q4_0, iq4_nl and q8_0 take multiples of 32"
                                      : "no format of ggml's blocks takes this matrix; uniform_group does");
}

std::vector<FieldSpec> block_code_fields(const BlockSpec& spec, const Shape& shape) {
    const Sizes sizes = sizes_of(spec, shape);
    const auto rest = static_cast<std::int64_t>(sizes.bytes - sizes.scale_bytes);
    return {{"codes", DType::kU8, {shape[0], sizes.blocks * rest}, 0, "codes"},
            {"scales", DType::kF16, {shape[0], sizes.blocks * spec.scale_count}, 0, "scales"}};
}

std::vector<FieldSpec> block_buffers(const BlockSpec& spec, const Shape& shape) {
    const Sizes sizes = sizes_of(spec, shape);
    return {{"codes", DType::kU8, {shape[0], sizes.blocks * static_cast<std::int64_t>(sizes.bytes)}, 0, "codes"}};
}

Result<PackedTensor> pack_blocks(const BlockSpec& spec, const Format& format, const Codes& codes) {
    DWUBIT_ASSIGN(Json params, check_codes(format, codes));
    const Sizes sizes = sizes_of(spec, codes.shape);
    PackedTensor packed{spec.id, format.version, codes.shape, std::move(params), {}};
    Field blocks = make_field(block_buffers(spec, codes.shape)[0]);
    const std::byte* floats = codes.find("scales")->bytes.data();
    const std::byte* rest = codes.find("codes")->bytes.data();
    for (std::size_t block = 0; block * sizes.bytes < blocks.bytes.size(); ++block) {
        DWUBIT_TRY(check_scale(spec, floats, block, sizes.blocks));
        join(sizes, floats, rest, blocks.bytes.data() + block * sizes.bytes);
        floats += sizes.scale_bytes;
        rest += sizes.bytes - sizes.scale_bytes;
    }
    packed.buffers.push_back(std::move(blocks));
    return packed;
}

Result<Codes> unpack_blocks(const BlockSpec& spec, const Format& format, const PackedView& packed) {
    DWUBIT_TRY(format.check_params(packed.params, packed.shape));
    return codes_of_blocks(spec, packed.shape, packed.find("codes")->bytes);
}

Result<std::unique_ptr<FormatReader>> bind_blocks(const BlockSpec& spec, const PackedView& packed) {
    const Sizes sizes = sizes_of(spec, packed.shape);
    const auto bytes = packed.find("codes")->bytes;
    for (std::size_t block = 0; block * sizes.bytes < bytes.size(); ++block) {
        DWUBIT_TRY(check_scale(spec, bytes.data() + block * sizes.bytes + sizes.scale_offset, block, sizes.blocks));
    }
    return std::unique_ptr<FormatReader>(std::make_unique<Reader>(spec, packed));
}

std::vector<Json> block_test_params(const BlockSpec& spec, const Shape& shape) {
    if (shape[1] % block_type_of(spec).weights != 0) return {};
    return {Json::object()};
}

}  // namespace dwubit
