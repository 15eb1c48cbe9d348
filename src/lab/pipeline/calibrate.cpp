#include "lab/pipeline/calibrate.h"

#include "lab/failure.h"

namespace dwubit::lab {

Json calibrate(const CalibrateRequest&, LabContext&) {
    fail(ErrorKind::kUnsupported, "calibrate: not there yet");
}

}  // namespace dwubit::lab
