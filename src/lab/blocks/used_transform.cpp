#include "lab/blocks/used_transform.h"

#include "base/check.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

// TT of each row, in place.
void apply_to_rows(const BoundTransform& map, at::Tensor& rows, ThreadPool& pool) {
    DWUBIT_CHECK(rows.size(1) == map.size() && rows.is_contiguous());
    float* const data = rows.data_ptr<float>();
    parallel_rows(rows.size(0), at::kCPU, pool, [&](std::int64_t first, std::int64_t count) {
        map.apply_transposed(count, data + first * map.size());
    });
}

// A transposed, by units of its columns; `then` gets each unit's rows of the result.
template <class Then>
at::Tensor transposed(const at::Tensor& matrix, ThreadPool& pool, const Then& then) {
    at::Tensor result = at::empty({matrix.size(1), matrix.size(0)}, matrix.options());
    parallel_rows(result.size(0), at::kCPU, pool, [&](std::int64_t first, std::int64_t count) {
        at::Tensor rows = result.slice(0, first, first + count);
        rows.copy_(matrix.slice(1, first, first + count).t());
        then(rows);
    });
    return result;
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
        apply_to_rows(*in.map, weight, pool);
    }
    if (out.map != nullptr) {
        DWUBIT_CHECK(weight.size(0) == out.map->size());
        const at::Tensor columns = transposed(
            weight, pool, [&](at::Tensor& rows) { out.map->apply_transposed(rows.size(0), rows.data_ptr<float>()); });
        weight = transposed(columns, pool, [](at::Tensor&) {});
    }
    return weight;
}

}  // namespace dwubit::lab
