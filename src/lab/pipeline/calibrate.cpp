#include "lab/pipeline/calibrate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <future>
#include <optional>
#include <utility>

#include "base/folders.h"
#include "base/output_folder.h"
#include "base/scratch_file.h"
#include "base/sha256.h"
#include "base/stop.h"
#include "eval/model_text.h"
#include "hessians/hessian_store.h"
#include "hessians/site_features.h"
#include "lab/calib/layer_pass.h"
#include "lab/calib/sequences.h"
#include "lab/failure.h"
#include "lab/model/decoder.h"
#include "lab/pipeline/source.h"
#include "lab/tensors.h"
#include "lab/torch_compat.h"
#include "lab/units.h"

namespace dwubit::lab {
namespace {

namespace fs = std::filesystem;

// Above this share of rows with NaN or infinity the rest says little about the model.
constexpr double kMaxNonfiniteShare = 0.1;
// Sequences embedded at a time.
constexpr std::int64_t kEmbedSequences = 4;
// Input and output of the layer that runs, and the input of the one before, from which a later run goes on until that
// layer is saved.
constexpr const char* kSpillNames[] = {"activations.0", "activations.1", "activations.2"};
constexpr std::int64_t kSpills = std::ssize(kSpillNames);

// The model, the text and where sums are made: all that a run depends on, checked.
struct Inputs {
    OpenModel model;
    Sequences sequences;
    at::Device device = at::kCPU;
    at::ScalarType dtype = at::kFloat;
    HessianFingerprint fingerprint;
};

Inputs read_inputs(const CalibrateRequest& request, LabContext& context) {
    Inputs inputs;
    inputs.dtype = dtype_from_flag(request.dtype);
    inputs.device = parse_device(context.device);
    unwrap(OutputFolder::check(request.output, request.overwrite));
    inputs.model = open_dense_model(request.model, "calibrate");
    const HfDir& directory = inputs.model.directory;
    const ModelConfig& config = inputs.model.config;
    const Tokenizer tokenizer = unwrap(load_tokenizer(directory));
    inputs.sequences = read_sequences(request, tokenizer, config, context.warn);
    if (request.length > config.max_positions) {
        context.warn(fmt::format("sequences of {} tokens are longer than the {} the model was made for", request.length,
                                 config.max_positions));
    }
    unwrap(check_stop());

    const Sequences& sequences = inputs.sequences;
    inputs.fingerprint.model = check_and_hash(inputs.model, context.pool);
    inputs.fingerprint.tokenizer = unwrap(tokenizer_sha256(directory)).value_or("");
    inputs.fingerprint.corpus = sequences.corpus_sha256;
    inputs.fingerprint.settings = {{"sequences", sequences.count},
                                   {"first_sequence", 0},
                                   {"length", sequences.length},
                                   {"dtype", dtype_flag(inputs.dtype)},
                                   {"field", request.field},
                                   {"add_bos", request.add_bos},
                                   {"doc_end", sequences.document_end ? Json(*sequences.document_end) : Json()}};
    unwrap(check_stop());
    return inputs;
}

RunIdentity identity_of(const Inputs& inputs) {
    RunIdentity identity = {{"command", "calibrate"},
                            {"model", inputs.fingerprint.model},
                            {"tokenizer", inputs.fingerprint.tokenizer},
                            {"corpus", inputs.fingerprint.corpus},
                            {"device", inputs.device.is_cpu() ? "cpu" : "cuda"},
                            {"torch", torch_version()},
                            {"blas", blas_description()}};
    for (const auto& [key, value] : inputs.fingerprint.settings.items()) identity.emplace_back(key, dump_json(value));
    return identity;
}

std::uint64_t spill_bytes(const Inputs& inputs) {
    return inputs.sequences.ids.size() * static_cast<std::uint64_t>(inputs.model.config.hidden) *
           c10::elementSize(inputs.dtype);
}

// Refuses before the work what would not fit after it.
void check_space(const Inputs& inputs, const fs::path& folder) {
    std::uint64_t store = 0;
    for (const Site site : kSites) {
        const auto n = static_cast<std::uint64_t>(site_features(inputs.model.config, site));
        store += n * (n + 3) / 2 * sizeof(float);
    }
    store *= static_cast<std::uint64_t>(inputs.model.config.layers);
    const auto spills = static_cast<std::uint64_t>(std::min(inputs.model.config.layers, kSpills));
    const std::uint64_t all = store + spills * spill_bytes(inputs);
    const std::uint64_t there = unwrap(folder_bytes(folder));  // an earlier run's remains
    const std::uint64_t needed = all - std::min(all, there);
    std::error_code code;
    const fs::space_info space = fs::space(folder, code);
    if (code || space.available >= needed) return;
    throw Failure(errorf(ErrorKind::kIo, "{} has {} MiB free, and calibration needs {} MiB", folder.string(),
                         space.available >> 20, (needed >> 20) + 1)
                      .with_hint("fewer or shorter sequences, or -o on another disk"));
}

// One calibration in a folder, from the first layer that an earlier run has not finished.
//
// While a layer runs, a thread of its own writes the Hessians of the one before: it mostly waits for the disk. What it
// holds are packed float32 triangles, a quarter of a layer's float64 squares, so that on the CPU the promise of one
// layer and its Hessians in memory is kept, and a GPU needs no room for two layers' sums.
class Calibration {
public:
    Calibration(const Inputs& inputs, const fs::path& folder, LabContext& context)
        : inputs_(inputs),
          folder_(folder),
          context_(context),
          writer_(unwrap(HessianStoreWriter::open(folder, inputs.fingerprint))),
          decoder_(inputs.model.directory, inputs.model.config, inputs.sequences.length, inputs.device, inputs.dtype) {
        read_progress();
    }

