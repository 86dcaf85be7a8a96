"""ONNX models in whole numbers, as onnxruntime.quantization makes them: QDQ, i8, a scale for each
channel of the weights. What it leaves beside the model goes away."""

import tempfile
from pathlib import Path

from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                      quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process


class Examples(CalibrationDataReader):
    def __init__(self, x):
        self.rows = iter(x)

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {"input": row[None]}


def quantize(model, examples, made):
    """Both are paths. Batch normalization is folded first, as its documents advise; shapes are
    fixed, so that there are no symbols to find out."""
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(model, folded, skip_symbolic_shape=True)
        quantize_static(folded, made, Examples(examples), quant_format=QuantFormat.QDQ,
                        activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
                        per_channel=True)
