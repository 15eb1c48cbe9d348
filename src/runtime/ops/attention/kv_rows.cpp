#include "runtime/ops/attention/kv_rows.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

struct KvTypeRow {
    KvType type;
    std::string_view name;
    std::int64_t element_bytes;
    std::int64_t scale_bytes;
};

// In the order of KvType.
constexpr KvTypeRow kTypes[] = {{KvType::kF32, "f32", 4, 0},
                                {KvType::kBf16, "bf16", 2, 0},
                                {KvType::kF16, "f16", 2, 0},
                                {KvType::kInt8, "int8", 1, 4}};

const KvTypeRow& row_of(KvType type) {
    return kTypes[static_cast<std::size_t>(type)];
}

const float* rows(KvType type, const void* vectors, const float* scales, std::int64_t first, std::int64_t count,
                  std::int64_t dim, AlignedBuffer<float>& room) {
    if (type == KvType::kF32) return static_cast<const float*>(vectors) + first * dim;
    const OpTable& ops = active_ops();
    float* const out = room.reserve(static_cast<std::size_t>(count * dim));
    if (type == KvType::kBf16)
        ops.from_bf16(static_cast<const std::uint16_t*>(vectors) + first * dim, out, count * dim);
    if (type == KvType::kF16) ops.from_f16(static_cast<const std::uint16_t*>(vectors) + first * dim, out, count * dim);
    if (type == KvType::kInt8) {
        const auto* const codes = static_cast<const std::int8_t*>(vectors) + first * dim;
        for (std::int64_t j = 0; j < count; ++j) ops.from_int8(codes + j * dim, scales[first + j], out + j * dim, dim);
    }
    return out;
}

}  // namespace

std::string_view kv_type_name(KvType type) {
    return row_of(type).name;
}

Result<KvType> kv_type_from_name(std::string_view name) {
    const auto* const found =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](const KvTypeRow& row) { return row.name == name; });
    if (found != std::end(kTypes)) return found->type;
    return errorf(ErrorKind::kUsage, "--kv {}: unknown type of keys and values", name)
        .with_hint("--kv f32|bf16|f16|int8");
}

std::int64_t kv_vector_bytes(KvType type, std::int64_t dim) {
    return dim * row_of(type).element_bytes + row_of(type).scale_bytes;
}

const float* key_rows(const KvView& cache, std::int64_t kv_head, std::int64_t first, std::int64_t count,
                      std::int64_t dim, AlignedBuffer<float>& room) {
    return rows(cache.type, cache.keys, cache.key_scales, kv_head * cache.capacity + first, count, dim, room);
}

const float* value_rows(const KvView& cache, std::int64_t kv_head, std::int64_t first, std::int64_t count,
                        std::int64_t dim, AlignedBuffer<float>& room) {
    return rows(cache.type, cache.values, cache.value_scales, kv_head * cache.capacity + first, count, dim, room);
}

void store_kv(KvType type, const float* x, std::int64_t dim, std::byte* out, float* scale) {
    const OpTable& ops = active_ops();
    switch (type) {
        case KvType::kF32:
            std::copy_n(x, dim, reinterpret_cast<float*>(out));
            break;
        case KvType::kBf16:
            ops.to_bf16(x, reinterpret_cast<std::uint16_t*>(out), dim);
            break;
        case KvType::kF16:
            ops.to_f16(x, reinterpret_cast<std::uint16_t*>(out), dim);
            break;
        case KvType::kInt8:
            *scale = ops.to_int8(x, reinterpret_cast<std::int8_t*>(out), dim);
            break;
    }
}

}  // namespace dwubit
