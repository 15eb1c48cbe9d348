#include "lab/blocks/used_transform.h"

#include "base/check.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

void apply_transposed(const BoundTransform& map, at::Tensor& rows, ThreadPool& pool) {
    DWUBIT_CHECK(rows.size(1) == map.size() && rows.is_contiguous());
    float* const data = rows.data_ptr<float>();
    parallel_rows(rows.size(0), at::kCPU, pool, [&](std::int64_t first, std::int64_t count) {
        map.apply_transposed(count, data + first * map.size());
    });
}

}  // namespace

UsedTransform use_transform(const std::string& id, const Json& params, std::int64_t n, Side side,
                            std::span<const float> factors, const std::string& where) {
    const Transform& transform = *unwrap(find_transform(id));
    UsedTransform used;
    used.id = id;
    used.params = unwrap(transform.check_params(params, n).context(where));
    auto bytes = unwrap(transform.write(used.params, n, factors).context(where));
    const std::vector<TransformField> fields = transform.fields(used.params, n, side);
    DWUBIT_CHECK(fields.size() == bytes.size());
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        used.fields.push_back({fields[i].name, fields[i].dtype, fields[i].shape, std::move(bytes[i])});
    }
    for (const Field& field : used.fields)
        views.push_back({field.name, field.dtype, field.shape, field.bytes, "memory"});
    used.map = unwrap(transform.bind(used.params, n, side, views).context(where));
    return used;
}

at::Tensor model_basis(const at::Tensor& values, const UsedTransform& in, const UsedTransform& out, ThreadPool& pool) {
    at::Tensor weight = values.cpu().contiguous();
    if (in.map != nullptr) {
        if (weight.is_same(values)) weight = weight.clone();
        apply_transposed(*in.map, weight, pool);
    }
    if (out.map != nullptr) {
        at::Tensor columns = weight.t().clone(at::MemoryFormat::Contiguous);
        apply_transposed(*out.map, columns, pool);
        weight = columns.t().contiguous();
    }
    return weight;
}

}  // namespace dwubit::lab