    std::int64_t first_layer() const { return first_layer_; }
    // Layers that a later run would not do again. Not while run() is on its way.
    std::int64_t saved_layers() const { return saved_layers_; }
    const std::vector<HessianRecord>& records() const { return writer_.records(); }

    void run() {
        try {
            run_layers();
        } catch (...) {
            // What stopped the run is what the user is told, and what is on its way to the disk arrives there.
            if (saving_.valid() && saving_.get().ok()) ++saved_layers_;
            throw;
        }
        for (auto& spill : spills_) spill.reset();
        remove_spill();
        unwrap(writer_.finish({{"sequences", inputs_.sequences.count},
                               {"length", inputs_.sequences.length},
                               {"tokens", inputs_.sequences.ids.size()},
                               {"dtype", dtype_flag(inputs_.dtype)}}));
    }

    void remove_spill() const {
        std::error_code ignored;
        for (const char* name : kSpillNames) fs::remove(folder_ / name, ignored);
    }

private:
    void run_layers() {
        if (first_layer_ == 0) embed();
        const std::int64_t layers = inputs_.model.config.layers;
        const Sequences& sequences = inputs_.sequences;
        LayerPass pass(decoder_, sequences.count, sequences.length, context_.pool);
        for (std::int64_t layer = first_layer_; layer < layers; ++layer) {
            const std::byte* const input = spill(layer).data();
            std::byte* const output = layer + 1 < layers ? spill(layer + 1).data() : nullptr;
            const auto results = pass.run(decoder_.load_layer(layer), input, output, [&](auto done) {
                context_.progress.update(layer * sequences.count + done);
                unwrap(check_stop());
                if (saving_.valid() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) join();
            });
            join();
            save(layer, results);
        }
        join();
    }

    // Input of `layer`.
    fs::path spill_path(std::int64_t layer) const { return folder_ / kSpillNames[layer % kSpills]; }
    std::optional<ScratchFile>& spill_slot(std::int64_t layer) {
        return spills_[static_cast<std::size_t>(layer % kSpills)];
    }

