#include "convert/dense.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/float16.h"
#include "base/folders.h"
#include "base/output_folder.h"
#include "base/text.h"
#include "checkpoint/hf_dir.h"
#include "checkpoint/stored_tensor.h"
#include "convert/folder_writer.h"
#include "convert/model_matrix.h"
#include "ggml/block_type.h"
#include "runtime/formats/format.h"
#include "runtime/model/open_model.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

// Rows of a matrix per unit of work.
constexpr std::int64_t kRows = 32;

struct DenseDType {
    const char* name;
    DType dtype;
};
constexpr std::array<DenseDType, 3> kDenseDTypes = {
    {{"float32", DType::kF32}, {"bfloat16", DType::kBf16}, {"float16", DType::kF16}}};

// A tensor of the output: as it is stored (a GGUF file's blocks decoded), or the matrix of a packed linear, of a fused
// one the rows of a part.
struct Planned {
    std::string name;
    Shape shape;
    const TensorView* stored = nullptr;
    LinearShape linear;
    const LinearFormat* packed = nullptr;
    std::int64_t first_row = 0;
};

struct Plan {
    std::vector<std::vector<Planned>> shards;  // one per layer, then the rest
    std::int64_t tensors = 0;
    std::int64_t dequantized = 0;
};

// Blocks that round their weights; those of one weight are values in another order.
bool is_quantized(const TensorView& tensor) {
    return tensor.dtype == DType::kBlocks && tensor.blocks->weights > 1;
}

// REQUIRES: check_tensors(config, table).
Result<Plan> make_plan(const TensorTable& table, const ModelConfig& config) {
    Plan plan;
    plan.shards.resize(static_cast<std::size_t>(config.layers) + 1);
    std::set<std::string> packed;  // names of buffers
    const auto add = [&](Planned tensor) {
        ++plan.tensors;
        const std::int64_t shard = layer_of(config, tensor.name).value_or(config.layers);
        plan.shards[static_cast<std::size_t>(shard)].push_back(std::move(tensor));
    };
    for (const LinearShape& linear : all_linears(config)) {
        const auto found = config.packed.find(linear.module);
        if (found == config.packed.end()) continue;
        for (const TensorView& buffer : stored_buffers(table, linear, found->second)) {
            packed.insert(linear.module + "." + buffer.name);
        }
        std::vector<LinearPart> parts = linear.parts;
        if (parts.empty()) parts.push_back({linear.module, linear.out});
        std::int64_t first = 0;
        for (const LinearPart& part : parts) {
            const std::string name = part.module + ".weight";
            if (const TensorView* twice = table.find(name)) {
                return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' is there although its module is quantized",
                              twice->file, name);
            }
            add({name, {part.rows, linear.in}, nullptr, linear, &found->second, first});
            first += part.rows;
            ++plan.dequantized;
        }
    }
    for (const auto& [name, tensor] : table.tensors()) {
        if (packed.count(name) > 0) continue;
        plan.dequantized += is_quantized(tensor) ? 1 : 0;
        add({name, tensor.shape, &tensor, {}, nullptr, 0});
    }
    return plan;
}

Result<std::unique_ptr<FormatReader>> bind_linear(const TensorTable& table, const Planned& tensor) {
    const std::string where = fmt::format("module '{}'", tensor.linear.module);
    const PackedView view = packed_view(table, tensor.linear, *tensor.packed);
    DWUBIT_TRY(check_packed(*tensor.packed->format, view, where));
    return tensor.packed->format->bind(view).context(where);
}

template <class T>
void store(std::byte* out, std::span<const float> values, T (*round)(float)) {
    for (const float value : values) {
        const T rounded = round(value);
        std::memcpy(out, &rounded, sizeof(T));
        out += sizeof(T);
    }
}

void store_as(DType dtype, std::span<const float> values, std::byte* out) {
    if (dtype == DType::kF32) {
        std::memcpy(out, values.data(), values.size_bytes());
    } else if (dtype == DType::kBf16) {
        store<Bf16>(out, values, to_bf16);
    } else {
        store<F16>(out, values, to_f16);
    }
}

