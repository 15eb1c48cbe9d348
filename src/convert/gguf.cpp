#include "convert/gguf.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <system_error>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "checkpoint/gguf_writer.h"
#include "checkpoint/stored_tensor.h"
#include "convert/gguf_parts.h"
#include "convert/model_matrix.h"
#include "ggml/block_type.h"
#include "runtime/formats/format.h"
#include "runtime/model/gguf_names.h"
#include "runtime/model/open_model.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

// Rows of a matrix per unit of work.
constexpr std::int64_t kRows = 32;
constexpr const char* kKeep = "keep";
constexpr std::uint32_t kQuantizationVersion = 2;  // ggml's, of the layout of its blocks

// What --type may be, and general.file_type of each.
struct FileType {
    const char* name;  // of the block type
    std::uint32_t id;
};
constexpr std::array<FileType, 4> kTypes = {{{"F32", 0}, {"F16", 1}, {"BF16", 32}, {"Q8_0", 7}}};
// Of files whose matrices are mostly of this type.
constexpr std::array<FileType, 10> kFileTypes = {{{"F32", 0},
                                                  {"F16", 1},
                                                  {"Q4_0", 2},
                                                  {"Q5_0", 8},
                                                  {"Q8_0", 7},
                                                  {"Q2_K", 10},
                                                  {"Q4_K", 15},
                                                  {"Q5_K", 17},
                                                  {"Q6_K", 18},
                                                  {"IQ2_XXS", 19}}};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

const BlockType& block_type(std::string_view name) {
    const BlockType* const type = find_block_type(name);
    DWUBIT_CHECK(type != nullptr);
    return *type;
}

// The block type whose bytes a format holds; nullptr: its bytes are of its own.
const BlockType* block_type_of(const Format& format) {
    for (const BlockType& type : block_types()) {
        if (type.weights > 1 && lower(type.name) == format.id) return &type;
    }
    return nullptr;
}

// One tensor of the file: the name it has in Hugging Face's layout, and where its rows come from.
struct Planned {
    std::string hf_name;
    GgufTensor out;
    const TensorView* stored = nullptr;  // else a packed linear, of a fused one the rows of a part
    LinearShape linear;
    const LinearFormat* packed = nullptr;
    std::int64_t first_row = 0;
    std::int64_t heads = 0;     // rows are written in GGUF's order for RoPE
    std::vector<float> values;  // made here: RoPE's factors
};

// Where the row `place` of the file stands in Hugging Face's order.
std::int64_t row_at(std::int64_t place, std::int64_t rows, std::int64_t heads) {
    if (heads == 0) return place;
    const std::int64_t size = rows / heads;
    const std::int64_t in_head = place % size;
    return place - in_head + in_head % 2 * (size / 2) + in_head / 2;
}

// A bias whose values move is written as a column; any other vector is one row.
bool is_column(const Planned& tensor) {
    return tensor.out.shape.size() == 1 && tensor.heads > 0;
}

class Planner {
public:
    Planner(const OpenModel& model, const BlockType* type, std::vector<std::string>& warnings)
        : model_(model), config_(model.config), type_(type), warnings_(warnings) {}

    Result<std::vector<Planned>> plan() {
        find_packed();
        ModelConfig dense = config_;
        dense.packed.clear();
        dense.fused.clear();
        for (const ExpectedTensor& tensor : expected_tensors(dense)) DWUBIT_TRY(add(tensor));
        std::vector<float> factors = gguf_rope_factors(config_);
        if (!factors.empty()) {
            Planned rope;
            rope.out = {std::string(kRopeFactors), {static_cast<std::int64_t>(factors.size())}, &block_type("F32")};
            rope.values = std::move(factors);
            plan_.push_back(std::move(rope));
        }
        return std::move(plan_);
    }

private:
    // Where each linear that is packed lies, under its own name.
    void find_packed() {
        for (const LinearShape& linear : all_linears(config_)) {
            const auto found = config_.packed.find(linear.module);
            if (found == config_.packed.end()) continue;
            mixed_ = mixed_ || block_type_of(*found->second.format) != nullptr;
            std::vector<LinearPart> parts = linear.parts;
            if (parts.empty()) parts.push_back({linear.module, linear.out});
            std::int64_t first = 0;
            for (const LinearPart& part : parts) {
                Planned planned;
                planned.linear = linear;
                planned.packed = &found->second;
                planned.first_row = first;
                first += part.rows;
                packed_[part.module + ".weight"] = std::move(planned);
            }
        }
    }