    // Kept mapped, and written again three layers later.
    ScratchFile& spill(std::int64_t layer) {
        std::optional<ScratchFile>& slot = spill_slot(layer);
        if (!slot) {
            auto file = ScratchFile::create(spill_path(layer), spill_bytes(inputs_));
            if (!file.ok()) {
                file.error().hint = "activations between layers are kept there; -o on a disk with more room";
            }
            slot = unwrap(std::move(file));
        }
        return *slot;
    }

    // Where an earlier run stopped; from the start if its activations are not what it wrote.
    void read_progress() {
        const Json& progress = writer_.progress();
        const auto next = progress.find("next_layer");
        if (!progress.is_object() || next == progress.end() || !next->is_number_integer()) return;
        const auto layer = next->get<std::int64_t>();
        if (layer < 1 || layer > inputs_.model.config.layers) return;
        if (layer < inputs_.model.config.layers) {
            const fs::path path = spill_path(layer);
            Result<ScratchFile> left = ScratchFile::open(path, spill_bytes(inputs_));
            if (!left.ok() || Json(left->checksum(context_.pool)) != progress.value("activations", Json())) {
                context_.warn(fmt::format("the activations that an earlier run left at {} are damaged: starting again",
                                          path.string()));
                return;
            }
            spill_slot(layer) = std::move(*left);
        }
        first_layer_ = saved_layers_ = layer;
        for (const HessianRecord& record : writer_.records()) {
            if (record.layer >= layer || record.nonfinite == 0) continue;
            context_.warn(
                fmt::format("layer {} site {}: {} input rows held NaN or infinity in the run before; left out",
                            record.layer, site_name(record.site), record.nonfinite));
        }
    }

    void embed() {
        ScratchFile& file = spill(0);
        const Sequences& sequences = inputs_.sequences;
        const Decoder on_cpu(inputs_.model.directory, inputs_.model.config, sequences.length, at::kCPU, inputs_.dtype);
        const std::uint64_t sequence_bytes = file.size() / static_cast<std::uint64_t>(sequences.count);
        const std::int64_t units = (sequences.count + kEmbedSequences - 1) / kEmbedSequences;
        run_units(context_.pool, units, [&](std::int64_t unit) {
            const std::int64_t first = unit * kEmbedSequences;
            const std::int64_t count = std::min(kEmbedSequences, sequences.count - first);
            const at::Tensor rows = on_cpu.embed(sequences.range(first, count));
            std::memcpy(file.data() + static_cast<std::uint64_t>(first) * sequence_bytes, rows.data_ptr(),
                        static_cast<std::uint64_t>(count) * sequence_bytes);
        });
    }

    // Starts to save; REQUIRES: the layer before is saved.
    void save(std::int64_t layer, const std::vector<SiteResult>& results) {
        const auto rows = static_cast<std::int64_t>(inputs_.sequences.ids.size());
        std::vector<Hessian> hessians;
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i].sum.nonfinite() > 0) report_nonfinite(layer, kSites[i], results[i], rows);
            hessians.push_back(results[i].sum.finish(context_.pool));
        }
        saving_ = std::async(std::launch::async, [this, layer, hessians = std::move(hessians)]() -> Result<void> {
            for (std::size_t i = 0; i < hessians.size(); ++i) {
                DWUBIT_TRY(writer_.add(layer, kSites[i], hessians[i]));
            }
            ThreadPool alone(1);  // the pool's threads have the next layer to do
            const std::optional<ScratchFile>& output = spill_slot(layer + 1);
            const bool last = layer + 1 == inputs_.model.config.layers;
            return writer_.flush({{"next_layer", layer + 1}, {"activations", last ? "" : output->checksum(alone)}});
        });
    }

    // Waits until the layer on its way to the disk is there.
    void join() {
        if (!saving_.valid()) return;
        unwrap(saving_.get());
        ++saved_layers_;
    }

    void report_nonfinite(std::int64_t layer, Site site, const SiteResult& result, std::int64_t rows) const {
        const std::string text = fmt::format(
            "layer {} site {}: {} of {} input rows hold NaN or infinity, the first in sequence {} at "
            "position {}",
            layer, site_name(site), result.sum.nonfinite(), rows, result.first_nonfinite->sequence,
            result.first_nonfinite->position);
        if (static_cast<double>(result.sum.nonfinite()) <= kMaxNonfiniteShare * static_cast<double>(rows)) {
            context_.warn(text + "; left out");
            return;
        }
        throw Failure(make_error(ErrorKind::kInvalidInput, text)
                          .with_hint(inputs_.dtype == at::kFloat ? "the model overflows on this text: check its weights"
                                                                 : "--dtype float32"));
    }

    const Inputs& inputs_;
    fs::path folder_;
    LabContext& context_;
    HessianStoreWriter writer_;  // of the thread that saves, while there is one
    Decoder decoder_;
    std::array<std::optional<ScratchFile>, kSpills> spills_;
    std::int64_t first_layer_ = 0;
    std::int64_t saved_layers_ = 0;
    std::future<Result<void>> saving_;  // last: its end is waited for before anything it uses goes
};

