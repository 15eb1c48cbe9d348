#include "lab/pipeline/quantize.h"

#include "lab/failure.h"

namespace dwubit::lab {

Json quantize(const QuantizeRequest&, LabContext&) {
    fail(ErrorKind::kUnsupported, "quantize: not there yet");
}

}  // namespace dwubit::lab