    Result<void> add(const ExpectedTensor& tensor) {
        Planned planned;
        const auto packed = packed_.find(tensor.name);
        if (packed != packed_.end()) {
            planned = packed->second;
        } else {
            DWUBIT_ASSIGN(planned.stored, model_.directory.tensors.require(tensor.name));
        }
        planned.hf_name = tensor.name;
        const auto name = gguf_tensor_name(tensor.name);
        DWUBIT_CHECK(name.has_value());
        DWUBIT_ASSIGN(const BlockType* type, choose_type(tensor, planned));
        planned.out = {*name, tensor.shape, type};
        if (gguf_architecture_of(config_).reorders_heads) {
            if (name->find(".attn_q.") != std::string::npos) planned.heads = config_.heads;
            if (name->find(".attn_k.") != std::string::npos) planned.heads = config_.kv_heads;
        }
        plan_.push_back(std::move(planned));
        return {};
    }

    Result<const BlockType*> choose_type(const ExpectedTensor& tensor, const Planned& planned) {
        if (tensor.shape.size() == 1) return &block_type("F32");
        const std::int64_t columns = tensor.shape.back();
        if (type_ != nullptr) return fitting(*type_, tensor, columns);
        if (planned.stored == nullptr) {
            const BlockType* const kept = block_type_of(*planned.packed->format);
            if (kept != nullptr && !has_transforms(*planned.packed)) return kept;
            return errorf(ErrorKind::kUnsupported, "module '{}' is in format {}{}, for which GGUF has no type",
                          planned.linear.module, planned.packed->format->id, kept != nullptr ? " with a transform" : "")
                .with_hint("--type f16 writes the values it stands for");
        }
        if (planned.stored->dtype == DType::kBlocks) return planned.stored->blocks;
        const GlobalTensorNames names = global_tensor_names(config_);
        const bool head = tensor.name == names.head + ".weight";
        if (mixed_ && (head || tensor.name == names.embedding + ".weight")) return mixed_type(head, columns);
        return &block_type(dtype_name(planned.stored->dtype));
    }

    // llama.cpp's mixes of about two bits: Q5_K for what makes the logits, Q2_K for the embedding alone.
    const BlockType* mixed_type(bool head, std::int64_t columns) const {
        const BlockType& type = block_type(head ? "Q5_K" : "Q2_K");
        if (columns % type.weights == 0) return &type;
        const BlockType& smaller = block_type(head ? "Q8_0" : "Q4_0");
        return columns % smaller.weights == 0 ? &smaller : &block_type("F16");
    }

    const BlockType* fitting(const BlockType& type, const ExpectedTensor& tensor, std::int64_t columns) {
        if (columns % type.weights == 0) return &type;
        warnings_.push_back(fmt::format("{} has rows of {}, no multiple of {}: it is written as F16", tensor.name,
                                        columns, type.weights));
        return &block_type("F16");
    }

    const OpenModel& model_;
    const ModelConfig& config_;
    const BlockType* type_;  // nullptr: keep
    std::vector<std::string>& warnings_;
    std::map<std::string, Planned> packed_;
    bool mixed_ = false;  // some linears are in blocks of ggml
    std::vector<Planned> plan_;
};

// Rows of one tensor, wherever they come from. Safe to use from several threads.
class RowSource {
public:
    static Result<RowSource> open(const TensorTable& table, const Planned& tensor, ThreadPool& pool) {
        RowSource source(tensor);
        if (tensor.stored != nullptr) {
            DWUBIT_TRY(check_finite(*tensor.stored));
            if (is_column(tensor)) {
                source.matrix_.resize(static_cast<std::size_t>(tensor.out.shape[0]));
                DWUBIT_TRY(read_as_f32(*tensor.stored, source.matrix_));
                return source;
            }
            const bool same = value_type(*tensor.stored) == tensor.out.type;
            source.bytes_ = same ? tensor.stored : nullptr;
            return source;
        }
        if (tensor.packed == nullptr) return source;
        const std::string where = fmt::format("module '{}'", tensor.linear.module);
        if (has_transforms(*tensor.packed)) {
            DWUBIT_ASSIGN(source.matrix_, model_matrix(table, tensor.linear, *tensor.packed, pool, where));
            return source;
        }
        source.view_ = packed_view(table, tensor.linear, *tensor.packed);
        DWUBIT_TRY(check_packed(*tensor.packed->format, source.view_, where));
        if (block_type_of(*tensor.packed->format) == tensor.out.type) {
            source.blocks_ = source.view_.find("codes");
        }
        DWUBIT_ASSIGN(source.reader_, tensor.packed->format->bind(source.view_).context(where));
        return source;
    }