struct Summary {
    std::int64_t first_layer = 0;
    std::vector<HessianRecord> records;
};

// Fills folder.partial(). What a failure leaves there is kept if a later run can use it.
Summary fill(const Inputs& inputs, OutputFolder& folder, LabContext& context) {
    reset_peak_memory(inputs.device);
    context.progress.begin("calibrate", inputs.model.config.layers * inputs.sequences.count, "sequences");
    std::optional<Calibration> calibration;
    try {
        check_space(inputs, folder.partial());
        calibration.emplace(inputs, folder.partial(), context);
        calibration->run();
    } catch (...) {
        context.progress.end();
        if (calibration && calibration->saved_layers() == 0) calibration->remove_spill();
        if (calibration || folder.resumed()) folder.keep_if_resumable(current_error());
        throw;
    }
    context.progress.end();
    return {calibration->first_layer(), calibration->records()};
}

Json result_object(const Inputs& inputs, const CalibrateRequest& request, const LabContext& context,
                   const Summary& summary, double seconds) {
    const Sequences& sequences = inputs.sequences;
    const std::int64_t layers = inputs.model.config.layers - summary.first_layer;
    const double operations =
        static_cast<double>(layers) * LayerPass::operations(inputs.model.config, sequences.count, sequences.length);
    std::int64_t nonfinite = 0;
    Json sites = Json::array();
    for (const HessianRecord& record : summary.records) {
        nonfinite += record.nonfinite;
        sites.push_back(to_json(record));
    }
    Json result = {{"hessians", request.output.string()},
                   {"tokens", sequences.ids.size()},
                   {"sequences", sequences.count},
                   {"length", sequences.length},
                   {"dtype", dtype_flag(inputs.dtype)},
                   {"device", context.device},
                   {"nonfinite_rows", nonfinite},
                   {"seconds", seconds},
                   {"gflops", seconds > 0 ? operations / seconds * 1e-9 : 0.0},
                   {"fingerprint", to_json(inputs.fingerprint)},
                   {"sites", std::move(sites)},
                   {"resumed_layers", summary.first_layer},
                   {"threads", context.pool.size()}};
    if (!inputs.device.is_cpu()) result["device_peak_bytes"] = peak_memory(inputs.device);
    return result;
}

}  // namespace

Json calibrate(const CalibrateRequest& request, LabContext& context) {
    const Inputs inputs = read_inputs(request, context);
    OutputFolder folder = unwrap(OutputFolder::open(request.output, identity_of(inputs), request.overwrite));
    const auto start = std::chrono::steady_clock::now();
    const Summary summary = fill(inputs, folder, context);
    unwrap(folder.finish());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result_object(inputs, request, context, summary, seconds);
}

}  // namespace dwubit::lab