bool is_finite_as(DType dtype, float value) {
    if (dtype == DType::kBf16) value = to_float(to_bf16(value));
    if (dtype == DType::kF16) value = to_float(to_f16(value));
    return std::isfinite(value);
}

struct BadValue {
    std::int64_t row = 0;
    std::int64_t column = 0;
    float value = 0;
};

Error bad_value_error(const std::string& name, const BadValue& bad, DType dtype) {
    if (!std::isfinite(bad.value)) {
        return errorf(ErrorKind::kInvalidInput, "tensor '{}' is not finite at [{}, {}]", name, bad.row, bad.column)
            .with_hint("its scales are broken; quantize or download the model again");
    }
    return errorf(ErrorKind::kInvalidInput, "tensor '{}': {} at [{}, {}] is outside the range of {}", name, bad.value,
                  bad.row, bad.column, dense_dtype_name(dtype))
        .with_hint("--dtype float32 holds every value");
}

// The matrix of a linear with transforms, kept for the other parts of a fused one.
class WholeMatrices {
public:
    Result<const float*> find(const TensorTable& table, const Planned& tensor, ThreadPool& pool) {
        if (module_ != tensor.linear.module) {
            DWUBIT_ASSIGN(values_, model_matrix(table, tensor.linear, *tensor.packed, pool,
                                                fmt::format("module '{}'", tensor.linear.module)));
            module_ = tensor.linear.module;
        }
        return values_.data() + tensor.first_row * tensor.linear.in;
    }

private:
    std::string module_;
    std::vector<float> values_;
};

// The values of a tensor that is quantized, row-major in `dtype`.
Result<std::vector<std::byte>> dequantize(const TensorTable& table, const Planned& tensor, DType dtype,
                                          WholeMatrices& wholes, ThreadPool& pool) {
    std::unique_ptr<FormatReader> reader;
    const float* whole = nullptr;
    if (tensor.stored != nullptr) {
        // Its rows are decoded as they lie.
    } else if (has_transforms(*tensor.packed)) {
        DWUBIT_ASSIGN(whole, wholes.find(table, tensor, pool));
    } else {
        DWUBIT_ASSIGN(reader, bind_linear(table, tensor));
    }
    const std::int64_t columns = tensor.shape.back();
    const std::int64_t rows = tensor.stored != nullptr ? stored_rows(*tensor.stored) : tensor.shape[0];
    const std::size_t row_bytes = static_cast<std::size_t>(columns) * dtype_size(dtype);
    std::vector<std::byte> bytes(static_cast<std::size_t>(rows) * row_bytes);
    const std::int64_t units = (rows + kRows - 1) / kRows;
    std::vector<std::optional<BadValue>> bad(static_cast<std::size_t>(units));
    pool.parallel_for(units, [&](std::int64_t unit) {
        thread_local std::vector<float> values;
        const std::int64_t first = unit * kRows;
        const std::int64_t count = std::min(kRows, rows - first);
        values.resize(static_cast<std::size_t>(count * columns));
        if (tensor.stored != nullptr) {
            read_stored_rows(*tensor.stored, first, count, values.data());
        } else if (whole != nullptr) {
            std::copy_n(whole + first * columns, count * columns, values.data());
        } else {
            reader->dequantize(tensor.first_row + first, count, values.data());
        }
        const auto found =
            std::find_if_not(values.begin(), values.end(), [&](float v) { return is_finite_as(dtype, v); });
        if (found != values.end()) {
            const std::int64_t at = found - values.begin();
            bad[static_cast<std::size_t>(unit)] = BadValue{first + at / columns, at % columns, *found};
        }
        store_as(dtype, values, bytes.data() + static_cast<std::size_t>(first) * row_bytes);
    });
    for (const auto& value : bad) {
        if (value) return bad_value_error(tensor.name, *value, dtype);
    }
    return bytes;
}