    // The bytes of a row as the file has them, where they need no encoding.
    std::span<const std::byte> bytes(std::int64_t row) const {
        if (bytes_ != nullptr) return stored_row(*bytes_, row);
        if (blocks_ == nullptr) return {};
        const std::size_t size = blocks_->bytes.size() / static_cast<std::size_t>(blocks_->shape[0]);
        return blocks_->bytes.subspan(static_cast<std::size_t>(tensor_->first_row + row) * size, size);
    }

    void values(std::int64_t row, std::span<float> out) const {
        const auto columns = static_cast<std::int64_t>(out.size());
        if (!matrix_.empty()) {
            std::copy_n(matrix_.data() + (tensor_->first_row + row) * columns, columns, out.data());
        } else if (tensor_->stored != nullptr) {
            read_stored_rows(*tensor_->stored, row, 1, out.data());
        } else if (reader_ != nullptr) {
            reader_->dequantize(tensor_->first_row + row, 1, out.data());
        } else {
            std::copy_n(tensor_->values.data() + row * columns, columns, out.data());
        }
    }

private:
    explicit RowSource(const Planned& tensor) : tensor_(&tensor) {}

    static const BlockType* value_type(const TensorView& tensor) {
        return tensor.dtype == DType::kBlocks ? tensor.blocks : find_block_type(dtype_name(tensor.dtype));
    }

    const Planned* tensor_;
    const TensorView* bytes_ = nullptr;
    const TensorView* blocks_ = nullptr;
    PackedView view_;
    std::unique_ptr<FormatReader> reader_;
    std::vector<float> matrix_;  // all values, where they are not read row by row
};

// Whether every value is finite, and still so in `type`.
std::optional<float> find_bad_value(std::span<const float> values, const BlockType& type, std::span<float> room,
                                    const std::byte* encoded) {
    const auto is_bad = [](float value) { return !std::isfinite(value); };
    const auto bad = std::find_if(values.begin(), values.end(), is_bad);
    if (bad != values.end()) return *bad;
    type.decode(encoded, static_cast<std::int64_t>(values.size()) / type.weights, room.data());
    const auto lost = std::find_if(room.begin(), room.end(), is_bad);
    if (lost != room.end()) return values[static_cast<std::size_t>(lost - room.begin())];
    return std::nullopt;
}

// The tensor's bytes in the file.
Result<std::vector<std::byte>> make_bytes(const TensorTable& table, const Planned& tensor, ThreadPool& pool) {
    DWUBIT_ASSIGN(const RowSource source, RowSource::open(table, tensor, pool));
    const BlockType& type = *tensor.out.type;
    const bool column = is_column(tensor);
    const std::int64_t columns = column ? 1 : tensor.out.shape.back();
    const std::int64_t rows = tensor.out.shape.size() == 1 && !column ? 1 : tensor.out.shape.front();
    std::vector<std::byte> bytes(tensor.out.bytes());
    const std::size_t row_bytes = bytes.size() / static_cast<std::size_t>(rows);
    const std::int64_t units = (rows + kRows - 1) / kRows;
    std::vector<std::optional<float>> bad(static_cast<std::size_t>(units));
    pool.parallel_for(units, [&](std::int64_t unit) {
        thread_local std::vector<float> values;
        thread_local std::vector<float> room;
        values.resize(static_cast<std::size_t>(columns));
        room.resize(values.size());
        for (std::int64_t place = unit * kRows; place < std::min(rows, (unit + 1) * kRows); ++place) {
            const std::int64_t row = row_at(place, rows, tensor.heads);
            std::byte* const out = bytes.data() + static_cast<std::size_t>(place) * row_bytes;
            const auto stored = source.bytes(row);
            if (!stored.empty()) {
                std::memcpy(out, stored.data(), row_bytes);
                continue;
            }
            source.values(row, values);
            type.encode(values.data(), columns / type.weights, nullptr, out);
            const auto found = find_bad_value(values, type, room, out);
            if (found) bad[static_cast<std::size_t>(unit)] = found;
        }
    });
    for (const auto& value : bad) {
        if (!value) continue;
        return errorf(ErrorKind::kInvalidInput, "tensor '{}' holds {}, which {} cannot hold", tensor.hf_name, *value,
                      type.name)
            .with_hint("--type f32 holds every finite value");
    }
    return bytes;
}

// The type of most weights.
const BlockType& main_type(const std::vector<Planned>& plan) {
    std::map<const BlockType*, std::uint64_t> weights;
    for (const Planned& tensor : plan) {
        std::int64_t count = 0;
        // Of the layers: the mix of embedding and head is not what a file is named by.
        if (tensor.out.shape.size() != 2 || !tensor.out.name.starts_with("blk.")) continue;
        if (element_count(tensor.out.shape, &count)) weights[tensor.out.type] += static_cast<std::uint64_t>(count);
    }
    const auto most = std::max_element(weights.begin(), weights.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == weights.end() ? block_type("F32") : *most->first;
}

std::optional<std::uint32_t> file_type(const OpenModel& model, const BlockType& type, bool kept) {
    if (kept && model.directory.is_gguf()) {
        const auto stated = model.directory.gguf->integer("general.file_type", 0, 1023);
        if (stated.ok()) return static_cast<std::uint32_t>(*stated);
        return std::nullopt;
    }
    if (std::string_view(type.name) == "BF16") return 32;
    for (const FileType& row : kFileTypes) {
        if (std::string_view(row.name) == type.name) return row.id;
    }
    return std::nullopt;
}

Result<const BlockType*> type_from_name(const std::string& name) {
    if (name == kKeep) return static_cast<const BlockType*>(nullptr);
    std::string known = kKeep;
    for (const FileType& row : kTypes) {
        if (lower(row.name) == lower(name)) return &block_type(row.name);
        known += "|" + lower(row.name);
    }
    return errorf(ErrorKind::kUsage, "--type {}: unknown type", printable(name)).with_hint("--type " + known);
}

Result<void> check_output(const fs::path& out, bool overwrite) {
    std::error_code code;
    const fs::file_status status = fs::status(out, code);
    if (!fs::exists(status)) return {};
    if (fs::is_directory(status)) {
        return errorf(ErrorKind::kUsage, "output {} is a folder; a GGUF model is one file", out.string())
            .with_hint("-o " + (out / "model.gguf").string());
    }
    if (overwrite) return {};
    return errorf(ErrorKind::kUsage, "output {} exists", out.string()).with_hint("--overwrite replaces it");
}

}  // namespace

Result<GgufExport> export_gguf(const fs::path& model, const fs::path& out, const GgufOptions& options, ThreadPool& pool,
                               ProgressSink& progress) {
    DWUBIT_ASSIGN(const BlockType* type, type_from_name(options.type));
    DWUBIT_TRY(check_output(out, options.overwrite));
    DWUBIT_ASSIGN(const OpenModel opened, open_model(model));
    GgufExport done;
    DWUBIT_ASSIGN(const std::vector<Planned> plan, Planner(opened, type, done.warnings).plan());
    const BlockType& most = main_type(plan);
    done.type = lower(most.name);
    GgufFields fields;
    add_model_fields(opened.directory, opened.config, fields);
    if (const auto id = file_type(opened, most, type == nullptr)) fields.add("general.file_type", *id);
    if (most.weights > 1) fields.add("general.quantization_version", kQuantizationVersion);
    DWUBIT_TRY(add_tokenizer_fields(opened.directory, opened.config, fields, done.warnings));
    std::vector<GgufTensor> tensors;
    for (const Planned& tensor : plan) tensors.push_back(tensor.out);
    done.tensors = static_cast<std::int64_t>(tensors.size());
    DWUBIT_ASSIGN(GgufWriter writer, GgufWriter::create(out, fields, std::move(tensors)));
    progress.begin("export", done.tensors, "tensors");
    for (std::int64_t i = 0; i < done.tensors; ++i) {
        DWUBIT_ASSIGN(const auto bytes, make_bytes(opened.directory.tensors, plan[static_cast<std::size_t>(i)], pool));
        DWUBIT_TRY(writer.write(bytes));
        progress.update(i + 1);
    }
    DWUBIT_TRY(writer.commit());
    progress.end();
    done.bytes = writer.bytes();
    return done;
}

}  // namespace dwubit