Result<void> write_shard(const HfDir& directory, const std::vector<Planned>& tensors, DType dtype, ThreadPool& pool,
                         FolderWriter& writer) {
    std::vector<std::vector<std::byte>> matrices;
    std::vector<std::shared_ptr<const void>> kept;
    std::vector<TensorToWrite> out;
    WholeMatrices wholes;
    for (const Planned& tensor : tensors) {
        if (tensor.stored != nullptr && !is_quantized(*tensor.stored)) {
            const TensorView plain = plain_tensor(*tensor.stored, kept.emplace_back());
            out.push_back({tensor.name, plain.dtype, tensor.shape, plain.bytes});
            continue;
        }
        DWUBIT_ASSIGN(std::vector<std::byte> matrix, dequantize(directory.tensors, tensor, dtype, wholes, pool));
        matrices.push_back(std::move(matrix));  // moving it leaves its bytes where they are
        out.push_back({tensor.name, dtype, tensor.shape, matrices.back()});
    }
    return writer.write(std::move(out));
}

Json dense_config(Json config, bool changed, DType dtype) {
    config.erase("quantization_config");
    if (!changed) return config;
    // transformers 5 calls the member dtype
    const bool is_new = config.contains("dtype");
    if (is_new) config["dtype"] = dense_dtype_name(dtype);
    if (!is_new || config.contains("torch_dtype")) config["torch_dtype"] = dense_dtype_name(dtype);
    return config;
}

Result<void> fill(const HfDir& directory, const Plan& plan, const fs::path& folder, DType dtype, ThreadPool& pool,
                  ProgressSink& progress) {
    const auto count = static_cast<std::int64_t>(plan.shards.size());
    FolderWriter writer(folder, count);
    progress.begin("export", count, "shards");
    for (std::int64_t i = 0; i < count; ++i) {
        DWUBIT_TRY(write_shard(directory, plan.shards[static_cast<std::size_t>(i)], dtype, pool, writer));
        progress.update(i + 1);
    }
    progress.end();
    const Json config = dense_config(directory.config, plan.dequantized > 0, dtype);
    return writer.finish(dump_json(config, 2) + "\n", directory);
}

}  // namespace

Result<DType> dense_dtype_from_name(std::string_view name) {
    std::string known;
    for (const DenseDType& row : kDenseDTypes) {
        if (name == row.name) return row.dtype;
        known += (known.empty() ? "" : "|") + std::string(row.name);
    }
    return errorf(ErrorKind::kUsage, "--dtype {}: unknown dtype", printable(name)).with_hint("--dtype " + known);
}

std::string_view dense_dtype_name(DType dtype) {
    const auto at =
        std::find_if(kDenseDTypes.begin(), kDenseDTypes.end(), [&](const auto& row) { return row.dtype == dtype; });
    return at == kDenseDTypes.end() ? dtype_name(dtype) : at->name;
}

Result<DenseExport> export_dense(const fs::path& model, const fs::path& out, const DenseOptions& options,
                                 ThreadPool& pool, ProgressSink& progress) {
    DWUBIT_ASSIGN(const OpenModel opened, open_model(model));
    const HfDir& directory = opened.directory;
    DWUBIT_ASSIGN(const Plan plan, make_plan(directory.tensors, opened.config));
    std::error_code code;
    const fs::path place = fs::canonical(model, code);
    // Nothing of the remains is used again, so that a name for their files is enough.
    RunIdentity identity = {{"command", "export"},
                            {"model", printable((code ? model : place).string(), 4096)},
                            {"to", "dense"},
                            {"dtype", std::string(dense_dtype_name(options.dtype))},
                            {"shards", std::to_string(plan.shards.size())}};
    DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(out, std::move(identity), options.overwrite));
    auto filled = fill(directory, plan, folder.partial(), options.dtype, pool, progress);
    if (!filled.ok()) {
        folder.keep_if_resumable(filled.error());
        return std::move(filled).error();
    }
    DWUBIT_TRY(folder.finish());
    DWUBIT_ASSIGN(const std::uint64_t bytes, folder_bytes(out));
    return DenseExport{bytes, plan.tensors, plan.dequantized};
}

}  // namespace dwubit
